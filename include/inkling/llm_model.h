// LlmModel: an open model file: its weights, its tokenizer and the threads that compute.
//
// Open one once and share it: any number of sessions, from any threads, use the one copy of the
// weights (their forward passes take turns on the model's threads). A model is immutable; it lives
// as long as its last session.
//
// Floating point: calls compute in the default environment (to nearest, nothing flushed, nothing
// trapped), whatever the calling thread has, so results are the same everywhere. The thread finds
// its modes, its flags and its traps as they were, after each call and inside of callbacks.
//
// fork(): a model that was opened before works in the child as well, with results of the same bits,
// whatever other threads were doing. The threads are started again there by the first call that
// needs them (on Apple's systems none are, and it computes on the calling thread), which gives
// ResourceExhausted if the system has none left. The same holds for sessions, but one that another
// thread had a call on at that moment is of no use in the child: its calls give FailedPrecondition.

#ifndef INKLING_LLM_MODEL_H_
#define INKLING_LLM_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/export.h"
#include "inkling/llm_options.h"

namespace inkling {

class ModelEngine;  // the parts of an open model; not part of the API

class INKLING_EXPORT LlmModel {
 public:
  // Opens `path`, a file made by inkling-convert, and packs the weights for this CPU. What the file
  // says about itself is verified: the config, the tokenizer, the prompt template and the places of
  // tensors have a checksum and must fit each other, and the scales of quantised weights must be
  // positive numbers. Weights have no checksum, so damage inside of them isn't found.
  //
  //   absl::StatusOr<std::shared_ptr<const inkling::LlmModel>> model =
  //   inkling::LlmModel::Open("model.tflite");
  //
  // Errors: NotFound; InvalidArgument for a damaged file or bad options (what, where, expected,
  // found), and for a file of another kind (a checkpoint, a bundle, a web page: which it is, and
  // the command that converts it); Unimplemented for a file that needs a newer version, or for
  // ModelOptions::cpus where the system binds no threads; ResourceExhausted when the memory for
  // weights and activations, or the threads, can't be had.
  static absl::StatusOr<std::shared_ptr<const LlmModel>> Open(const std::string& path,
                                                              const ModelOptions& options = {});

  // What Open and one session with these options would need, from the file's header alone: no
  // weight is read. Errors: as Open for the file and its options; InvalidArgument for those of the
  // session.
  static absl::StatusOr<MemoryEstimate> EstimateMemory(const std::string& path,
                                                       const ModelOptions& model_options = {},
                                                       const SessionOptions& session_options = {});

  ~LlmModel();
  LlmModel(const LlmModel&) = delete;
  LlmModel& operator=(const LlmModel&) = delete;

  // Facts for people and logs. Thread-safe.
  ModelDescription Describe() const;

  // The token ids of `text`, without the beginning-of-sequence token; special tokens in it are
  // ordinary text, bytes that aren't UTF-8 count as U+FFFD. Errors: InvalidArgument for more than 1
  // GiB of text. Thread-safe.
  absl::StatusOr<std::vector<int32_t>> Tokenize(absl::string_view text) const;

  // How many ids Tokenize gives. Errors: as Tokenize. Thread-safe.
  absl::StatusOr<int32_t> CountTokens(absl::string_view text) const;

  // The text of `tokens`, as UTF-8; special tokens are left out. Errors: InvalidArgument for an id
  // that the tokenizer doesn't have (says which, at which index). Thread-safe.
  absl::StatusOr<std::string> Detokenize(absl::Span<const int32_t> tokens) const;

  // Tokens that the model gives logits for. The last few may be mere room in its matrices, which
  // the tokenizer doesn't have.
  int32_t vocab_size() const;
  int32_t context_length() const;  // positions the model was made for

 private:
  friend class LlmSession;
  explicit LlmModel(std::unique_ptr<ModelEngine> engine);
  std::unique_ptr<ModelEngine> engine_;
};

}  // namespace inkling

#endif  // INKLING_LLM_MODEL_H_
