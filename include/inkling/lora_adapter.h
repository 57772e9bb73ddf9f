// LoraAdapter: a loaded LoRA adapter (Hu et al., 2021): small matrices that change what a model
// does.
//
//   auto adapter = inkling::LoraAdapter::Load(model, "legal.tflite");
//   session->SetAdapters({{*adapter}});
//
// Load an adapter once and share it: it never changes, and any number of sessions of the model use
// it at once, alone or several together, each with a weight. Sessions change adapters between calls
// without loading the model again.
//
// Threads: every function here is thread-safe.

#ifndef INKLING_LORA_ADAPTER_H_
#define INKLING_LORA_ADAPTER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "inkling/export.h"
#include "inkling/llm_model.h"

namespace inkling {

class Adapter;  // what the model computes with; not part of the API

// Facts about an adapter, for people and logs.
struct LoraDescription {
  std::string adapter_id;    // 32 hex digits that name exactly these matrices
  std::string source;        // what it was converted from
  size_t num_matrices = 0;   // of the model, that it changes
  int64_t lowest_rank = 0;   // of its matrices
  int64_t highest_rank = 0;  // of its matrices
  int64_t bytes = 0;         // memory of its matrices
};

// A loaded adapter. The comment of this file says how it is used.
class INKLING_EXPORT LoraAdapter {
 public:
  // Loads `path`, a file made by `inkling-convert --lora`, for `model`, which it keeps alive. An
  // adapter belongs to a checkpoint: it serves every model file that was converted from it,
  // whatever the types of its weights. Matrices are f32 beside float weights and f16 beside
  // quantised ones. Errors: NotFound; InvalidArgument (null model, a damaged file or one of another
  // kind, an adapter of another checkpoint); FailedPrecondition for a model file of a converter
  // that didn't write what adapters need to know of it; Unimplemented (a newer version);
  // ResourceExhausted.
  static absl::StatusOr<std::shared_ptr<const LoraAdapter>> Load(
      std::shared_ptr<const LlmModel> model, const std::string& path);

  ~LoraAdapter();
  LoraAdapter(const LoraAdapter&) = delete;
  LoraAdapter& operator=(const LoraAdapter&) = delete;

  // Facts about it, and the model that it was loaded for.
  const LoraDescription& description() const { return description_; }
  const LlmModel& model() const { return *model_; }

 private:
  friend class LlmSession;
  LoraAdapter(std::shared_ptr<const LlmModel> model, std::shared_ptr<const Adapter> adapter,
              LoraDescription description);

  std::shared_ptr<const LlmModel> model_;
  std::shared_ptr<const Adapter> adapter_;
  LoraDescription description_;
};

}  // namespace inkling

#endif  // INKLING_LORA_ADAPTER_H_
