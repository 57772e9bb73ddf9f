// DequantizedMatmul: how prefill multiplies with quantised weights: int8 rows as they are, or f32
// rows with panels of weights that are dequantised for them.
//
// A prefill context has one: it decides for each matrix from how many rows on a matmul is one of
// floats, knows the layouts that this takes, and owns the scratch of each thread. Linear asks it;
// the decode context has none. The matmul itself is the kernel "dequantized" of the list.

#ifndef INKLING_SRC_COMPUTE_DEQUANTIZED_MATMUL_H_
#define INKLING_SRC_COMPUTE_DEQUANTIZED_MATMUL_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/compute/aligned_array.h"
#include "src/compute/matmul_kernel.h"
#include "src/compute/packed_layout.h"
#include "src/compute/pass_limits.h"
#include "src/format/element_type.h"

namespace inkling {

// What many rows are multiplied with quantised weights as.
enum class MatmulInput : uint8_t {
  kAuto,   // what takes less on this CPU, for each matrix
  kInt8,   // int8 rows
  kFloat,  // f32 rows
};

class DequantizedMatmul {
 public:
  // Rows of a matmul that is never one of floats.
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  // Matmuls of fewer rows never are: dequantising would be most of the work.
  static constexpr int64_t kMinRows = kDecodeRows + 1;

  // Scratch for `num_threads` threads. Errors: ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<DequantizedMatmul>> Create(MatmulInput choice,
                                                                   int32_t num_threads);
  // Bytes of scratch that Create allocates.
  static int64_t Bytes(MatmulInput choice, int32_t num_threads);

  // Rows from which kAuto multiplies floats on CPUs of an XnnpackKernelClass, for matmuls that
  // would read `int8_rows` int8 rows for each; kNever where bytes always take less.
  static int64_t AutoRows(absl::string_view kernel_class, TensorType type, int64_t int8_rows);

  DequantizedMatmul(const DequantizedMatmul&) = delete;
  DequantizedMatmul& operator=(const DequantizedMatmul&) = delete;

  // A matrix whose matmuls may be those of floats.
  struct Matrix {
    int64_t min_rows = kNever;  // those of fewer rows aren't
    const PackedLayout* layout =
        nullptr;  // null for kNever; lives as long as the DequantizedMatmul
  };
  // Decides for a matrix that `packer` packs, and counts it for Describe.
  Matrix Decide(const MatmulKernel& packer, TensorType type, int64_t num_inputs, int64_t int8_rows);

  // The kernel that multiplies those, and its scratch for `worker`, below Create's number of
  // threads.
  static const MatmulKernel& kernel();
  void ReleaseScratch() { scratch_.ReleasePages(); }  // until the next pass
  std::byte* scratch(size_t worker) { return scratch_.data() + worker * kernel().scratch_bytes; }

  // What was decided, in words: "int8", "float from 16 rows", "float for 14 of 21 matrices, ..."
  // and why others aren't, where they were asked to be.
  std::string Describe() const;

 private:
  DequantizedMatmul(MatmulInput choice, AlignedArray<std::byte> scratch);

  // The layout of what `packer` packs, asked once; null if it isn't known.
  const PackedLayout* LayoutOf(const MatmulKernel& packer, TensorType type, int64_t num_inputs);

  struct Known {
    const MatmulKernel* packer;
    TensorType type;
    int64_t num_inputs;
    std::unique_ptr<const PackedLayout> layout;  // null: it isn't known
  };

  MatmulInput choice_;
  const char* kernel_class_;
  AlignedArray<std::byte> scratch_;
  std::vector<Known> known_;
  int64_t num_matrices_ = 0;  // quantised ones that were decided about
  int64_t num_float_ = 0;
  int64_t first_rows_ = kNever;  // the smallest and the largest min_rows of those
  int64_t last_rows_ = 0;
  std::string obstacle_;  // why the first layout that isn't known isn't
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_DEQUANTIZED_MATMUL_H_
