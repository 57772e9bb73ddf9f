// Rows go by in blocks that stay in the second cache level beside a panel: 128 rows x 256 inputs
// are copied out of the input, and all outputs of the slice are computed from the copy before the
// next 256 inputs come.

#include "src/compute/dequantized_matmul.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "kernels/float_matmul.h"
#include "src/compute/linear.h"

namespace inkling {
namespace {

constexpr int64_t kBlockRows = 128;
constexpr int64_t kPanelInputs = int64_t{kernels::kPanelInputs};
constexpr int64_t kPanelOutputs = int64_t{kernels::kPanelOutputs};

// Of one thread, each part on a cache line's boundary.
struct ThreadScratch {
  alignas(64) float panel[kernels::kPanelFloats];
  alignas(64) float rows[kBlockRows * kernels::kPanelRowStride];
  alignas(64) float scales[kernels::kPanelFloats / kernels::kPanelInputUnit];
  alignas(64) int8_t quants[kernels::kPanelFloats];
};

void CopyRows(const DequantizedMatmul::Slice& slice, int64_t first_row, int64_t num_rows,
              int64_t first_input, int64_t num_inputs, float* copy) {
  const float* row = slice.rows + first_row * slice.num_inputs + first_input;
  for (int64_t r = 0; r < num_rows; ++r) {
    std::copy_n(row, num_inputs, copy);
    row += slice.num_inputs;
    copy += kernels::kPanelRowStride;
  }
}

void WriteBias(const DequantizedMatmul::Slice& slice) {
  for (int64_t r = 0; r < slice.num_rows; ++r) {
    float* row = slice.output + r * slice.output_stride;
    if (slice.bias == nullptr) {
      std::fill_n(row, slice.num_outputs, 0.0f);
    } else {
      std::copy_n(slice.bias, slice.num_outputs, row);
    }
  }
}

}  // namespace

DequantizedMatmul::DequantizedMatmul(MatmulInput choice, AlignedArray<std::byte> scratch)
    : choice_(choice), kernel_class_(LinearKernelClass()), scratch_(std::move(scratch)) {}

int64_t DequantizedMatmul::AutoRows(absl::string_view kernel_class, TensorType type,
                                    int64_t int8_rows) {
  // Rows from which floats take less with some to spare: benchmarks/PERFORMANCE.md, "Two ways
  // through prefill".
  constexpr int64_t kFewRows = 24;
  constexpr int64_t kSomeRows = 48;
  const bool is_int8 = type.element == ElementType::kInt8Channel;
  const bool is_block32 = type.element == ElementType::kInt4Block && type.block_size == 32;
  if (kernel_class == "neon") return is_int8 && int8_rows == 1 ? kNever : kFewRows;
  if (kernel_class == "avx2" || kernel_class == "avx512") {
    if (is_int8 && int8_rows > 1) return kFewRows;
    return is_block32 ? kSomeRows : kNever;
  }
  // XNNPACK multiplies blocks there as it does with AVX2 alone.
  if (kernel_class == "avxvnni") return is_block32 ? kSomeRows : kNever;
  return kNever;
}

int64_t DequantizedMatmul::Bytes(MatmulInput choice, int32_t num_threads) {
  bool may_be_float = choice == MatmulInput::kFloat;
  if (choice == MatmulInput::kAuto) {
    for (const TensorType type : kQuantizedTypes) {
      for (const int64_t int8_rows : {1, 2}) {
        may_be_float |= AutoRows(LinearKernelClass(), type, int8_rows) != kNever;
      }
    }
  }
  if (!may_be_float) return 0;
  return num_threads * static_cast<int64_t>(sizeof(ThreadScratch));
}

absl::StatusOr<std::unique_ptr<DequantizedMatmul>> DequantizedMatmul::Create(MatmulInput choice,
                                                                             int32_t num_threads) {
  ABSL_ASSIGN_OR_RETURN(
      AlignedArray<std::byte> scratch,
      AlignedArray<std::byte>::Create(static_cast<size_t>(Bytes(choice, num_threads))));
  return absl::WrapUnique(new DequantizedMatmul(choice, std::move(scratch)));
}

const PackedLayout* DequantizedMatmul::LayoutOf(TensorType type, int64_t num_inputs) {
  for (const Known& known : known_) {
    if (known.type == type && known.num_inputs == num_inputs) return known.layout.get();
  }
  absl::StatusOr<PackedLayout> learned = PackedLayout::Learn(type, num_inputs);
  if (!learned.ok() && obstacle_.empty()) obstacle_ = std::string(learned.status().message());
  known_.push_back({type, num_inputs,
                    learned.ok() ? std::make_unique<PackedLayout>(*std::move(learned)) : nullptr});
  return known_.back().layout.get();
}

DequantizedMatmul::Matrix DequantizedMatmul::Decide(TensorType type, int64_t num_inputs,
                                                    int64_t int8_rows) {
  if (!IsQuantized(type.element)) return {};
  ++num_matrices_;
  if (choice_ == MatmulInput::kInt8) return {};
  const int64_t min_rows =
      choice_ == MatmulInput::kFloat ? kMinRows : AutoRows(kernel_class_, type, int8_rows);
  if (min_rows == kNever) return {};
  const PackedLayout* layout = LayoutOf(type, num_inputs);
  if (layout == nullptr) return {};
  ++num_float_;
  first_rows_ = std::min(first_rows_, min_rows);
  last_rows_ = std::max(last_rows_, min_rows);
  return {min_rows, layout};
}

void DequantizedMatmul::Run(const PackedLayout& layout, const Slice& slice, size_t worker) {
  auto* scratch = reinterpret_cast<ThreadScratch*>(scratch_.data()) + worker;
  WriteBias(slice);
  for (int64_t row = 0; row < slice.num_rows; row += kBlockRows) {
    const int64_t num_rows = std::min(kBlockRows, slice.num_rows - row);
    for (int64_t input = 0; input < slice.num_inputs; input += kPanelInputs) {
      const int64_t num_inputs = std::min(kPanelInputs, slice.num_inputs - input);
      CopyRows(slice, row, num_rows, input, num_inputs, scratch->rows);
      for (int64_t output = 0; output < slice.num_outputs; output += kPanelOutputs) {
        layout.Dequantize({slice.packed, slice.num_outputs, output, input},
                          {scratch->quants, scratch->scales, scratch->panel});
        kernels::MultiplyPanel({.rows = scratch->rows,
                                .num_rows = static_cast<size_t>(num_rows),
                                .num_inputs = static_cast<size_t>(num_inputs),
                                .panel = scratch->panel,
                                .output = slice.output + row * slice.output_stride + output,
                                .output_stride = static_cast<size_t>(slice.output_stride),
                                .num_outputs = static_cast<size_t>(
                                    std::min(kPanelOutputs, slice.num_outputs - output))});
      }
    }
  }
}

std::string DequantizedMatmul::Describe() const {
  const std::string why = obstacle_.empty() ? "" : absl::StrCat("; ", obstacle_);
  if (num_float_ == 0) return absl::StrCat("int8", why);
  std::string rows = absl::StrCat("float from ", first_rows_, " rows on");
  if (last_rows_ != first_rows_) {
    rows = absl::StrCat("float from ", first_rows_, " to ", last_rows_, " rows on");
  }
  if (num_float_ == num_matrices_) return rows;
  return absl::StrCat(rows, " with ", num_float_, " of ", num_matrices_,
                      " matrices, int8 with the others", why);
}

}  // namespace inkling
