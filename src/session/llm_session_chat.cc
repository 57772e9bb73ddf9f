// LlmSession::Chat and RenderPrompt.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_message.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "src/session/chat_messages.h"
#include "src/session/chat_turns.h"
#include "src/session/generation.h"
#include "src/session/llm_session_state.h"
#include "src/session/running_call.h"
#include "src/text/prompt_template.h"

namespace inkling {
namespace {

bool IgnoreText(absl::string_view) { return true; }

// Nothing holds an answer to a choice yet.
absl::Status CheckToolChoice(const ChatOptions& options) {
  if (options.tool_choice == ToolChoice::kAuto) return absl::OkStatus();
  if (options.tool_choice > ToolChoice::kRequired) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tool_choice is ", static_cast<int>(options.tool_choice), "; expected 0 to 2"));
  }
  return absl::UnimplementedError("tool_choice: answers are held to kAuto only");
}

}  // namespace

absl::StatusOr<GenerateResult> LlmSession::State::Chat(absl::StatusOr<ChatTurns::Step> step,
                                                       absl::string_view assistant_prefix,
                                                       const GenerateOptions& generate_options,
                                                       RunningCall& call, TextCallback callback) {
  if (!step.ok()) return step.status();
  GenerateOptions turn_options = generate_options;
  const PromptTemplateData& data = engine.prompt_template().data();
  for (const std::string& stop : data.stop_strings) {
    if (!stop.empty()) turn_options.stop_strings.push_back(stop);
  }
  for (const std::string& stop : data.tools.stop_strings) {
    if (step->has_tools() && !stop.empty()) turn_options.stop_strings.push_back(stop);
  }
  const TextPosition position =
      assistant_prefix.empty() ? TextPosition::kStart : TextPosition::kContinuation;
  return Generate(step->kept, step->added, turn_options, position, call, callback, &*step,
                  assistant_prefix);
}

absl::StatusOr<GenerateResult> LlmSession::Chat(absl::string_view user_text,
                                                const GenerateOptions& options,
                                                TextCallback callback) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  ABSL_RETURN_IF_ERROR(ValidateGenerateOptions(options, model().vocab_size()));
  return state_->Chat(state_->turns.Next(user_text, state_->context.tokens()), "", options, call,
                      callback);
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
  ABSL_RETURN_IF_ERROR(CheckToolChoice(chat_options));
  ABSL_ASSIGN_OR_RETURN(std::vector<TemplateMessage> converted, TemplateMessages(messages));
  ABSL_ASSIGN_OR_RETURN(std::vector<TemplateTool> tools, TemplateTools(chat_options.tools));
  return state_->Chat(
      state_->turns.Replace(std::move(converted), std::move(tools), chat_options.assistant_prefix,
                            state_->context.tokens()),
      chat_options.assistant_prefix, options, call, callback);
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
  ABSL_RETURN_IF_ERROR(CheckToolChoice(chat_options));
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
