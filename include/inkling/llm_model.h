// LlmModel: an open model file: its weights, its tokenizer and the threads that compute.
//
// Open a model once and share it. Any number of sessions, on any threads, use the one copy of its
// weights; their forward passes take turns on the model's threads. A model never changes. It lives
// until the last session of it is gone.
//
// Threads: every function here is thread-safe.
//
// Floating point: calls compute in the default environment (round to nearest, nothing flushed to
// zero, nothing trapped), whatever the calling thread has, so results are the same everywhere. The
// thread finds its own modes, flags and traps again after each call and inside of callbacks.
//
// fork(): a model that was opened before works in the child as well, whatever other threads were
// doing, and gives results of the same bits. The first call that needs threads starts them anew;
// it gives ResourceExhausted if the system has none left. (On Apple's systems the child computes on
// the calling thread.) The same holds for sessions, except for one that another thread had a call
// on at that moment: its calls give FailedPrecondition in the child.

#ifndef INKLING_LLM_MODEL_H_
#define INKLING_LLM_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/export.h"
#include "inkling/llm_options.h"
#include "inkling/model_source.h"

namespace inkling {

class ModelEngine;  // the parts of an open model; not part of the API

// An open model. The comment of this file says what holds for all of its functions.
class INKLING_EXPORT LlmModel {
 public:
  // Opens `path`, a file made by inkling-convert, and packs the weights for this CPU, which takes
  // seconds for a large model (ModelOptions::cache_dir avoids it).
  //
  //   absl::StatusOr<std::shared_ptr<const inkling::LlmModel>> model =
  //       inkling::LlmModel::Open("model.tflite");
  //
  // What the file says about itself is verified: config, tokenizer, prompt template and the places
  // of tensors have a checksum and must fit each other, and scales of quantised weights must be
  // positive numbers. Weights have no checksum, so damage inside of them isn't found.
  //
  // Errors: NotFound; InvalidArgument for a damaged file or bad options (what, where, expected,
  // found), and for a file of another kind (a checkpoint, a bundle, a web page: which it is, and
  // the command that converts it); Unimplemented for a file that needs a newer version, or for
  // ModelOptions::cpus where the system binds no threads; ResourceExhausted when the memory for
  // weights and activations, or the threads, can't be had.
  static absl::StatusOr<std::shared_ptr<const LlmModel>> Open(const std::string& path,
                                                              const ModelOptions& options = {});

  // The same from anywhere: a descriptor with offset and length, memory, a reader (model_source.h).
  // Errors: also those of the source; Cancelled if ModelOptions::progress says so.
  static absl::StatusOr<std::shared_ptr<const LlmModel>> Open(const ModelSource& source,
                                                              const ModelOptions& options = {});

  // The memory that Open and one session with these options would need. It reads the file's header
  // and no weights. Errors: as Open for the file and the model's options; InvalidArgument for those
  // of the session.
  static absl::StatusOr<MemoryEstimate> EstimateMemory(const std::string& path,
                                                       const ModelOptions& model_options = {},
                                                       const SessionOptions& session_options = {});

  // The same for a model from anywhere. It reads the same few bytes. Errors: also the source's.
  static absl::StatusOr<MemoryEstimate> EstimateMemory(const ModelSource& source,
                                                       const ModelOptions& model_options = {},
                                                       const SessionOptions& session_options = {});

  ~LlmModel();
  LlmModel(const LlmModel&) = delete;
  LlmModel& operator=(const LlmModel&) = delete;

  // Gives memory back to the system, for onTrimMemory and didReceiveMemoryWarning. Everything goes
  // on working, with the same results; the next passes take the memory again and are slower for it
  // by the time of reading it. kScratch gives back MemoryEstimate::scratch, kPackedWeights also the
  // weights' pages that lie in files: those of ModelOptions::cache_dir (from the second start on)
  // and the embedding in the model's own. Weights that were packed into memory in this process
  // stay: packing them again takes seconds. Waits for a forward pass that runs, so some tens of
  // milliseconds. LlmSession::Trim gives back a session's cache.
  void Trim(TrimLevel how_far) const;

  // Facts for people and logs.
  ModelDescription Describe() const;

  // The token ids of `text`, which is UTF-8; ill-formed bytes count as U+FFFD.
  //
  // LlmSession::GenerateFromTokens with these ids gives what LlmSession::Generate gives for the
  // text, if TokenizeOptions::add_beginning_of_sequence is set for an empty session, and
  // TokenizeOptions::continues_text for one that has tokens.
  //
  // Errors: InvalidArgument for more than 1 GiB of text.
  absl::StatusOr<std::vector<int32_t>> Tokenize(absl::string_view text,
                                                const TokenizeOptions& options = {}) const;

  // How many ids Tokenize gives. Errors: as Tokenize.
  absl::StatusOr<int32_t> CountTokens(absl::string_view text,
                                      const TokenizeOptions& options = {}) const;

  // The text of `tokens`, as UTF-8. Special tokens are left out. Errors: InvalidArgument for an id
  // that the tokenizer doesn't have (which id, at which index).
  absl::StatusOr<std::string> Detokenize(absl::Span<const int32_t> tokens) const;

  // The bytes that one token stands for in a text; for a special token, how prompts write it. They
  // may be a part of a UTF-8 character. Errors: as Detokenize.
  absl::StatusOr<std::string> TokenText(int32_t token) const;

  // All special tokens, by id: those that only TokenizeOptions::parse_special_tokens finds in a
  // text, and those that Detokenize leaves out.
  std::vector<SpecialToken> special_tokens() const;

  // The token that begins a text, and the one that ends it; nothing if the vocabulary has none.
  std::optional<int32_t> beginning_of_sequence_token() const;
  std::optional<int32_t> end_of_sequence_token() const;

  // The tokens that end generation, in ascending order: the end of a sequence, of a turn, of what
  // else the model's files name. GenerateOptions::ignore_model_stop_tokens goes on after them.
  std::vector<int32_t> stop_tokens() const;

  // Tokens that the model gives logits for; ids are below it. The last few may be mere padding of
  // its matrices, which the tokenizer doesn't have.
  int32_t vocab_size() const;

  // Context length that the model was made for, in tokens: the most a session may have.
  int32_t context_length() const;

 private:
  friend class LlmSession;
  friend class LoraAdapter;
  friend struct ConstraintAccess;
  explicit LlmModel(std::unique_ptr<ModelEngine> engine);
  std::unique_ptr<ModelEngine> engine_;
};

}  // namespace inkling

#endif  // INKLING_LLM_MODEL_H_
