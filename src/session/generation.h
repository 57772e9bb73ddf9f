// The generation loop: logits, sampler, token, text, callback; again.
//
// Every way of generating text (prompt, tokens, chat) ends here. There is no second copy of the
// loop.

#ifndef INKLING_SRC_SESSION_GENERATION_H_
#define INKLING_SRC_SESSION_GENERATION_H_

#include <chrono>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_options.h"
#include "src/decoder/forward_request.h"
#include "src/session/speculation/speculative_decoder.h"
#include "src/session/token_context.h"
#include "src/text/tokenizer.h"

namespace inkling {

// What the session's call brings along.
struct GenerationCall {
  absl::FunctionRef<bool(absl::string_view)> show;  // gets the text; false ends the generation
  StopFunction stop;                                // true ends it as well: the call is cancelled
  // Runs a function of the app's in the app's own floating-point environment.
  absl::FunctionRef<void(absl::FunctionRef<void()>)> run_app_code;
  std::chrono::steady_clock::time_point begin;
  ContextOverflow overflow = ContextOverflow::kStop;
  int32_t kept_tokens = 0;  // as SessionOptions has them
};

// Checks options that don't depend on the session. Errors: InvalidArgument naming the option.
absl::Status ValidateGenerateOptions(const GenerateOptions& options, int32_t vocab_size);

// Continues after the tokens of `context`, of which there is at least one, until a StopReason.
// `options` is valid. `text_position` says whether the new text begins a text (a space in front of
// it is the vocabulary's, not the model's) or continues one. `model_stop_tokens` are those of the
// vocabulary and of the prompt template. `speculation` is made of the same `context`. Errors leave
// tokens behind in the context, which the caller cuts back; Cancelled means that the call was
// cancelled before its first token.
absl::StatusOr<GenerateResult> RunGeneration(const Tokenizer& tokenizer,
                                             const std::vector<int32_t>& model_stop_tokens,
                                             const GenerateOptions& options,
                                             TextPosition text_position, TokenContext& context,
                                             SpeculativeDecoder& speculation,
                                             const GenerationCall& call);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_GENERATION_H_
