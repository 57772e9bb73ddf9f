// LlmSession: one conversation with a model: its tokens so far and their key/value cache, nothing
// else heavy.
//
//   auto session = inkling::LlmSession::Create(model);
//   auto result = (*session)->Generate("Once upon a time", {}, [](absl::string_view text) {
//     std::cout << text << std::flush;
//     return true;  // go on
//   });
//
// Text is added by Prefill, Generate and Chat and stays until Rewind or Reset. Every call either
// does what it says or returns an error and leaves the session as it was before the call; the
// session stays usable after any error.
//
// Threads: one call at a time; a second thread, or the callback, that calls in meanwhile gets
// FailedPrecondition. Cancel may be called from any thread at any time, and from signal handlers.
// Different sessions are independent. What llm_model.h says of floating point and fork() holds
// here.

#ifndef INKLING_LLM_SESSION_H_
#define INKLING_LLM_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/export.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"

namespace inkling {

// Gets the next piece of text, whole UTF-8 characters, on the calling thread, as soon as it can't
// change any more. Runs with the thread's own floating-point environment and CPUs, and may change
// them. Returns false to stop.
using TextCallback = absl::FunctionRef<bool(absl::string_view)>;

class INKLING_EXPORT LlmSession {
 public:
  // Makes an empty session and keeps `model` alive. Errors: InvalidArgument (null model, an option
  // out of range), ResourceExhausted when the cache's address space can't be had.
  static absl::StatusOr<std::unique_ptr<LlmSession>> Create(std::shared_ptr<const LlmModel> model,
                                                            const SessionOptions& options = {});

  ~LlmSession();
  LlmSession(const LlmSession&) = delete;
  LlmSession& operator=(const LlmSession&) = delete;

  // Adds `text` as it is to the session and runs it through the model, so that a later call starts
  // at once. At position 0 the model's beginning-of-sequence token goes in front, if its vocabulary
  // wants one. Errors: ResourceExhausted if it doesn't fit (how many tokens, how many positions are
  // left); Cancelled; InvalidArgument for more than 1 GiB of text.
  absl::Status Prefill(absl::string_view text, const PrefillOptions& options = {});

  // Adds `prompt` as Prefill does (it may be empty in a session that isn't), then generates until a
  // StopReason and gives the text to `callback` piece by piece. Generated tokens become part of the
  // session. A Cancel during the prompt gives kCancelled with no text and leaves the session as it
  // was before the call. Errors: InvalidArgument (an option out of range; nothing to continue),
  // ResourceExhausted (the prompt doesn't fit), FailedPrecondition (`logit_bias` forbids every
  // token), Internal (the model computed no finite logits).
  absl::StatusOr<GenerateResult> Generate(absl::string_view prompt, const GenerateOptions& options,
                                          TextCallback callback);
  absl::StatusOr<GenerateResult> Generate(absl::string_view prompt,
                                          const GenerateOptions& options = {});

  // The same with token ids for the prompt, added exactly as they are (no beginning-of-sequence
  // token).
  absl::StatusOr<GenerateResult> GenerateFromTokens(absl::Span<const int32_t> prompt,
                                                    const GenerateOptions& options,
                                                    TextCallback callback);

  // One turn of a conversation: wraps `user_text` as the model's prompt template says, with the
  // system prompt in the first turn, and generates the answer. Special tokens in `user_text` are
  // ordinary text. Where the template drops what the model thought in earlier turns
  // ("<think>...</think>"), the answer before is cut so, and what follows the cut is computed
  // again: the session then has the tokens of the whole conversation as the template writes it, and
  // position() may become smaller. A call that fails leaves the thoughts in their place. Errors: as
  // Generate; FailedPrecondition if the model's file has no prompt template.
  absl::StatusOr<GenerateResult> Chat(absl::string_view user_text, const GenerateOptions& options,
                                      TextCallback callback);

  // Ends the Prefill, Generate or Chat that is running now, whatever it is doing: within about 30
  // ms, or in a prompt of megabytes when it has been turned into tokens, which takes about as long
  // for each of them. Prefill then gives Cancelled, the others StopReason::kCancelled. Does nothing
  // if none is running; a call that begins later doesn't know of it. Any thread.
  void Cancel();

  // Forgets everything from `position` on. Position 0 is Reset. Errors: OutOfRange outside [0,
  // position()]; FailedPrecondition while another call runs. In a model with sliding windows, going
  // back further than the cache remembers makes the next call run the tokens that are left through
  // the model again.
  absl::Status Rewind(int32_t position);

  // Forgets everything. Errors: FailedPrecondition while another call runs.
  absl::Status Reset();

  // Tokens in the session so far.
  int32_t position() const;
  // Positions in all, and those that are free.
  int32_t context_length() const;
  int32_t remaining_tokens() const;
  // The tokens themselves. Errors: FailedPrecondition while another call runs.
  absl::StatusOr<std::vector<int32_t>> tokens() const;

  const LlmModel& model() const;
  // Whether Chat can be used: the model's file says how turns are written.
  bool has_prompt_template() const;

 private:
  struct State;
  explicit LlmSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace inkling

#endif  // INKLING_LLM_SESSION_H_
