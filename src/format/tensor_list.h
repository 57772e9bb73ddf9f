// TensorList: the one list of every tensor that a model of a given config has.
//
// The loader, the converter, the tiny random models of the tests, the memory estimate and the
// shape-only benchmarks all walk this list, so a tensor is named, shaped and typed in exactly one
// place.

#ifndef INKLING_SRC_FORMAT_TENSOR_LIST_H_
#define INKLING_SRC_FORMAT_TENSOR_LIST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"

namespace inkling {

// What a tensor does; decides which element types it may have and what the converter's options mean
// for it.
enum class TensorRole : uint8_t {
  kEmbedding,  // [vocab, hidden], looked up by row; also the head when the config says tied
  kHead,       // [vocab, hidden]
  kLinear,     // [out, in]
  kBias,       // [out], always f32
  kNorm,       // [dim] or [heads, head_dim], always f32
};

// What statistics call the looked-up rows of embedding.weight, whose own name stands for its
// matmuls where it is the head too.
inline constexpr absl::string_view kEmbeddingLookup = "embedding.lookup";

struct TensorInfo {
  std::string name;  // "layers.3.attention.q.weight"
  TensorRole role;
  int32_t layer;    // -1 outside the layers
  int64_t rows;     // output rows of a matrix; 1 for a vector
  int64_t columns;  // inputs of a matrix; length of a vector
  bool is_vector;   // stored with shape [columns]; otherwise [rows, columns]
};

// Names, in file order:
//   embedding.weight
//   layers.N.attention_norm.{weight,bias}        input norm of the attention block
//   layers.N.attention.{q,k,v,output}.{weight,bias}
//   layers.N.attention.{q_norm,k_norm}.weight
//   layers.N.attention_post_norm.{weight,bias}
//   layers.N.feed_forward_norm.{weight,bias}     absent for ResidualKind::kParallelSharedNorm
//   layers.N.feed_forward.{gate,up,down}.{weight,bias}   gate only for kGated
//   layers.N.feed_forward_post_norm.{weight,bias}
//   final_norm.{weight,bias}
//   head.{weight,bias}                           weight absent when tied
// `config` must be valid (ValidateModelConfig).
std::vector<TensorInfo> TensorList(const ModelConfig& config);

// True if a tensor of this role may be stored as `type`: norms and biases are f32, matrices
// anything that fits.
bool TypeAllowed(TensorRole role, TensorType type);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_TENSOR_LIST_H_
