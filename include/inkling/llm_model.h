// LlmModel: an open model file: its weights, its tokenizer and the threads that compute.
//
// Open one once and share it: any number of sessions, from any threads, use the one copy of the
// weights (their forward passes take turns on the model's threads). A model is immutable; it lives
// as long as its last session.

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
  // Opens `path`, a file made by inkling-convert, verifies all of it and packs the weights for this
  // CPU.
  //
  //   absl::StatusOr<std::shared_ptr<const inkling::LlmModel>> model =
  //   inkling::LlmModel::Open("model.tflite");
  //
  // Errors: NotFound; InvalidArgument for a damaged file or bad options (what, where, expected,
  // found); Unimplemented for a file that needs a newer version, or for ModelOptions::cpus where
  // the system binds no threads; ResourceExhausted when memory runs out.
  static absl::StatusOr<std::shared_ptr<const LlmModel>> Open(const std::string& path,
                                                              const ModelOptions& options = {});

  // What Open and one session with these options would need, from the file's header alone: no
  // weight is read.
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

  // How many ids Tokenize gives. Thread-safe.
  absl::StatusOr<int32_t> CountTokens(absl::string_view text) const;

  // The text of `tokens`, as UTF-8; special tokens are left out. Errors: InvalidArgument for an id
  // outside the vocabulary (says which, at which index). Thread-safe.
  absl::StatusOr<std::string> Detokenize(absl::Span<const int32_t> tokens) const;

  int32_t vocab_size() const;
  int32_t context_length() const;  // positions the model was made for

 private:
  friend class LlmSession;
  explicit LlmModel(std::unique_ptr<ModelEngine> engine);
  std::unique_ptr<ModelEngine> engine_;
};

}  // namespace inkling

#endif  // INKLING_LLM_MODEL_H_
