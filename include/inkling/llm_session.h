// LlmSession: one conversation with a model: its tokens so far and their key/value cache.
//
//   auto session = inkling::LlmSession::Create(model);
//   auto result = (*session)->Generate("Once upon a time", {}, [](absl::string_view text) {
//     std::cout << text << std::flush;
//     return true;  // go on
//   });
//
// Prefill, Generate, GenerateFromTokens and Chat add tokens, which stay until Rewind or Reset. A
// call either does what it says, or returns an error and leaves the session as it was before the
// call. The session stays usable after any error.
//
// Cancel ends the call that is running. Before the first generated token the call takes itself
// back and returns the error Cancelled. From then on it returns OK with StopReason::kCancelled, and
// what was generated stays in the session.
//
// Threads: one call at a time. A second thread, or the callback, that calls in meanwhile gets
// FailedPrecondition. Only Cancel, position, context_length, remaining_tokens, model and
// has_prompt_template may be called at any time, from any thread. Different sessions are
// independent. What llm_model.h says about floating point and fork() holds here too.

#ifndef INKLING_LLM_SESSION_H_
#define INKLING_LLM_SESSION_H_

#include <cstddef>
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
#include "inkling/llm_insight.h"
#include "inkling/llm_message.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"

namespace inkling {

// Gets the next piece of text, whole UTF-8 characters, as soon as it can't change any more. Returns
// false to end the generation (StopReason::kCallback). It runs on the calling thread, with that
// thread's own floating-point environment and CPU mask, and may change them.
using TextCallback = absl::FunctionRef<bool(absl::string_view)>;

// Takes the next bytes of a session that is saved. An error ends Save, which returns it.
using ByteWriter = absl::FunctionRef<absl::Status(absl::Span<const std::byte>)>;

// Writes the next bytes of a saved session to the front of the span and returns how many, at least
// one; 0 where there are no more. An error ends Load, which returns it.
using ByteReader = absl::FunctionRef<absl::StatusOr<size_t>(absl::Span<std::byte>)>;

struct AdapterSet;  // not part of the API

// One conversation. The comment of this file says what holds for all of its functions.
class INKLING_EXPORT LlmSession {
 public:
  // Makes an empty session and keeps `model` alive. Errors: InvalidArgument (null model, an option
  // out of range, a draft model of another vocabulary); ResourceExhausted when the cache's address
  // space can't be had.
  static absl::StatusOr<std::unique_ptr<LlmSession>> Create(std::shared_ptr<const LlmModel> model,
                                                            const SessionOptions& options = {});

  // A second session with the same tokens, turns and options, as if it had made the same calls. It
  // costs the memory and the copying of what is filled (10 ms for 2,000 tokens of a model of two
  // billion weights), and computes nothing. The two are independent: threads may use them at once.
  // Errors: ResourceExhausted; FailedPrecondition while another call runs.
  absl::StatusOr<std::unique_ptr<LlmSession>> Fork() const;

  // Writes the session to a file, from which Load makes it again: its tokens, turns and cache. The
  // file is as large as what is filled. It appears under its name when it is complete and on the
  // disk; a file that was there stays until then, and after an error. It holds all text of the
  // conversation. `writer` gets the same bytes, in order; after an error, those that it got are
  // useless. The session doesn't change. Errors: what the system says (no space, no such folder);
  // InvalidArgument if `path` is a folder or a device; Unavailable while another call writes it;
  // those of `writer`; FailedPrecondition while another call runs.
  absl::Status Save(const std::string& path) const;
  absl::Status Save(ByteWriter writer) const;

  // Makes the session that Save wrote. It goes on as the saved one would have, with the same bits:
  // on any CPU for the tokens' cache, which isn't computed again; what is computed from there on
  // depends on the CPU as always. A reader is asked for no byte behind the session's last one.
  //
  // `model` must be the same model (by its id), and `options` say the same kv_cache_type. Options
  // that are left empty or 0 (context_length, system_prompt, date) are the saved session's, others
  // must be equal; but context_length may be any that the tokens fit in. Bits then differ, as those
  // of sessions with different context lengths do, and where that chooses other rope frequencies,
  // the next call computes the tokens again. A draft model follows by computing.
  //
  // Every byte of the file is under a checksum, which finds damage, not forgery: load files of
  // your own app only. Errors: InvalidArgument (null model, another kind of file, damage, another
  // model, options that contradict the file); Unimplemented for a later version's file; NotFound
  // and what the system says; ResourceExhausted; those of `reader`.
  static absl::StatusOr<std::unique_ptr<LlmSession>> Load(std::shared_ptr<const LlmModel> model,
                                                          const std::string& path,
                                                          const SessionOptions& options = {});
  static absl::StatusOr<std::unique_ptr<LlmSession>> Load(std::shared_ptr<const LlmModel> model,
                                                          ByteReader reader,
                                                          const SessionOptions& options = {});

  ~LlmSession();
  LlmSession(const LlmSession&) = delete;
  LlmSession& operator=(const LlmSession&) = delete;

  // Adds `text` to the session and runs it through the model, so that a later call starts at once.
  // In an empty session the beginning-of-sequence token goes in front, if the model's vocabulary
  // wants one and the options don't forbid it. Errors: ResourceExhausted if the text doesn't fit
  // (how many tokens it has, how many positions are left); InvalidArgument for more than 1 GiB of
  // text; Cancelled.
  absl::Status Prefill(absl::string_view text, const PrefillOptions& options = {});

  // Adds `prompt` as Prefill does, then generates until a StopReason, and gives the text to
  // `callback` piece by piece. Generated tokens become part of the session. The prompt may be empty
  // in a session that has tokens: then generation goes on behind them. Without a callback, the text
  // is in the result only. Errors: InvalidArgument (an option out of range; nothing to continue);
  // ResourceExhausted (the prompt doesn't fit); FailedPrecondition (`logit_bias` forbids every
  // token); Internal (the model computed no finite logits); Cancelled (before the first generated
  // token).
  absl::StatusOr<GenerateResult> Generate(absl::string_view prompt, const GenerateOptions& options,
                                          TextCallback callback);
  absl::StatusOr<GenerateResult> Generate(absl::string_view prompt,
                                          const GenerateOptions& options = {});

  // Generate with token ids for the prompt, which are added exactly as they are: nothing goes in
  // front of them (LlmModel::Tokenize makes them from text). Errors: also InvalidArgument for an id
  // outside of the vocabulary.
  absl::StatusOr<GenerateResult> GenerateFromTokens(absl::Span<const int32_t> prompt,
                                                    const GenerateOptions& options,
                                                    TextCallback callback);
  absl::StatusOr<GenerateResult> GenerateFromTokens(absl::Span<const int32_t> prompt,
                                                    const GenerateOptions& options = {});

  // One turn of a conversation: wraps `user_text` as the model's prompt template says, with the
  // system prompt in the first turn, and generates the answer. Special tokens in `user_text` are
  // ordinary text. Some templates drop what the model thought in earlier turns
  // ("<think>...</think>"): then the session is cut back to where the thoughts began and computes
  // what follows again, so that its tokens are those of the whole conversation as the template
  // writes it, and position() may become smaller. A call that fails keeps the thoughts. Errors: as
  // Generate; FailedPrecondition if the model's file has no prompt template.
  absl::StatusOr<GenerateResult> Chat(absl::string_view user_text, const GenerateOptions& options,
                                      TextCallback callback);
  absl::StatusOr<GenerateResult> Chat(absl::string_view user_text,
                                      const GenerateOptions& options = {});

  // How likely the model finds each of `continuations` behind the session's tokens and `prefix`,
  // which is added as Prefill adds it and runs once for all of them. Prefix and continuations are
  // turned into tokens each by itself. The session stays as it was. Errors: InvalidArgument (a
  // continuation without tokens; nothing in front of them); ResourceExhausted (they don't fit
  // behind the session's tokens); Internal; Cancelled.
  absl::StatusOr<std::vector<ScoreResult>> Score(absl::string_view prefix,
                                                 absl::Span<const std::string> continuations,
                                                 const PrefillOptions& options = {});

  // An embedding of each text by itself, [hidden size of the model], from the hidden states behind
  // the last norm. The session's tokens play no part and stay; a cache for the longest text lives
  // until the end of the call. Errors: InvalidArgument (a text without tokens);
  // ResourceExhausted (a text longer than the model was made for); Internal; Cancelled.
  absl::StatusOr<std::vector<std::vector<float>>> Embed(absl::Span<const std::string> texts,
                                                        const EmbedOptions& options = {});

  // Answers a whole conversation, as apps keep it: renders the list by the model's prompt template,
  // keeps what the session has computed of it already, token by token (answers that were generated
  // here and stand in the list unchanged included), and computes the rest. So one more turn costs
  // that turn, and an edited, cut or sent-again history costs what changed. GenerateResult says how
  // many tokens were reused. The session's conversation is then that of the list: what it had
  // besides is forgotten, and Chat with a text goes on behind the answer. A list without a system
  // message has the session's system prompt.
  //
  // Tools, calls of them and results are written as the model's template writes them; thoughts that
  // it keeps until the user speaks again are kept so long. An answer that called stays as it was
  // generated where the list says what it says, with the call in ChatMessage::tool_calls. Some
  // templates write the tools, or the system message, into the newest turn of the user: then older
  // turns are computed again. Chat with a text goes on with the tools of the last list.
  //
  // Errors: as Chat; InvalidArgument if the last message is neither the user's nor a tool's, or one
  // has no place in the template; for tools, calls and results also: no place in the template; a
  // result without a call; several calls where the template writes one; names, ids, JSON or a
  // schema that the template can't write (which message or tool, and what was expected).
  absl::StatusOr<GenerateResult> Chat(absl::Span<const ChatMessage> messages,
                                      const ChatOptions& chat_options,
                                      const GenerateOptions& options, TextCallback callback);
  absl::StatusOr<GenerateResult> Chat(absl::Span<const ChatMessage> messages,
                                      const ChatOptions& chat_options = {},
                                      const GenerateOptions& options = {});

  // The prompt that Chat would answer, without computing anything: for apps that show it, or count
  // its tokens to keep within a budget. Errors: as Chat's for the messages; FailedPrecondition
  // while another call runs.
  absl::StatusOr<RenderedPrompt> RenderPrompt(absl::Span<const ChatMessage> messages,
                                              const ChatOptions& chat_options = {}) const;

  // Gives the memory of the session's cache back to the system; the session stays as it is. With a
  // folder, which must exist, what is filled goes to a file there, which has no name and is gone
  // with the session, and comes back with the next call that computes, at the disk's speed.
  // Without, that call computes the tokens again. That also happens where the file can't be read
  // any more: so no call fails because of it. A draft model's cache is always computed again.
  // Errors: what the system says about the file (nothing is given back then); ResourceExhausted;
  // FailedPrecondition while another call runs.
  absl::Status Trim(const std::string& folder = {});

  // Ends the Prefill, Generate, GenerateFromTokens, Chat, Score or Embed that is running now, as
  // described above.
  // The call ends within about 30 ms; while it tokenises a text of megabytes, when that is done
  // (some 30 to 50 ms for each). Does nothing if no call is running, and doesn't reach a call that
  // begins later. Any thread may call it, and signal handlers too.
  void Cancel();

  // From now on the session computes with these LoRA adapters, at most 8 at once, each with its
  // weight; none: the model alone. Tokens that are there stay. What was computed of them is
  // computed again by the next call, or the change is refused: a session's text is always that of a
  // fresh one with its adapters. Errors: InvalidArgument (null, loaded for another model, a weight
  // that isn't finite, too many); FailedPrecondition (AdapterChange::kRefuse; another call runs).
  absl::Status SetAdapters(std::vector<WeightedAdapter> adapters,
                           AdapterChange change = AdapterChange::kRecompute);

  // Forgets everything from `position` on. Errors: OutOfRange outside [0, position()];
  // FailedPrecondition while another call runs. In a model with sliding windows, going back further
  // than the cache remembers makes the next call compute the tokens that are left again.
  absl::Status Rewind(int32_t position);

  // Forgets everything: Rewind(0). Errors: FailedPrecondition while another call runs.
  absl::Status Reset();

  // Tokens in the session. While a call runs: as of its latest callback.
  int32_t position() const;

  // Most tokens that the session can have, and how many more fit: context_length() - position().
  int32_t context_length() const;
  int32_t remaining_tokens() const;

  // The token ids, [position()]. Errors: FailedPrecondition while another call runs.
  absl::StatusOr<std::vector<int32_t>> tokens() const;

  // The model that the session was made of.
  const LlmModel& model() const;

  // Whether Chat can be used: the model's file says how turns are written.
  bool has_prompt_template() const;

 private:
  struct State;
  static absl::StatusOr<AdapterSet> CheckedAdapters(const std::vector<WeightedAdapter>& adapters,
                                                    const LlmModel& model);
  explicit LlmSession(std::unique_ptr<State> state);
  static absl::StatusOr<std::unique_ptr<LlmSession>> LoadFrom(
      std::shared_ptr<const LlmModel> model, SessionOptions options,
      absl::FunctionRef<absl::Status(absl::Span<std::byte>)> source);
  std::unique_ptr<State> state_;
};

}  // namespace inkling

#endif  // INKLING_LLM_SESSION_H_
