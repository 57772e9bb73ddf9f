// EmbeddingTable: rows of the [vocab, hidden] table as f32, read straight from the mapped file.
//
// The decoder looks up one row a token, so the table is never packed or copied; only the touched
// pages become resident.

#ifndef INKLING_SRC_COMPUTE_EMBEDDING_TABLE_H_
#define INKLING_SRC_COMPUTE_EMBEDDING_TABLE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "src/format/model_reader.h"

namespace inkling {

class EmbeddingTable {
 public:
  // `view` outlives the table; every element type is supported. `scale` multiplies every row.
  EmbeddingTable(const TensorView& view, float scale) : view_(&view), scale_(scale) {}

  // Writes row `tokens[i]` to output[i * hidden ...]. Tokens are in [0, rows). Thread-safe.
  void Lookup(absl::Span<const int32_t> tokens, float* output) const;

 private:
  const TensorView* view_;
  float scale_;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_EMBEDDING_TABLE_H_
