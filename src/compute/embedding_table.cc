// EmbeddingTable: one kernel per element type, chosen per lookup.

#include "src/compute/embedding_table.h"

#include <cstdint>
#include <cstring>

#include "kernels/dequantize.h"

namespace inkling {
namespace {

void ReadInt4Blocks(const TensorView& table, int64_t row, float scale, float* output) {
  const int64_t dim = table.info.columns;
  const int64_t blocks = dim / table.type.block_size;
  kernels::DequantizeInt4BlocksArgs args;
  args.nibbles = reinterpret_cast<const uint8_t*>(table.values) + row * dim / 2;
  args.block_scales = reinterpret_cast<const uint16_t*>(table.scales) + row * blocks;
  args.block_size = static_cast<size_t>(table.type.block_size);
  args.factor = scale;
  args.output = output;
  args.dim = static_cast<size_t>(dim);
  kernels::DequantizeInt4Blocks(args);
}

float ChannelScale(const TensorView& table, int64_t row) {
  return reinterpret_cast<const float*>(table.scales)[row];
}

void ReadRow(const TensorView& table, int64_t row, float scale, float* output) {
  const int64_t start = row * table.info.columns;
  const size_t dim = static_cast<size_t>(table.info.columns);
  switch (table.type.element) {
    case ElementType::kF32:
      return kernels::ScaleF32(reinterpret_cast<const float*>(table.values) + start, scale, output,
                               dim);
    case ElementType::kF16:
      return kernels::DequantizeF16(reinterpret_cast<const uint16_t*>(table.values) + start, scale,
                                    output, dim);
    case ElementType::kBf16:
      return kernels::DequantizeBf16(reinterpret_cast<const uint16_t*>(table.values) + start, scale,
                                     output, dim);
    case ElementType::kInt8Channel:
      return kernels::DequantizeInt8(reinterpret_cast<const int8_t*>(table.values) + start,
                                     ChannelScale(table, row) * scale, output, dim);
    case ElementType::kInt4Channel:
      return kernels::DequantizeInt4(reinterpret_cast<const uint8_t*>(table.values) + start / 2,
                                     ChannelScale(table, row) * scale, output, dim);
    case ElementType::kInt4Block:
      return ReadInt4Blocks(table, row, scale, output);
  }
}

}  // namespace

void EmbeddingTable::Lookup(absl::Span<const int32_t> tokens, float* output) const {
  for (size_t i = 0; i < tokens.size(); ++i) {
    ReadRow(*view_, tokens[i], scale_, output + static_cast<int64_t>(i) * view_->info.columns);
  }
}

}  // namespace inkling
