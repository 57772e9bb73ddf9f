// Quantised values and scales are bits of a standard engine, whose numbers the standard says, so
// that a layout is learned alike everywhere.

#include "src/compute/probe_matrix.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>

#include "absl/status/status_macros.h"
#include "kernels/convert.h"
#include "kernels/dequantize.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/packed_weights.h"

namespace inkling {
namespace {

// XNNPACK loads the last values of a row with 8 bytes.
constexpr int64_t kReadAheadBytes = 64;

}  // namespace

ProbeMatrix::ProbeMatrix(TensorType type, int64_t rows, int64_t columns, uint64_t seed)
    : type_(type), rows_(rows), columns_(columns) {
  std::mt19937_64 random(seed);
  values_.resize(static_cast<size_t>(rows * columns / (HasNibbles() ? 2 : 1) + kReadAheadBytes));
  for (std::byte& value : values_) {
    value = static_cast<std::byte>(random() >> 32);
    // Files have no -128.
    if (!HasNibbles() && value == std::byte{0x80}) value = std::byte{0};
  }
  const size_t num_scales = static_cast<size_t>(rows * ScalesOfRow());
  const size_t scale_bytes = HasBlocks() ? sizeof(uint16_t) : sizeof(float);
  scales_.resize(num_scales * scale_bytes);
  for (size_t i = 0; i < num_scales; ++i) {
    // f32 between 2^-7 and 2, of which bf16 is the upper half.
    const auto f32 = static_cast<uint32_t>(0x3c000000 | (random() & 0x3ffffff));
    const auto bf16 = static_cast<uint16_t>(f32 >> 16);
    if (HasBlocks()) {
      std::memcpy(scales_.data() + i * scale_bytes, &bf16, scale_bytes);
    } else {
      std::memcpy(scales_.data() + i * scale_bytes, &f32, scale_bytes);
    }
  }
}

absl::Status ProbeMatrix::Pack(const MatmulKernel& kernel) {
  MatrixRows matrix;
  matrix.type = type_;
  matrix.rows = rows_;
  matrix.columns = columns_;
  matrix.values = values_.data();
  matrix.scales = scales_.data();
  matrix.output_stride = rows_;
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<PackedWeights> packed,
                        PackedWeights::Create(kernel.packed_bytes(type_, rows_, columns_)));
  ABSL_RETURN_IF_ERROR(PackMatrix(kernel, matrix, "probe", *packed));
  const auto* bytes = reinterpret_cast<const uint8_t*>(packed->data());
  packed_.assign(bytes, bytes + packed->packed_bytes());
  return absl::OkStatus();
}

uint8_t ProbeMatrix::StoredQuant(int64_t row, int64_t column) const {
  const int64_t index = row * columns_ + column;
  if (!HasNibbles()) return static_cast<uint8_t>(values_[static_cast<size_t>(index)]);
  const auto both = static_cast<uint8_t>(values_[static_cast<size_t>(index / 2)]);
  return index % 2 == 0 ? both & 15 : both >> 4;
}

float ProbeMatrix::Weight(int64_t row, int64_t column) const {
  const uint8_t stored = StoredQuant(row, column);
  const int quant = HasNibbles() ? stored - kernels::kInt4ZeroPoint : static_cast<int8_t>(stored);
  if (!HasBlocks()) {
    float scale;
    std::memcpy(&scale, scales_.data() + row * int64_t{sizeof(scale)}, sizeof(scale));
    return static_cast<float>(quant) * scale;
  }
  uint16_t bits;
  const int64_t index = row * ScalesOfRow() + column / type_.block_size;
  std::memcpy(&bits, scales_.data() + index * int64_t{sizeof(bits)}, sizeof(bits));
  return static_cast<float>(quant) * kernels::Bf16Value(bits);
}

}  // namespace inkling
