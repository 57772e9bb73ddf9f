// LlmSession::State: what a session is made of, and what its calls have in common.
//
// The public calls are in llm_session.cc and in files named after what they do (session_*.cc).

#ifndef INKLING_SRC_SESSION_SESSION_STATE_H_
#define INKLING_SRC_SESSION_SESSION_STATE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "src/decoder/kv_cache.h"
#include "src/session/chat_turns.h"
#include "src/session/generation.h"
#include "src/session/model_engine.h"
#include "src/session/running_call.h"
#include "src/session/speculation/draft_model.h"
#include "src/session/speculation/speculative_decoder.h"
#include "src/session/token_context.h"
#include "src/text/date_text.h"
#include "src/text/tokenizer.h"

namespace inkling {

struct LlmSession::State {
  State(std::shared_ptr<const LlmModel> shared_model, ModelEngine& model_engine,
        const CacheOptions& options_of_cache, std::unique_ptr<KvCache> cache,
        std::shared_ptr<const LlmModel> shared_draft_model, std::unique_ptr<DraftModel> its_draft,
        std::string system, const CivilDate& date)
      : model(std::move(shared_model)),
        engine(model_engine),
        cache_options(options_of_cache),
        context(model_engine.decoder(), std::move(cache), model_engine.config().vocab_size),
        draft_model(std::move(shared_draft_model)),
        speculation(context, std::move(its_draft)),
        turns(model_engine.tokenizer(), model_engine.prompt_template().OnDate(date),
              std::move(system)) {}

  // `options` are PrefillOptions or GenerateOptions.
  template <typename Options>
  absl::StatusOr<std::vector<int32_t>> EncodePrompt(absl::string_view text,
                                                    const Options& options) const {
    return engine.Encode(text, {.add_beginning_of_sequence = options.add_beginning_of_sequence,
                                .parse_special_tokens = options.parse_special_tokens,
                                .continues_text = context.length() > 0});
  }
  absl::Status Prefill(absl::string_view text, const PrefillOptions& options);
  absl::StatusOr<GenerateResult> Generate(int32_t kept, absl::Span<const int32_t> prompt,
                                          const GenerateOptions& options,
                                          TextPosition text_position, RunningCall& call,
                                          TextCallback callback);
  absl::StatusOr<GenerateResult> Chat(absl::StatusOr<ChatTurns::Step> step,
                                      absl::string_view assistant_prefix,
                                      const GenerateOptions& options, RunningCall& call,
                                      TextCallback callback);
  uint64_t process() const { return engine.decoder().process(); }

  const std::shared_ptr<const LlmModel> model;
  const ModelEngine& engine;
  const CacheOptions cache_options;
  TokenContext context;
  const std::shared_ptr<const LlmModel> draft_model;  // keeps the speculation's alive; may be null
  SpeculativeDecoder speculation;
  ChatTurns turns;  // in the model's template, on the session's day

  CallGate gate;
  std::atomic<int32_t> position{0};  // context.length(), readable while a call runs
};

// The error of a call that was cancelled before it had an effect.
absl::Status CancelledCall();

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SESSION_STATE_H_
