// The thresholds are measured: benchmarks/PERFORMANCE.md, "Two ways through prefill".

#include "src/compute/dequantized_matmul.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/compute/matmul_kernels.h"

namespace inkling {
namespace {

// Of weights whose matmuls may be of floats, one of each kind.
constexpr TensorType kQuantizedTypes[] = {
    {ElementType::kInt8Channel}, {ElementType::kInt4Channel}, {ElementType::kInt4Block, 32}};

}  // namespace

DequantizedMatmul::DequantizedMatmul(MatmulInput choice, AlignedArray<std::byte> scratch)
    : choice_(choice), kernel_class_(XnnpackKernelClass()), scratch_(std::move(scratch)) {}

const MatmulKernel& DequantizedMatmul::kernel() { return MatmulKernelNamed("dequantized"); }

int64_t DequantizedMatmul::AutoRows(absl::string_view kernel_class, TensorType type,
                                    int64_t int8_rows) {
  // Rows from which floats take less with some to spare.
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
        may_be_float |= AutoRows(XnnpackKernelClass(), type, int8_rows) != kNever;
      }
    }
  }
  if (!may_be_float) return 0;
  return num_threads * static_cast<int64_t>(kernel().scratch_bytes);
}

absl::StatusOr<std::unique_ptr<DequantizedMatmul>> DequantizedMatmul::Create(MatmulInput choice,
                                                                             int32_t num_threads) {
  ABSL_ASSIGN_OR_RETURN(
      AlignedArray<std::byte> scratch,
      AlignedArray<std::byte>::Create(static_cast<size_t>(Bytes(choice, num_threads))));
  return absl::WrapUnique(new DequantizedMatmul(choice, std::move(scratch)));
}

const PackedLayout* DequantizedMatmul::LayoutOf(const MatmulKernel& packer, TensorType type,
                                                int64_t num_inputs) {
  for (const Known& known : known_) {
    if (known.packer == &packer && known.type == type && known.num_inputs == num_inputs) {
      return known.layout.get();
    }
  }
  absl::StatusOr<PackedLayout> layout = packer.layout(type, num_inputs);
  if (!layout.ok() && obstacle_.empty()) obstacle_ = std::string(layout.status().message());
  known_.push_back({&packer, type, num_inputs,
                    layout.ok() ? std::make_unique<PackedLayout>(*std::move(layout)) : nullptr});
  return known_.back().layout.get();
}

DequantizedMatmul::Matrix DequantizedMatmul::Decide(const MatmulKernel& packer, TensorType type,
                                                    int64_t num_inputs, int64_t int8_rows) {
  if (!IsQuantized(type.element)) return {};
  ++num_matrices_;
  if (choice_ == MatmulInput::kInt8) return {};
  const int64_t min_rows =
      choice_ == MatmulInput::kFloat ? kMinRows : AutoRows(kernel_class_, type, int8_rows);
  if (min_rows == kNever) return {};
  const PackedLayout* layout = LayoutOf(packer, type, num_inputs);
  if (layout == nullptr) return {};
  ++num_float_;
  first_rows_ = std::min(first_rows_, min_rows);
  last_rows_ = std::max(last_rows_, min_rows);
  return {min_rows, layout};
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
