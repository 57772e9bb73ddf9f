// BindWeights: from the names of the tensor list to matmuls and norm vectors.
//
// The reader has checked that every tensor of the config is there with its shape, so a name that is
// missing here is a fault of this program and reported as Internal.

#include "src/decoder/layer_weights.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/linear.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/packed_weights.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"

namespace inkling {
namespace {

// The same thing for the prefill and the decode context.
template <typename T>
using PerContext = std::array<T, 2>;

// The embedding is a matrix that a matmul reads only where it is also the head.
bool IsWeightMatrix(const TensorView& view, const ModelConfig& config) {
  switch (view.info.role) {
    case TensorRole::kLinear:
    case TensorRole::kHead:
      return true;
    case TensorRole::kEmbedding:
      return config.tied_head;
    case TensorRole::kBias:
    case TensorRole::kNorm:
      return false;
  }
  return false;
}

class WeightBinder {
 public:
  WeightBinder(const ModelReader& reader, PackedWeights& packed,
               DequantizedMatmul& prefill_activations, const PackingProgress& progress)
      : reader_(reader),
        packed_(packed),
        prefill_activations_(prefill_activations),
        progress_(progress) {
    for (const TensorView& view : reader.tensors()) {
      if (IsWeightMatrix(view, reader.config())) total_bytes_ += view.value_bytes;
    }
  }

  absl::StatusOr<ContextWeights> BindModel() {
    ABSL_RETURN_IF_ERROR(Report(0));
    PerContext<std::vector<LayerWeights>> layers;
    for (int32_t i = 0; i < reader_.config().num_layers; ++i) {
      ABSL_ASSIGN_OR_RETURN(auto layer, BindLayer(absl::StrCat("layers.", i, ".")));
      layers[0].push_back(std::move(layer[0]));
      layers[1].push_back(std::move(layer[1]));
    }
    const NormWeights norm = BindNorm("final_norm");
    const char* head_weight = reader_.config().tied_head ? "embedding.weight" : "head.weight";
    ABSL_ASSIGN_OR_RETURN(auto head, BindLinear(head_weight, "head.bias"));
    return ContextWeights{.prefill = {std::move(layers[0]), norm, std::move(head[0])},
                          .decode = {std::move(layers[1]), norm, std::move(head[1])}};
  }

 private:
  absl::StatusOr<PerContext<LayerWeights>> BindLayer(const std::string& prefix) {
    ABSL_ASSIGN_OR_RETURN(auto attention, BindAttention(prefix + "attention."));
    ABSL_ASSIGN_OR_RETURN(auto feed_forward, BindFeedForward(prefix + "feed_forward."));
    const auto layer = [&](size_t context) {
      return LayerWeights{.attention_norm = BindNorm(prefix + "attention_norm"),
                          .attention = std::move(attention[context]),
                          .attention_post_norm = BindNorm(prefix + "attention_post_norm"),
                          .feed_forward_norm = BindNorm(prefix + "feed_forward_norm"),
                          .feed_forward = std::move(feed_forward[context]),
                          .feed_forward_post_norm = BindNorm(prefix + "feed_forward_post_norm")};
    };
    return PerContext<LayerWeights>{layer(0), layer(1)};
  }

  absl::StatusOr<PerContext<AttentionWeights>> BindAttention(const std::string& prefix) {
    ABSL_ASSIGN_OR_RETURN(auto query, BindLinear(prefix + "q.weight", prefix + "q.bias"));
    ABSL_ASSIGN_OR_RETURN(auto key, BindLinear(prefix + "k.weight", prefix + "k.bias"));
    ABSL_ASSIGN_OR_RETURN(auto value, BindLinear(prefix + "v.weight", prefix + "v.bias"));
    ABSL_ASSIGN_OR_RETURN(auto output,
                          BindLinear(prefix + "output.weight", prefix + "output.bias"));
    const auto attention = [&](size_t context) {
      return AttentionWeights{.query = std::move(query[context]),
                              .key = std::move(key[context]),
                              .value = std::move(value[context]),
                              .output = std::move(output[context]),
                              .query_norm = Vector(prefix + "q_norm.weight"),
                              .key_norm = Vector(prefix + "k_norm.weight")};
    };
    return PerContext<AttentionWeights>{attention(0), attention(1)};
  }

  absl::StatusOr<PerContext<FeedForwardWeights>> BindFeedForward(const std::string& prefix) {
    PerContext<std::optional<Linear>> gate;
    if (reader_.config().feed_forward == FeedForwardKind::kGated) {
      ABSL_ASSIGN_OR_RETURN(auto gates, BindLinear(prefix + "gate.weight", prefix + "gate.bias",
                                                   SliceOutput::kCompact));
      gate = {std::move(gates[0]), std::move(gates[1])};
    }
    ABSL_ASSIGN_OR_RETURN(
        auto up, BindLinear(prefix + "up.weight", prefix + "up.bias", SliceOutput::kCompact));
    ABSL_ASSIGN_OR_RETURN(auto down, BindLinear(prefix + "down.weight", prefix + "down.bias"));
    return PerContext<FeedForwardWeights>{
        FeedForwardWeights{std::move(gate[0]), std::move(up[0]), std::move(down[0])},
        FeedForwardWeights{std::move(gate[1]), std::move(up[1]), std::move(down[1])}};
  }

  absl::StatusOr<PerContext<Linear>> BindLinear(const std::string& weight_name,
                                                const std::string& bias_name,
                                                SliceOutput slice_output = SliceOutput::kInPlace) {
    const TensorView* weight = reader_.Find(weight_name);
    if (weight == nullptr) {
      return absl::InternalError(
          absl::StrCat("decoder: the model file has no tensor ", weight_name));
    }
    const TensorView* bias = reader_.Find(bias_name);
    const LinearOptions decode_options = {.slice_output = slice_output,
                                          .residual = InputResidual(weight_name, weight->type),
                                          .kernels = kernels_};
    LinearOptions prefill_options = decode_options;
    prefill_options.dequantized_matmul = &prefill_activations_;
    // A head is as large as several layers: its rows are released while the rest is packed.
    const int64_t row_bytes = weight->value_bytes / weight->info.rows;
    int64_t reported = 0;
    absl::Status go_on;
    const auto release = [&](int64_t first, int64_t count) {
      reader_.ReleaseRows(*weight, first, count);
      reported += count * row_bytes;
      if (go_on.ok()) go_on = Report(count * row_bytes);
    };
    // Weights that were packed before are found by their names; nobody reads their values.
    if (!packed_.is_from_file()) {
      ABSL_RETURN_IF_ERROR(reader_.LoadValues(*weight));
    }
    ABSL_RETURN_IF_ERROR(reader_.LoadScales(*weight));
    ABSL_ASSIGN_OR_RETURN(Linear prefill,
                          Linear::Create(*weight, bias, packed_, prefill_options, release));
    ABSL_ASSIGN_OR_RETURN(Linear decode, Linear::Create(*weight, bias, packed_, decode_options));
    reader_.ReleasePages(*weight);
    ABSL_RETURN_IF_ERROR(go_on);
    ABSL_RETURN_IF_ERROR(Report(weight->value_bytes - reported));
    return PerContext<Linear>{std::move(prefill), std::move(decode)};
  }

  // `bytes` more are packed. Errors: Cancelled.
  absl::Status Report(int64_t bytes) {
    done_bytes_ += bytes;
    if (progress_ == nullptr || progress_(done_bytes_, total_bytes_)) return absl::OkStatus();
    return absl::CancelledError(absl::StrCat("opening the model was cancelled after ", done_bytes_,
                                             " of ", total_bytes_, " bytes"));
  }

  NormWeights BindNorm(const std::string& name) const {
    return {.weight = Vector(name + ".weight"), .bias = Vector(name + ".bias")};
  }

  // f32 values of a norm's tensor, or null where the config has none.
  const float* Vector(const std::string& name) const {
    const TensorView* view = reader_.Find(name);
    return view == nullptr ? nullptr : reinterpret_cast<const float*>(view->values);
  }

  const ModelReader& reader_;
  PackedWeights& packed_;
  DequantizedMatmul& prefill_activations_;
  const PackingProgress& progress_;
  int64_t done_bytes_ = 0;
  int64_t total_bytes_ = 0;
  const std::vector<const MatmulKernel*> kernels_ = MatmulKernelsOfThisCpu();
};

}  // namespace

absl::StatusOr<ContextWeights> BindWeights(const ModelReader& reader, PackedWeights& packed,
                                           DequantizedMatmul& prefill_activations,
                                           const PackingProgress& progress) {
  return WeightBinder(reader, packed, prefill_activations, progress).BindModel();
}

ResidualQuantization InputResidual(absl::string_view weight_name, TensorType type) {
  const bool has_wide_inputs = absl::EndsWith(weight_name, ".feed_forward.down.weight") ||
                               absl::EndsWith(weight_name, ".attention.output.weight");
  return has_wide_inputs && type.element == ElementType::kInt8Channel ? ResidualQuantization::kInt8
                                                                      : ResidualQuantization::kNone;
}

ResidualQuantization LargestResidual(const ModelReader& reader) {
  for (const TensorView& view : reader.tensors()) {
    const ResidualQuantization residual = InputResidual(view.info.name, view.type);
    if (residual != ResidualQuantization::kNone) return residual;
  }
  return ResidualQuantization::kNone;
}

int64_t PackedWeightBytesBound(const ModelReader& reader) {
  const std::vector<const MatmulKernel*> kernels = MatmulKernelsOfThisCpu();
  int64_t bytes = 0;
  for (const TensorView& view : reader.tensors()) {
    if (IsWeightMatrix(view, reader.config())) bytes += Linear::PackedBytesBound(view, kernels);
  }
  return bytes;
}

int64_t NumWeightMatrices(const ModelReader& reader) {
  int64_t count = 0;
  for (const TensorView& view : reader.tensors()) {
    if (IsWeightMatrix(view, reader.config())) ++count;
  }
  return count;
}

}  // namespace inkling
