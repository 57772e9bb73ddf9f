// The tensors of a GGUF file as a Hugging Face checkpoint would have them: names, slices of fused
// tensors, order of rows.

#ifndef INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_TENSORS_H_
#define INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/checkpoints/gguf/gguf_families.h"
#include "converter/files/gguf_header.h"

namespace inkling {

// Which stored row is row r of a presented tensor.
class GgufRowOrder {
 public:
  GgufRowOrder() = default;

  // Stored: pairs (0, 1), (2, 3), ... of a head rotate together. Presented: i with i + half.
  static GgufRowOrder FromInterleavedPairs(int64_t head_dim);

  // Stored: all queries, all keys, all values. Presented: for each key/value head its queries, its
  // key, its value.
  static GgufRowOrder FromFusedQkv(int64_t num_heads, int64_t num_kv_heads, int64_t head_dim);

  bool is_identity() const { return head_dim_ == 0; }
  int64_t StoredRow(int64_t row) const;

 private:
  int64_t head_dim_ = 0;   // 0: the same order
  int64_t num_heads_ = 0;  // 0: pairs
  int64_t num_kv_heads_ = 0;
};

// A presented tensor, and where its values lie.
struct GgufView {
  SourceTensor tensor;
  int64_t offset = 0;  // of its first stored row, in the file
  GgufRowOrder order;
  float added = 0.0f;  // what the stored numbers have more than the presented ones
};

// Heads as the file's config has them.
struct GgufHeads {
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
};

// What a GGUF file of the family calls, or would call, the tensor that is presented as `name`.
std::string GgufTensorName(const GgufFamily& family, absl::string_view name);

// Presents `tensors`, in their order. Divisors of rotary frequencies are left out: they are part of
// the config. A tensor that the family has no name for keeps its own, so that the plan of the
// conversion names it as unused. Error: InvalidArgument for rows that don't divide into heads.
absl::StatusOr<std::vector<GgufView>> PresentGgufTensors(absl::Span<const GgufTensor> tensors,
                                                         const GgufFamily& family,
                                                         const GgufHeads& heads);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_TENSORS_H_
