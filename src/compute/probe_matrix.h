// ProbeMatrix: a random quantised matrix as files store it, and what it is packed into: what
// layout_probe.cc finds layouts out with.

#ifndef INKLING_SRC_COMPUTE_PROBE_MATRIX_H_
#define INKLING_SRC_COMPUTE_PROBE_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "src/compute/matmul_kernel.h"
#include "src/format/element_type.h"

namespace inkling {

class ProbeMatrix {
 public:
  // A [rows, columns] matrix of what `seed` says; scales are positive normal numbers.
  ProbeMatrix(TensorType type, int64_t rows, int64_t columns, uint64_t seed);

  // Packs the matrix with `kernel`. Errors: those of PrepareSlice.
  absl::Status Pack(const MatmulKernel& kernel);

  // As stored: the nibble or the byte.
  uint8_t StoredQuant(int64_t row, int64_t column) const;
  // What it stands for.
  float Weight(int64_t row, int64_t column) const;
  // As stored, row by row.
  const std::vector<std::byte>& scales() const { return scales_; }
  // What Pack wrote.
  const std::vector<uint8_t>& packed() const { return packed_; }

 private:
  bool HasNibbles() const { return type_.element != ElementType::kInt8Channel; }
  bool HasBlocks() const { return type_.element == ElementType::kInt4Block; }
  int64_t ScalesOfRow() const { return HasBlocks() ? columns_ / type_.block_size : 1; }

  TensorType type_;
  int64_t rows_;
  int64_t columns_;
  std::vector<std::byte> values_;
  std::vector<std::byte> scales_;
  std::vector<uint8_t> packed_;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_PROBE_MATRIX_H_
