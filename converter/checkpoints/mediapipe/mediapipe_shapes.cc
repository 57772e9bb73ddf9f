// Names without their layer and their ending, with the sizes that they have.

#include "converter/checkpoints/mediapipe/mediapipe_shapes.h"

#include <cstddef>

#include "absl/strings/strip.h"

namespace inkling {
namespace {

enum class Size : uint8_t { kHidden, kVocabulary, kFeedForward, kHead, kQueries, kKeys };

// Outputs and inputs; norms have outputs only.
struct StemShape {
  absl::string_view stem;
  Size rows;
  Size columns;
};

constexpr StemShape kOuterStems[] = {
    {"token_embedding", Size::kVocabulary, Size::kHidden},
    {"softmax.logits_ffn", Size::kVocabulary, Size::kHidden},
    {"final_ln", Size::kHidden, Size::kHidden},
};

constexpr StemShape kLayerStems[] = {
    {"pre_layer_norm", Size::kHidden, Size::kHidden},
    {"post_layer_norm", Size::kHidden, Size::kHidden},
    {"self_attention.q", Size::kQueries, Size::kHidden},
    {"self_attention.k", Size::kKeys, Size::kHidden},
    {"self_attention.v", Size::kKeys, Size::kHidden},
    {"self_attention.q_norm", Size::kHead, Size::kHead},
    {"self_attention.k_norm", Size::kHead, Size::kHead},
    {"self_attention.post", Size::kHidden, Size::kQueries},
    {"ff_layer.pre_layer_norm", Size::kHidden, Size::kHidden},
    {"ff_layer.post_layer_norm", Size::kHidden, Size::kHidden},
    {"ff_layer.ffn_layer1", Size::kFeedForward, Size::kHidden},
    {"ff_layer.ffn_layer1_gate", Size::kFeedForward, Size::kHidden},
    {"ff_layer.ffn_layer2", Size::kHidden, Size::kFeedForward},
};

int64_t SizeOf(Size size, const LlmParameters& parameters) {
  const TransformerParameters& p = parameters.transformer;
  switch (size) {
    case Size::kHidden:
      return p.embedding_dim;
    case Size::kVocabulary:
      return parameters.vocab_size;
    case Size::kFeedForward:
      return p.hidden_dimension;
    case Size::kHead:
      return p.head_dimension;
    case Size::kQueries:
      return p.num_heads * p.head_dimension;
    case Size::kKeys:
      return (p.num_kv_heads > 0 ? p.num_kv_heads : p.num_heads) * p.head_dimension;
  }
  return 0;
}

}  // namespace

std::vector<int64_t> MediapipeShape(absl::string_view name, const LlmParameters& parameters) {
  absl::string_view stem = name;
  bool is_matrix = false;
  if (absl::ConsumeSuffix(&stem, ".linear.w") || absl::ConsumeSuffix(&stem, ".w")) {
    is_matrix = true;
  } else if (!absl::ConsumeSuffix(&stem, ".bias.b") && !absl::ConsumeSuffix(&stem, ".bias") &&
             !absl::ConsumeSuffix(&stem, ".scale")) {
    return {};
  }
  if (!absl::ConsumePrefix(&stem, "params.lm.")) return {};
  const bool in_layer = absl::ConsumePrefix(&stem, "transformer.x_layers_");
  if (in_layer) {
    const size_t dot = stem.find('.');
    if (dot == absl::string_view::npos) return {};
    stem.remove_prefix(dot + 1);
  }
  const auto find = [&](const auto& stems) -> std::vector<int64_t> {
    for (const StemShape& shape : stems) {
      if (shape.stem != stem) continue;
      const int64_t rows = SizeOf(shape.rows, parameters);
      if (!is_matrix) return {rows};
      return {rows, SizeOf(shape.columns, parameters)};
    }
    return {};
  };
  return in_layer ? find(kLayerStems) : find(kOuterStems);
}

}  // namespace inkling
