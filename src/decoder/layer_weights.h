// LayerWeights: one layer's matmuls and norms as one execution context sees them.
//
// BindWeights makes them for both contexts at once, tensor by tensor: the prefill matmul packs the
// weight, the decode matmul finds the packed bytes, and the file's pages are released before the
// next tensor. So the peak is one copy of the packed weights plus one tensor. Norms are read
// straight from the mapping.

#ifndef INKLING_SRC_DECODER_LAYER_WEIGHTS_H_
#define INKLING_SRC_DECODER_LAYER_WEIGHTS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/linear.h"
#include "src/compute/packed_weights.h"
#include "src/format/element_type.h"
#include "src/format/model_reader.h"

namespace inkling {

// Vectors in the mapped file; null where the config has none.
struct NormWeights {
  const float* weight = nullptr;  // [hidden_dim]
  const float* bias = nullptr;    // [hidden_dim]
};

struct AttentionWeights {
  Linear query;                       // [num_heads * head_dim, hidden_dim]
  Linear key;                         // [num_kv_heads * head_dim, hidden_dim]
  Linear value;                       // [num_kv_heads * head_dim, hidden_dim]
  Linear output;                      // [hidden_dim, num_heads * head_dim]
  const float* query_norm = nullptr;  // [head_dim] or [num_heads, head_dim]
  const float* key_norm = nullptr;    // [head_dim] or [num_kv_heads, head_dim]
};

struct FeedForwardWeights {
  std::optional<Linear>
      gate;     // [feed_forward_dim, hidden_dim], slices compact; only of a gated one
  Linear up;    // [feed_forward_dim, hidden_dim], slices compact
  Linear down;  // [hidden_dim, feed_forward_dim]
};

struct LayerWeights {
  NormWeights attention_norm;
  AttentionWeights attention;
  NormWeights attention_post_norm;
  NormWeights feed_forward_norm;
  FeedForwardWeights feed_forward;
  NormWeights feed_forward_post_norm;
};

struct ModelWeights {
  std::vector<LayerWeights> layers;
  NormWeights final_norm;
  Linear head;  // [vocab_size, hidden_dim]
};

// One set of packed weights seen by two contexts.
struct ContextWeights {
  ModelWeights prefill;
  ModelWeights decode;
};

// Hears how many bytes of matrices are packed, of how many; false gives up.
using PackingProgress = std::function<bool(int64_t done, int64_t total)>;

// Makes every matmul of `reader`'s model for both contexts over `packed`; those of prefill may be
// matmuls of floats, as `prefill_activations` decides. All three outlive the result. Errors: those
// of Linear::Create, with the tensor's name; those of loading a tensor; Cancelled if `progress`,
// which may be null, says so.
absl::StatusOr<ContextWeights> BindWeights(const ModelReader& reader, PackedWeights& packed,
                                           DequantizedMatmul& prefill_activations,
                                           const PackingProgress& progress = nullptr);

// Which matrices read their int8 inputs with a residual: the two that write a block's output, where
// they are int8 themselves. activation(gate) * up, the input of down, spans 20 to 30 times its root
// mean square, other inputs 6 to 8: one int8 row of it has more error than everything else of an
// int8 model together. Attention's output is little work and has a tenth of what is left. int4
// weights have more error of their own. The converter reckons with it (converter/tensor_stream.h).
ResidualQuantization InputResidual(absl::string_view weight_name, TensorType type);

// InputResidual of all matrices of `reader`'s model, at most.
ResidualQuantization LargestResidual(const ModelReader& reader);

// An upper bound of the bytes that BindWeights packs.
int64_t PackedWeightBytesBound(const ModelReader& reader);

// Weight matrices that BindWeights packs, the head included.
int64_t NumWeightMatrices(const ModelReader& reader);

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_LAYER_WEIGHTS_H_
