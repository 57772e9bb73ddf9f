// MatrixSlices: how the outputs of a matmul are cut into pieces of work.
//
// A slice's weights stay in a core's cache while all rows go by, and a slice is what one thread
// computes at a time. XNNPACK's own way through a matrix takes a few rows through all outputs
// before it comes to the next rows, so the weights of a wide one are read from memory again and
// again. How a matrix is cut depends on its shape alone.

#ifndef INKLING_SRC_COMPUTE_MATRIX_SLICES_H_
#define INKLING_SRC_COMPUTE_MATRIX_SLICES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace inkling {

// Outputs [first, first + size).
struct MatrixSlice {
  int64_t first;
  int64_t size;
};

class MatrixSlices {
 public:
  // Of a [rows, columns] matrix; both at least 1.
  MatrixSlices(int64_t rows, int64_t columns)
      : rows_(rows),
        slice_rows_(SliceRows(rows, columns)),
        size_(static_cast<size_t>(std::max<int64_t>(1, rows / slice_rows_))) {}

  size_t size() const { return size_; }
  // The last one also has the rest.
  MatrixSlice operator[](size_t index) const {
    const int64_t first = slice_rows_ * static_cast<int64_t>(index);
    return {first, index + 1 < size_ ? slice_rows_ : rows_ - first};
  }
  // Outputs of the largest slice.
  int64_t largest() const { return (*this)[size_ - 1].size; }

 private:
  static int64_t SliceRows(int64_t rows, int64_t columns) {
    // Slices begin at multiples of this: kernels pack outputs in tiles whose height is a power of
    // two, at most this, so slices are packed exactly as the same rows of the whole.
    constexpr int64_t kMultiple = 64;
    // Where a matrix has them, this many slices keep threads busy to the end of a region.
    constexpr int64_t kSlices = 64;
    // Narrower ones cost few-row matmuls 5% (2048 inputs), wider ones help nothing.
    constexpr int64_t kMinRows = 128;
    constexpr int64_t kMaxRows = 512;
    // Int4 and int8 ones lie in the second cache level with room for activations.
    constexpr int64_t kMaxWeights = int64_t{1} << 20;
    const auto round_down = [](int64_t value) {
      return std::max<int64_t>(1, value / kMultiple) * kMultiple;
    };
    const int64_t wanted = std::clamp(round_down(rows / kSlices), kMinRows, kMaxRows);
    return std::min(wanted, round_down(kMaxWeights / columns));
  }

  int64_t rows_;
  int64_t slice_rows_;  // of each but the last
  size_t size_;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_MATRIX_SLICES_H_
