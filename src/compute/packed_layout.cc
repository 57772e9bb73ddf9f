// Dequantizing of a panel by a layout that layout_probe.cc has found out.

#include "src/compute/packed_layout.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convert.h"
#include "kernels/float_matmul.h"

namespace inkling {

size_t PackedLayout::InputsOfPanel(int64_t first_input) const {
  return std::min(kernels::kPanelInputs, static_cast<size_t>(num_inputs_ - first_input));
}

void PackedLayout::ReadScales(const uint8_t* tile, size_t panel_index, size_t num_inputs,
                              float* scales) const {
  const size_t tile_outputs = static_cast<size_t>(tile_outputs_);
  if (type_.element != ElementType::kInt4Block) {
    for (size_t n = 0; n < tile_outputs; ++n) {
      std::memcpy(scales + n, tile + scale_offsets_[n], sizeof(float));
      scales[n] *= scale_factor_;
    }
    return;
  }
  tile += panel_index * static_cast<size_t>(panel_bytes_);
  const size_t num_blocks = num_inputs / static_cast<size_t>(type_.block_size);
  for (size_t b = 0; b < num_blocks; ++b, scales += kernels::kPanelOutputs) {
    for (size_t n = 0; n < tile_outputs; ++n) {
      uint16_t bits;
      std::memcpy(&bits, tile + scale_offsets_[b * tile_outputs + n], sizeof(bits));
      scales[n] = kernels::Bf16Value(bits) * scale_factor_;
    }
  }
}

void PackedLayout::Dequantize(const Panel& panel, const PanelScratch& scratch) const {
  const size_t num_inputs = InputsOfPanel(panel.first_input);
  const size_t panel_index = static_cast<size_t>(panel.first_input) / kernels::kPanelInputs;
  const int64_t outputs =
      std::min<int64_t>(kernels::kPanelOutputs, panel.num_outputs - panel.first_output);
  const auto* tile = reinterpret_cast<const uint8_t*>(panel.packed) +
                     panel.first_output / tile_outputs_ * tile_bytes_;
  for (int64_t n = 0; n < outputs; n += tile_outputs_, tile += tile_bytes_) {
    kernels::UnpackQuants({.packed = tile + panel_index * static_cast<size_t>(panel_bytes_),
                           .offsets = chunk_offsets_.data(),
                           .halves = chunk_halves_.data(),
                           .num_chunks = num_chunks_[num_inputs / kernels::kPanelInputUnit],
                           .has_nibbles = type_.element != ElementType::kInt8Channel,
                           .flip = flip_,
                           .quants = scratch.quants + n});
    ReadScales(tile, panel_index, num_inputs, scratch.scales + n);
  }
  kernels::DequantizePanel({.quants = scratch.quants,
                            .num_inputs = num_inputs,
                            .scales = scratch.scales,
                            .block_inputs = type_.element == ElementType::kInt4Block
                                                ? static_cast<size_t>(type_.block_size)
                                                : kernels::kPanelInputs,
                            .panel = scratch.panel});
}

}  // namespace inkling
