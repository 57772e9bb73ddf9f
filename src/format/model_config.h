// ModelConfig: everything that makes one decoder-only transformer differ from another, as data.
//
// The converter fills it, the file stores it, the decoder reads it. There is no model name in here:
// a family is a point in this space. A value that this version doesn't know is refused when the
// file is opened, never assumed.

#ifndef INKLING_SRC_FORMAT_MODEL_CONFIG_H_
#define INKLING_SRC_FORMAT_MODEL_CONFIG_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace inkling {

// How a row of hidden values is normalised. The numbers are stored in files: append, never
// renumber.
enum class NormKind : uint8_t {
  kRms = 0,    // x / sqrt(mean(x^2) + eps) * weight. Zhang & Sennrich, 2019.
  kLayer = 1,  // (x - mean) / sqrt(var + eps) * weight + bias. Ba et al., 2016.
};

// Where a layer's two blocks read their input and add their output.
enum class ResidualKind : uint8_t {
  kSequential = 0,          // x += attention(norm1(x)); x += feed_forward(norm2(x))
  kParallelSharedNorm = 1,  // x += attention(norm1(x)) + feed_forward(norm1(x))
  kParallelOwnNorm = 2,     // x += attention(norm1(x)) + feed_forward(norm2(x))
};

// How a query knows its distance to a key.
enum class PositionKind : uint8_t {
  kNone = 0,
  kRotary = 1,  // rotate-half pairing (i, i + rotary_dim / 2). Su et al., 2021.
  kAlibi = 2,   // a bias linear in the key's position. Press et al., 2022.
};

enum class FeedForwardKind : uint8_t {
  kGated = 0,  // down(activation(gate(x)) * up(x)). Shazeer, 2020.
  kPlain = 1,  // down(activation(up(x)))
};

enum class Activation : uint8_t {
  kSilu = 0,
  kGeluTanh = 1,
  kGeluErf = 2,
  kRelu = 3,
};

// Normalisation of q and k before the rotation.
enum class QueryKeyNorm : uint8_t {
  kNone = 0,
  kShared = 1,   // one weight [head_dim] for all heads
  kPerHead = 2,  // a weight [num_heads or num_kv_heads, head_dim]
};

// One table of rotation frequencies. Every scaling a checkpoint asks for (linear, by wavelength,
// long-context factors) is already applied by the converter, so the runtime knows no scaling kinds.
struct RopeTableConfig {
  std::vector<float> frequencies;  // [rotary_dim / 2], radians per position
  float attention_factor = 1.0f;   // multiplies cos and sin
  // A session whose context is longer than `long_from` positions uses these instead (empty: never).
  std::vector<float> long_frequencies;  // [rotary_dim / 2] or empty
  float long_attention_factor = 1.0f;
  int32_t long_from = 0;
};

// What one layer does differently from its neighbours.
struct LayerConfig {
  int32_t window = 0;      // keys visible to a query, itself included; 0 = all
  int32_t rope_table = 0;  // index into ModelConfig::rope_tables; -1 = no rotation in this layer
};

struct ModelConfig {
  // Sizes.
  int32_t vocab_size = 0;
  int32_t hidden_dim = 0;
  int32_t num_layers = 0;
  int32_t context_length = 0;  // positions the model was made for
  int32_t num_heads = 0;
  int32_t num_kv_heads = 0;  // divides num_heads
  int32_t head_dim = 0;
  int32_t feed_forward_dim = 0;

  // Norms.
  NormKind norm = NormKind::kRms;
  bool norm_has_bias = false;  // kLayer only
  float norm_epsilon = 1e-6f;
  bool post_norms = false;  // each block's output is normalised before it is added
  QueryKeyNorm query_key_norm = QueryKeyNorm::kNone;
  NormKind query_key_norm_kind = NormKind::kRms;  // never with a bias

  // Attention.
  ResidualKind residual = ResidualKind::kSequential;
  PositionKind position = PositionKind::kRotary;
  int32_t rotary_dim = 0;  // leading dimensions of a head that rotate; even; 0 unless kRotary
  std::vector<RopeTableConfig> rope_tables;
  std::vector<float> alibi_slopes;  // [num_heads] for kAlibi, else empty
  float attention_scale = 0.0f;     // multiplies q.k; usually 1 / sqrt(head_dim)
  float attention_soft_cap = 0.0f;  // c * tanh(score / c); 0 = none
  bool query_key_value_bias = false;
  bool attention_output_bias = false;
  std::vector<LayerConfig> layers;  // [num_layers]

  // Feed-forward.
  FeedForwardKind feed_forward = FeedForwardKind::kGated;
  Activation activation = Activation::kSilu;
  bool feed_forward_bias = false;

  // Ends.
  float embedding_scale = 1.0f;  // multiplies looked-up rows
  bool tied_head = false;        // logits use the embedding's tensor
  bool head_bias = false;
  float logit_soft_cap = 0.0f;  // 0 = none
};

// Checks every bound and every relation between fields: sizes positive and so small that no two
// of them overflow 63 bits when they are multiplied, enums known, vectors of the right length,
// floats finite. The message names the field, what was expected and what was found
// ("feed_forward.activation 7 is not supported by this version").
absl::Status ValidateModelConfig(const ModelConfig& config);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_MODEL_CONFIG_H_
