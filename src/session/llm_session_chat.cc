// LlmSession::Chat and RenderPrompt.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_message.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "inkling/output_constraint.h"
#include "src/session/chat_messages.h"
#include "src/session/chat_turns.h"
#include "src/session/generation.h"
#include "src/session/llm_session_state.h"
#include "src/session/running_call.h"
#include "src/session/tools/tool_constraint.h"
#include "src/text/prompt_template.h"

namespace inkling {
namespace {

bool IgnoreText(absl::string_view) { return true; }

absl::Status CheckToolChoice(const ChatOptions& options, const GenerateOptions& generate_options) {
  if (options.tool_choice > ToolChoice::kRequired) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tool_choice is ", static_cast<int>(options.tool_choice), "; expected 0 to 2"));
  }
  const bool is_required = options.tool_choice == ToolChoice::kRequired;
  if (is_required && options.tools.empty())
    return absl::InvalidArgumentError("tool_choice requires a call, and there are no tools");
  if (is_required && !options.assistant_prefix.empty()) {
    return absl::InvalidArgumentError(
        "tool_choice requires a call, which can't follow an assistant_prefix");
  }
  if (generate_options.constraint == nullptr || options.tools.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "constraint and tools: an answer is held to one of them; give the other to another call");
}

}  // namespace

// What holds an answer with tools; that of the call before, if it is the same.
absl::StatusOr<std::shared_ptr<const OutputConstraint>> LlmSession::State::ToolConstraint(
    absl::Span<const TemplateTool> tools, const ToolUse& use) {
  if (tool_guide.constraint != nullptr && tool_guide.use == use &&
      absl::c_equal(tool_guide.tools, tools)) {
    return tool_guide.constraint;
  }
  ABSL_ASSIGN_OR_RETURN(
      tool_guide.constraint,
      MakeToolConstraint(engine, engine.prompt_template().data().tools.call, tools, use));
  tool_guide.tools.assign(tools.begin(), tools.end());
  tool_guide.use = use;
  return tool_guide.constraint;
}

absl::StatusOr<GenerateResult> LlmSession::State::Chat(absl::StatusOr<ChatTurns::Step> step,
                                                       const ToolUse& tool_use,
                                                       absl::string_view assistant_prefix,
                                                       const GenerateOptions& generate_options,
                                                       RunningCall& call, TextCallback callback) {
  if (!step.ok()) return step.status();
  GenerateOptions turn_options = generate_options;
  const PromptTemplateData& data = engine.prompt_template().data();
  for (const std::string& stop : data.stop_strings) {
    if (!stop.empty()) turn_options.stop_strings.push_back(stop);
  }
  if (step->has_tools() && generate_options.constraint == nullptr) {
    ABSL_ASSIGN_OR_RETURN(turn_options.constraint, ToolConstraint(step->tools, tool_use));
  }
  if (step->has_tools()) AddStops(data.tools.stop_strings, turn_options);
  const TextPosition position =
      assistant_prefix.empty() ? TextPosition::kStart : TextPosition::kContinuation;
  return Generate(step->kept, step->added, turn_options, position, call, callback, &*step,
                  assistant_prefix);
}

// Strings that end an answer; those that are tokens don't appear in decoded text.
void LlmSession::State::AddStops(absl::Span<const std::string> strings,
                                 GenerateOptions& turn_options) const {
  for (const std::string& stop : strings) {
    const auto& added = engine.tokenizer().data().added_tokens;
    const auto token =
        absl::c_find_if(added, [&](const AddedToken& one) { return one.content == stop; });
    if (token != added.end()) {
      turn_options.stop_tokens.push_back(token->id);
    } else if (!stop.empty()) {
      turn_options.stop_strings.push_back(stop);
    }
  }
}

absl::StatusOr<GenerateResult> LlmSession::Chat(absl::string_view user_text,
                                                const GenerateOptions& options,
                                                TextCallback callback) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  ABSL_RETURN_IF_ERROR(ValidateGenerateOptions(options, model().vocab_size()));
  return state_->Chat(state_->turns.Next(user_text, state_->context.tokens()), {}, "", options,
                      call, callback);
}

absl::StatusOr<GenerateResult> LlmSession::Chat(absl::string_view user_text,
                                                const GenerateOptions& options) {
  return Chat(user_text, options, IgnoreText);
}

absl::StatusOr<GenerateResult> LlmSession::Chat(absl::Span<const ChatMessage> messages,
                                                const ChatOptions& chat_options,
                                                const GenerateOptions& options,
                                                TextCallback callback) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  ABSL_RETURN_IF_ERROR(ValidateGenerateOptions(options, model().vocab_size()));
  ABSL_RETURN_IF_ERROR(CheckToolChoice(chat_options, options));
  ABSL_ASSIGN_OR_RETURN(std::vector<TemplateMessage> converted, TemplateMessages(messages));
  ABSL_ASSIGN_OR_RETURN(std::vector<TemplateTool> tools, TemplateTools(chat_options.tools));
  const ToolUse use = {.choice = chat_options.tool_choice,
                       .several_calls = chat_options.parallel_tool_calls};
  return state_->Chat(
      state_->turns.Replace(std::move(converted), std::move(tools), chat_options.assistant_prefix,
                            state_->context.tokens()),
      use, chat_options.assistant_prefix, options, call, callback);
}

absl::StatusOr<GenerateResult> LlmSession::Chat(absl::Span<const ChatMessage> messages,
                                                const ChatOptions& chat_options,
                                                const GenerateOptions& options) {
  return Chat(messages, chat_options, options, IgnoreText);
}

absl::StatusOr<RenderedPrompt> LlmSession::RenderPrompt(absl::Span<const ChatMessage> messages,
                                                        const ChatOptions& chat_options) const {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  ABSL_ASSIGN_OR_RETURN(std::vector<TemplateMessage> converted, TemplateMessages(messages));
  ABSL_RETURN_IF_ERROR(CheckToolChoice(chat_options, {}));
  ABSL_ASSIGN_OR_RETURN(std::vector<TemplateTool> tools, TemplateTools(chat_options.tools));
  RenderedPrompt prompt;
  ABSL_ASSIGN_OR_RETURN(prompt.text,
                        state_->turns.Text(converted, tools, chat_options.assistant_prefix));
  const std::vector<int32_t>& tokens = state_->context.tokens();
  ABSL_ASSIGN_OR_RETURN(ChatTurns::Step step,
                        state_->turns.Replace(std::move(converted), std::move(tools),
                                              chat_options.assistant_prefix, tokens));
  prompt.tokens.assign(tokens.begin(), tokens.begin() + step.kept);
  prompt.tokens.insert(prompt.tokens.end(), step.added.begin(), step.added.end());
  prompt.num_reused_tokens =
      state_->context.NumReusable(step.kept, static_cast<int32_t>(prompt.tokens.size()));
  return prompt;
}

}  // namespace inkling
