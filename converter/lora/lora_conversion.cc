// The base model's file doesn't say which family its checkpoint was of, so every recipe is asked:
// the right one names a source for each of the adapter's modules, in the right shapes. Recipes that
// all fit say the same, because they read the same tensors.

#include "converter/lora/lora_conversion.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "converter/checkpoints/mediapipe/mediapipe_file.h"
#include "converter/files/input_file.h"
#include "converter/lora/mediapipe_adapter.h"
#include "converter/lora/peft_adapter.h"
#include "converter/lora/source_adapter.h"
#include "converter/recipes/recipe.h"
#include "src/format/lora_file.h"
#include "src/format/model_metadata.h"
#include "src/format/model_reader.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

constexpr char kGenerator[] = "inkling-convert " INKLING_VERSION;

// A module's or a tensor's name without what savers and wrappers put in front.
absl::string_view InnerName(absl::string_view name) {
  absl::ConsumePrefix(&name, "model.language_model.");
  absl::ConsumePrefix(&name, "language_model.");
  if (!absl::ConsumePrefix(&name, "model.")) absl::ConsumePrefix(&name, "transformer.");
  return name;
}

// One of the model's matrices and the rows that it has of a module's outputs.
struct Use {
  const TensorInfo* tensor;
  TensorSource source;
};

// The module that each matrix reads, by the names of one recipe. Unset if that recipe leaves a
// module out, or sees it in another shape: `reason` says which.
std::optional<std::map<std::string, std::vector<Use>>> UsesOf(
    const Recipe& recipe, const std::vector<TensorInfo>& tensors, const ModelConfig& config,
    const SourceAdapter& adapter, std::string& reason) {
  std::map<absl::string_view, const SourceModule*> modules;
  for (const SourceModule& module : adapter.modules) modules[InnerName(module.name)] = &module;
  std::map<std::string, std::vector<Use>> uses;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.role != TensorRole::kLinear) continue;
    const absl::StatusOr<TensorSource> source = recipe.find_source(tensor, config);
    if (!source.ok()) return std::nullopt;
    absl::string_view name = InnerName(source->name);
    if (!absl::ConsumeSuffix(&name, ".weight")) continue;
    const auto found = modules.find(name);
    if (found == modules.end()) continue;
    const SourceModule& module = *found->second;
    const int64_t outputs = source->source_rows > 0 ? source->source_rows : tensor.rows;
    if (module.num_inputs != tensor.columns || module.num_outputs != outputs) {
      reason =
          absl::StrCat(module.name, " has ", module.num_inputs, " inputs and ", module.num_outputs,
                       " outputs; the base model's has ", tensor.columns, " and ", outputs);
      return std::nullopt;
    }
    uses[module.name].push_back({&tensor, *source});
  }
  for (const SourceModule& module : adapter.modules) {
    if (uses.count(module.name) > 0) continue;
    if (reason.empty()) reason = absl::StrCat("the base model has no linear layer ", module.name);
    return std::nullopt;
  }
  return uses;
}

LoraMatrix MatrixOf(const SourceModule& module, const Use& use) {
  LoraMatrix matrix;
  matrix.weight = use.tensor->name;
  matrix.num_inputs = module.num_inputs;
  matrix.num_outputs = use.tensor->rows;
  matrix.rank = module.rank;
  matrix.down = module.down;
  const int64_t run = use.source.run > 0 ? use.source.run : use.tensor->rows;
  for (int64_t row = 0; row < use.tensor->rows; ++row) {
    const int64_t from = use.source.first_row + row / run * use.source.stride + row % run;
    for (int64_t j = 0; j < module.rank; ++j) {
      matrix.up.push_back(static_cast<float>(
          module.factor * module.up[static_cast<size_t>(from * module.rank + j)]));
    }
  }
  return matrix;
}

// The adapter's folder or file as a name.
std::string NameOf(const std::string& adapter) {
  const std::filesystem::path path = std::filesystem::path(adapter).lexically_normal();
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

// The adapter at `path`, by what lies there.
absl::StatusOr<SourceAdapter> ReadAdapter(const std::string& path, const LoraOptions& options) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  if (is_folder && options.mediapipe_output_projection.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": --mediapipe-output-projection is for MediaPipe's LoRA files, found a "
                     "folder"));
  }
  if (is_folder) return ReadPeftAdapter(path);
  ABSL_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  if (!LooksLikeTflite(file)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": expected the folder of a PEFT adapter (adapter_config.json with "
                     "adapter_model.safetensors), or a LoRA file of MediaPipe's, found "
                     "another file"));
  }
  return ReadMediapipeAdapter(
      file, options.mediapipe_output_projection.value_or(MediapipeOutputProjection::kMeant));
}

}  // namespace

absl::StatusOr<LoraSummary> ConvertLora(const std::string& path, const std::string& output_path,
                                        const std::string& base_path, const LoraOptions& options) {
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<ModelReader> base, ModelReader::Open(base_path));
  ABSL_ASSIGN_OR_RETURN(const SourceAdapter adapter, ReadAdapter(path, options));
  const std::vector<TensorInfo> tensors = TensorList(base->config());
  LoraSummary summary;
  summary.format = adapter.format;
  summary.notes = adapter.notes;
  std::string reason;
  std::optional<std::map<std::string, std::vector<Use>>> uses;
  for (const Recipe& recipe : Recipes()) {
    uses = UsesOf(recipe, tensors, base->config(), adapter, reason);
    if (!uses.has_value()) continue;
    summary.family = recipe.family;
    break;
  }
  if (!uses.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": the adapter doesn't fit the base model ", base_path, " (",
        base->metadata().provenance.source, "): ", reason,
        adapter.base_name.empty() ? "" : absl::StrCat("; it was trained on ", adapter.base_name)));
  }
  LoraFile file;
  file.base_fingerprint = ModelFingerprint(base->metadata());
  file.base_source = base->metadata().provenance.source;
  file.source = NameOf(path);
  file.generator = kGenerator;
  summary.lowest_rank = kMaxLoraRank;
  for (const SourceModule& module : adapter.modules) {
    for (const Use& use : uses->at(module.name)) file.matrices.push_back(MatrixOf(module, use));
    summary.lowest_rank = std::min(summary.lowest_rank, module.rank);
    summary.highest_rank = std::max(summary.highest_rank, module.rank);
  }
  const auto place = [&](const LoraMatrix& matrix) {
    return std::find_if(tensors.begin(), tensors.end(),
                        [&](const TensorInfo& tensor) { return tensor.name == matrix.weight; }) -
           tensors.begin();
  };
  std::sort(file.matrices.begin(), file.matrices.end(),
            [&](const LoraMatrix& a, const LoraMatrix& b) { return place(a) < place(b); });
  ABSL_RETURN_IF_ERROR(WriteLoraFile(output_path, file));
  summary.num_matrices = file.matrices.size();
  std::error_code error;
  summary.file_bytes = static_cast<int64_t>(std::filesystem::file_size(output_path, error));
  return summary;
}

}  // namespace inkling
