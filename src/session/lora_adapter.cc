// LoraAdapter: an adapter's file, checked against the model, in the form that its decoder wants.

#include "inkling/lora_adapter.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "inkling/llm_model.h"
#include "src/compute/float_environment.h"
#include "src/format/lora_file.h"
#include "src/format/model_metadata.h"
#include "src/session/lora_loading.h"
#include "src/session/model_engine.h"

namespace inkling {

absl::StatusOr<LoadedAdapter> LoadAdapter(const ModelEngine& engine, const std::string& path) {
  const ModelMetadata& metadata = engine.reader().metadata();
  ABSL_ASSIGN_OR_RETURN(const LoraFile file, ReadLoraFile(path));
  if (file.base_fingerprint != ModelFingerprint(metadata)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the adapter was made for another checkpoint, ", file.base_source,
                     "; the model was converted from ", metadata.provenance.source));
  }
  if (!metadata.columns.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the model was converted by ", metadata.provenance.generator,
                     ", whose files don't say what adapters need; convert its checkpoint again"));
  }
  absl::StatusOr<std::shared_ptr<const Adapter>> adapter = engine.decoder().CreateAdapter(file);
  if (!adapter.ok()) {
    return absl::Status(adapter.status().code(),
                        absl::StrCat(path, ": ", adapter.status().message()));
  }
  LoadedAdapter loaded = {*std::move(adapter),
                          {.adapter_id = file.adapter_id,
                           .source = file.source,
                           .num_matrices = file.matrices.size(),
                           .lowest_rank = kMaxLoraRank}};
  LoraDescription& description = loaded.description;
  description.bytes = loaded.adapter->bytes();
  for (const LoraMatrix& matrix : file.matrices) {
    description.lowest_rank = std::min(description.lowest_rank, matrix.rank);
    description.highest_rank = std::max(description.highest_rank, matrix.rank);
  }
  return loaded;
}

absl::StatusOr<std::shared_ptr<const LoraAdapter>> LoraAdapter::Load(
    std::shared_ptr<const LlmModel> model, const std::string& path) {
  if (model == nullptr)
    return absl::InvalidArgumentError("the model is null; open one with LlmModel::Open");
  const DefaultFloats floats;
  ABSL_ASSIGN_OR_RETURN(LoadedAdapter loaded, LoadAdapter(*model->engine_, path));
  return absl::WrapUnique(
      new LoraAdapter(std::move(model), std::move(loaded.adapter), std::move(loaded.description)));
}

LoraAdapter::LoraAdapter(std::shared_ptr<const LlmModel> model,
                         std::shared_ptr<const Adapter> adapter, LoraDescription description)
    : model_(std::move(model)),
      adapter_(std::move(adapter)),
      description_(std::move(description)) {}

LoraAdapter::~LoraAdapter() = default;

}  // namespace inkling
