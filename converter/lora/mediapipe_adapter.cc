// Source: MediaPipe's converters 0.10.20 and 0.10.35 (safetensors_converter.py: names, and that
// matrices are handed on transposed; a file that 0.10.20 wrote, for what becomes of them then).

#include "converter/lora/mediapipe_adapter.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "converter/checkpoints/mediapipe/llm_parameters.h"
#include "converter/checkpoints/mediapipe/mediapipe_families.h"
#include "converter/checkpoints/mediapipe/mediapipe_file.h"
#include "converter/checkpoints/mediapipe/mediapipe_matrix.h"
#include "converter/checkpoints/mediapipe/mediapipe_shapes.h"
#include "src/format/lora_file.h"

namespace inkling {
namespace {

constexpr absl::string_view kLeft = ".w_prime_left";
constexpr absl::string_view kRight = ".w_prime_right";
constexpr absl::string_view kOutputProjection = ".self_attention.post";
constexpr absl::string_view kAdaptedStems[] = {".self_attention.q", ".self_attention.k",
                                               ".self_attention.v", kOutputProjection};

// An update's two tensors. Null: not found yet.
struct Halves {
  const MediapipeTensor* left = nullptr;
  const MediapipeTensor* right = nullptr;
};

// The transpose of `values`, which have `rows` rows.
std::vector<float> Transposed(const std::vector<float>& values, int64_t rows) {
  std::vector<float> transposed;
  transposed.reserve(values.size());
  const size_t columns = values.size() / static_cast<size_t>(rows);
  for (size_t column = 0; column < columns; ++column) {
    for (size_t i = column; i < values.size(); i += columns) transposed.push_back(values[i]);
  }
  return transposed;
}

class AdapterReader {
 public:
  AdapterReader(const InputFile& input, MediapipeFile file, MediapipeOutputProjection projection)
      : input_(input), file_(std::move(file)), projection_(projection) {}

  absl::StatusOr<SourceAdapter> Read();

 private:
  absl::Status CheckModel();
  absl::StatusOr<std::map<std::string, Halves>> FindHalves() const;
  absl::StatusOr<SourceModule> ReadModule(const std::string& stem, const Halves& halves) const;
  absl::StatusOr<std::vector<float>> ReadMatrix(const MediapipeTensor& tensor, int64_t rows,
                                                int64_t columns) const;

  const InputFile& input_;
  const MediapipeFile file_;
  const MediapipeOutputProjection projection_;
  MediapipeModelType type_;
  LlmParameters parameters_;
};

// Its sizes are those that LlmParameters may have, and its rank is one.
absl::Status AdapterReader::CheckModel() {
  ABSL_ASSIGN_OR_RETURN(type_, FindMediapipeModelType(file_.model_type));
  if (!absl::StartsWith(type_.family->model_type, "gemma")) {
    return absl::UnimplementedError(
        absl::StrCat("an adapter for a ", type_.name,
                     " model: expected one for Gemma, which MediaPipe's converters can write"));
  }
  ABSL_ASSIGN_OR_RETURN(parameters_, ReadLlmParameters(file_.parameters));
  ABSL_RETURN_IF_ERROR(MediapipeConfig(type_, parameters_, /*tied=*/true).status());
  if (file_.backend != MediapipeBackend::kGpu) {
    return absl::UnimplementedError(
        "backend: expected gpu, which alone has adapters in MediaPipe, found cpu");
  }
  if (file_.lora_rank >= 1 && file_.lora_rank <= kMaxLoraRank) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("lora_rank: expected 1 to ", kMaxLoraRank, ", found ", file_.lora_rank));
}

absl::StatusOr<std::map<std::string, Halves>> AdapterReader::FindHalves() const {
  std::map<std::string, Halves> pairs;
  int64_t bytes = 0;
  for (const MediapipeTensor& tensor : file_.tensors) {
    bytes += tensor.bytes;
    if (bytes > input_.size()) {  // or a small file would take any amount of memory
      return absl::InvalidArgumentError(absl::StrCat("tensors: expected at most the file's ",
                                                     input_.size(), " bytes, found more"));
    }
    absl::string_view stem = tensor.name;
    const bool left = absl::ConsumeSuffix(&stem, kLeft);
    bool known = left || absl::ConsumeSuffix(&stem, kRight);
    if (known) {
      known = false;
      for (const absl::string_view ending : kAdaptedStems) known |= absl::EndsWith(stem, ending);
    }
    if (!known || MediapipeShape(absl::StrCat(stem, ".w"), parameters_).size() != 2) {
      return absl::UnimplementedError(
          absl::StrCat("tensor \"", tensor.name,
                       "\": expected params.lm.transformer.x_layers_N.self_attention.{q,k,v,post}"
                       ".w_prime_{left,right}; MediaPipe's adapters have no others"));
    }
    Halves& halves = pairs[std::string(stem)];
    (left ? halves.left : halves.right) = &tensor;
  }
  if (pairs.empty()) return absl::InvalidArgumentError("tensors: it has none");
  return pairs;
}

absl::StatusOr<std::vector<float>> AdapterReader::ReadMatrix(const MediapipeTensor& tensor,
                                                             int64_t rows, int64_t columns) const {
  MediapipeMatrix matrix;
  matrix.type = MediapipeTensor::Type::kF16;  // whatever the tensor calls itself
  matrix.tiled = true;
  matrix.rows = rows;
  matrix.columns = columns;
  matrix.values = tensor.offset;
  const std::optional<int64_t> needed = MediapipeValueBytes(matrix.type, rows, columns, true);
  if (needed != tensor.bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor \"", tensor.name, "\": by lora_rank ", file_.lora_rank, " and LlmParameters [",
        rows, ", ", columns, "] in float16, which is ",
        needed.has_value() ? absl::StrCat(*needed, " bytes") : "more than any file has", ", found ",
        tensor.bytes));
  }
  std::vector<float> values;
  ABSL_RETURN_IF_ERROR(AppendFloatRows(input_, matrix, 0, rows, values));
  return values;
}

absl::StatusOr<SourceModule> AdapterReader::ReadModule(const std::string& stem,
                                                       const Halves& halves) const {
  if (halves.left == nullptr || halves.right == nullptr) {
    const absl::string_view missing = halves.left == nullptr ? kLeft : kRight;
    return absl::InvalidArgumentError(absl::StrCat("tensor \"", stem, missing,
                                                   "\": expected it beside the other half, found "
                                                   "none"));
  }
  SourceModule module;
  const std::string weight = stem + ".w";
  const std::string name = HuggingFaceName(*type_.family, weight, /*tied=*/true).hugging_face;
  module.name = std::string(absl::StripSuffix(name, ".weight"));
  const std::vector<int64_t> shape = MediapipeShape(weight, parameters_);
  module.rank = file_.lora_rank;
  module.num_outputs = shape[0];
  module.num_inputs = shape[1];
  const bool is_output = absl::EndsWith(stem, kOutputProjection);
  ABSL_ASSIGN_OR_RETURN(module.down, ReadMatrix(is_output ? *halves.right : *halves.left,
                                                module.rank, module.num_inputs));
  ABSL_ASSIGN_OR_RETURN(module.up, ReadMatrix(is_output ? *halves.left : *halves.right,
                                              module.num_outputs, module.rank));
  if (is_output && projection_ == MediapipeOutputProjection::kMeant) {
    module.down = Transposed(module.down, module.num_inputs);
    module.up = Transposed(module.up, module.rank);
  }
  return module;
}

absl::StatusOr<SourceAdapter> AdapterReader::Read() {
  ABSL_RETURN_IF_ERROR(CheckModel());
  ABSL_ASSIGN_OR_RETURN(const auto pairs, FindHalves());
  SourceAdapter adapter;
  adapter.format = "MediaPipe";
  adapter.base_name = type_.name;
  adapter.notes.push_back(
      "MediaPipe's files don't say alpha: updates count once, as in its runtime; if the adapter "
      "was "
      "trained with another alpha / rank, give that as its weight");
  bool has_output = false;
  for (const auto& [stem, halves] : pairs) {
    ABSL_ASSIGN_OR_RETURN(SourceModule module, ReadModule(stem, halves));
    adapter.modules.push_back(std::move(module));
    has_output |= absl::EndsWith(stem, kOutputProjection);
  }
  if (!has_output) return adapter;
  adapter.notes.push_back(
      projection_ == MediapipeOutputProjection::kMeant
          ? "attention's output is read as it was trained; MediaPipe's runtime computes another "
            "update there, which --mediapipe-output-projection=as-run reads"
          : "attention's output is read as MediaPipe's runtime computes it, which isn't what was "
            "trained");
  return adapter;
}

}  // namespace

absl::StatusOr<SourceAdapter> ReadMediapipeAdapter(const InputFile& file,
                                                   MediapipeOutputProjection output_projection) {
  ABSL_ASSIGN_OR_RETURN(MediapipeFile contents, ReadMediapipeAdapterFile(file));
  absl::StatusOr<SourceAdapter> adapter =
      AdapterReader(file, std::move(contents), output_projection).Read();
  if (adapter.ok() || absl::StartsWith(adapter.status().message(), file.path())) return adapter;
  return absl::Status(adapter.status().code(),
                      absl::StrCat(file.path(), ": ", adapter.status().message()));
}

}  // namespace inkling
