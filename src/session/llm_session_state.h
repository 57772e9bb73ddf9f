// LlmSession::State: what a session consists of.
//
// llm_session.cc has its calls, and files named after it those of one task: llm_session_chat.cc,
// llm_session_insight.cc, llm_session_saving.cc.

#ifndef INKLING_SRC_SESSION_LLM_SESSION_STATE_H_
#define INKLING_SRC_SESSION_LLM_SESSION_STATE_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "inkling/output_constraint.h"
#include "src/decoder/adapter.h"
#include "src/decoder/decoder.h"
#include "src/format/byte_stream.h"
#include "src/session/chat_turns.h"
#include "src/session/model_engine.h"
#include "src/session/running_call.h"
#include "src/session/speculation/draft_model.h"
#include "src/session/speculation/speculative_decoder.h"
#include "src/session/token_context.h"
#include "src/session/tools/tool_constraint.h"
#include "src/text/template_message.h"
#include "src/text/tokenizer.h"

namespace inkling {

// The adapters that a session computes with.
struct AdapterSet {
  std::vector<WeightedAdapter> owners;
  std::vector<ActiveAdapter> active;  // of `owners`, as passes want them
  std::string names;                  // ids and weights: two sets with the same names are the same
};

struct LlmSession::State {
  State(std::shared_ptr<const LlmModel> shared_model, const ModelEngine& model_engine,
        SessionOptions session_options, TokenContext tokens, std::unique_ptr<DraftModel> draft,
        ChatTurns chat_turns)
      : model(std::move(shared_model)),
        engine(model_engine),
        options(std::move(session_options)),
        context(std::move(tokens)),
        speculation(context, std::move(draft)),
        turns(std::move(chat_turns)),
        position(context.length()) {}

  // `options` are PrefillOptions or GenerateOptions.
  template <typename Options>
  absl::StatusOr<std::vector<int32_t>> EncodePrompt(absl::string_view text,
                                                    const Options& text_options) const {
    return engine.Encode(text, {.add_beginning_of_sequence = text_options.add_beginning_of_sequence,
                                .parse_special_tokens = text_options.parse_special_tokens,
                                .continues_text = context.length() > 0});
  }
  absl::Status Prefill(absl::string_view text, const PrefillOptions& prefill_options);
  // With `step`, which is a turn's, the turn becomes part of the conversation; its answer began
  // with `assistant_prefix`.
  absl::StatusOr<GenerateResult> Generate(int32_t kept, absl::Span<const int32_t> prompt,
                                          const GenerateOptions& generate_options,
                                          TextPosition text_position, RunningCall& call,
                                          TextCallback callback, ChatTurns::Step* step = nullptr,
                                          absl::string_view assistant_prefix = {});
  // Puts `tokens` in the place of all from `kept` on, and drops older ones if they need room and
  // the options say so. Returns how many it dropped. Errors, nothing changed: ResourceExhausted,
  // InvalidArgument.
  absl::StatusOr<int32_t> Place(int32_t kept, absl::Span<const int32_t> tokens);
  // Makes the tokens those that they were before a call that failed.
  void Restore(absl::Span<const int32_t> tokens);
  // Where `position` is after `dropped` tokens are gone.
  int32_t Moved(int32_t position, int32_t dropped) const {
    if (position <= options.kept_tokens) return position;
    return std::max(options.kept_tokens, position - dropped);
  }
  // Runs a step of the conversation and makes it part of it.
  absl::StatusOr<GenerateResult> Chat(absl::StatusOr<ChatTurns::Step> step, const ToolUse& tool_use,
                                      absl::string_view assistant_prefix,
                                      const GenerateOptions& generate_options, RunningCall& call,
                                      TextCallback callback);
  absl::StatusOr<std::shared_ptr<const OutputConstraint>> ToolConstraint(
      absl::Span<const TemplateTool> tools, const ToolUse& use);
  void AddStops(absl::Span<const std::string> strings, GenerateOptions& turn_options) const;
  // Writes the session's file: `begin` gets its size, then `sink` its bytes. Errors: those of both.
  absl::Status Save(absl::FunctionRef<absl::Status(int64_t)> begin, ByteSink sink);
  uint64_t process() const { return engine.decoder().process(); }

  const std::shared_ptr<const LlmModel> model;
  const ModelEngine& engine;
  const SessionOptions options;  // keep the draft model alive
  AdapterSet adapters;           // what `context` computes with
  TokenContext context;
  SpeculativeDecoder speculation;
  ChatTurns turns;  // in the model's template, on the session's day
  struct {
    std::vector<TemplateTool> tools;
    ToolUse use;
    std::shared_ptr<const OutputConstraint> constraint;  // null: nothing was made yet
  } tool_guide;                                          // of the last answer with tools

  CallGate gate;
  std::atomic<int32_t> position;  // context.length(), readable while a call runs
};

// The error of a call that was cancelled before it had an effect.
absl::Status CancelledCall();

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_LLM_SESSION_STATE_H_
