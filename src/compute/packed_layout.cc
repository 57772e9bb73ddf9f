// A layout is kept as kernels::UnpackQuants wants it: chunks of 16 bytes, with the places in the
// panel that their quantised values go to.

#include "src/compute/packed_layout.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kernels/convert.h"
#include "kernels/float_matmul.h"

namespace inkling {
namespace {

constexpr int64_t kPanelInputs = int64_t{kernels::kPanelInputs};
constexpr int64_t kPanelOutputs = int64_t{kernels::kPanelOutputs};

struct Quant {
  int64_t place;    // in the tile, as TileLayout says
  uint16_t target;  // in the panel
};

// The quantised values of a tile's first panel in the order of their places.
std::vector<Quant> SortedQuants(const TileLayout& tile) {
  std::vector<Quant> quants;
  for (size_t output = 0; output < static_cast<size_t>(tile.outputs); ++output) {
    for (size_t input = 0; input < kernels::kPanelInputs; ++input) {
      quants.push_back({tile.weight_place(output, input),
                        static_cast<uint16_t>(input * kernels::kPanelOutputs + output)});
    }
  }
  std::sort(quants.begin(), quants.end(),
            [](const Quant& a, const Quant& b) { return a.place < b.place; });
  return quants;
}

// 16 bytes of quantised values.
struct Chunk {
  size_t unit;  // of its last input
  uint32_t offset;
  kernels::ChunkHalf halves[2];
};

// True if byte i's place is behind the first one's by distance(i).
template <typename Distance>
bool HasOrder(const kernels::ChunkHalf& half, const Distance& distance) {
  for (size_t i = 1; i < kernels::kChunkBytes; ++i) {
    if (half.places[i] != half.places[0] + distance(i)) return false;
  }
  return true;
}

}  // namespace

absl::Status UnknownLayout(TensorType type, absl::string_view why) {
  return absl::UnimplementedError(
      absl::StrCat("layout of packed ", TensorTypeName(type), " weights: ", why));
}

absl::Status PackedLayout::CheckType(TensorType type, int64_t num_inputs) {
  constexpr int64_t kUnit = int64_t{kernels::kPanelInputUnit};
  if (IsQuantized(type.element) && num_inputs >= 1 && num_inputs % kUnit == 0 &&
      TypeFits(type, num_inputs)) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat(
      "layout of packed weights: expected a quantised type and inputs in multiples of ", kUnit,
      ", found ", TensorTypeName(type), " and ", num_inputs));
}

absl::StatusOr<PackedLayout> PackedLayout::Create(TensorType type, int64_t num_inputs,
                                                  const TileLayout& tile) {
  ABSL_RETURN_IF_ERROR(CheckType(type, num_inputs));
  if (tile.outputs < 1 || kPanelOutputs % tile.outputs != 0) {
    return UnknownLayout(type, absl::StrCat("expected tiles of a divisor of ", kPanelOutputs,
                                            " outputs, found ", tile.outputs));
  }
  PackedLayout layout;
  layout.type_ = type;
  layout.num_inputs_ = num_inputs;
  layout.tile_outputs_ = tile.outputs;
  layout.tile_bytes_ = tile.bytes;
  layout.panel_bytes_ = (tile.weight_place(0, kernels::kPanelInputs) - tile.weight_place(0, 0)) / 2;
  layout.flip_ = tile.flip;
  layout.scale_factor_ = tile.scale_factor;
  ABSL_RETURN_IF_ERROR(layout.SetChunks(tile));
  layout.NameOrders();
  const int64_t blocks = layout.HasBlocks() ? kPanelInputs / type.block_size : 1;
  for (int64_t block = 0; block < blocks; ++block) {
    for (int64_t output = 0; output < tile.outputs; ++output) {
      layout.scale_offsets_.push_back(static_cast<uint32_t>(
          tile.scale_offset(static_cast<size_t>(output), static_cast<size_t>(block))));
    }
  }
  return layout;
}

absl::Status PackedLayout::SetChunks(const TileLayout& tile) {
  const std::vector<Quant> quants = SortedQuants(tile);
  const size_t num_halves = HasNibbles() ? 2 : 1;
  const int64_t step = HasNibbles() ? 1 : 2;
  const size_t chunk_quants = kernels::kChunkBytes * num_halves;
  std::vector<Chunk> chunks;
  for (size_t first = 0; first < quants.size(); first += chunk_quants) {
    Chunk chunk = {};
    chunk.offset = static_cast<uint32_t>(quants[first].place / 2);
    for (size_t i = 0; i < chunk_quants; ++i) {
      if (quants[first + i].place != quants[first].place + static_cast<int64_t>(i) * step ||
          quants[first].place % 2 != 0) {
        return UnknownLayout(type_,
                             absl::StrCat("expected ", kernels::kChunkBytes,
                                          " bytes of quantised values together, found a gap"));
      }
      const uint16_t target = quants[first + i].target;
      chunk.halves[i % num_halves].places[i / num_halves] = target;
      chunk.unit = std::max(chunk.unit, target / kernels::kPanelOutputs / kernels::kPanelInputUnit);
    }
    chunks.push_back(chunk);
  }
  std::stable_sort(chunks.begin(), chunks.end(),
                   [](const Chunk& a, const Chunk& b) { return a.unit < b.unit; });
  for (const Chunk& chunk : chunks) {
    chunk_offsets_.push_back(chunk.offset);
    chunk_halves_.insert(chunk_halves_.end(), chunk.halves, chunk.halves + num_halves);
    for (size_t unit = chunk.unit + 1; unit <= kUnits; ++unit) ++num_chunks_[unit];
  }
  return absl::OkStatus();
}

// Says of the chunks which of the orders their quantised values have.
void PackedLayout::NameOrders() {
  const size_t num_halves = HasNibbles() ? 2 : 1;
  for (kernels::ChunkHalf& half : chunk_halves_) {
    if (HasOrder(half, [](size_t i) { return i; })) half.order = kernels::QuantOrder::kRun;
  }
  for (size_t c = 0; c + kernels::kSquareChunks <= chunk_offsets_.size();) {
    kernels::ChunkHalf* first = chunk_halves_.data() + c * num_halves;
    bool is_square = true;
    for (size_t i = 0; i < kernels::kSquareChunks; ++i) {
      is_square =
          is_square && chunk_offsets_[c + i] == chunk_offsets_[c] + i * kernels::kChunkBytes;
      for (size_t h = 0; h < num_halves; ++h) {
        const kernels::ChunkHalf& half = first[i * num_halves + h];
        is_square = is_square && half.places[0] == first[h].places[0] + 2 * i &&
                    HasOrder(half, [](size_t byte) {
                      return byte % 8 * kernels::kPanelOutputs + byte / 8;
                    });
      }
    }
    for (size_t h = 0; is_square && h < num_halves; ++h) {
      first[h].order = kernels::QuantOrder::kSquare;
    }
    c += is_square ? kernels::kSquareChunks : 1;
  }
}

size_t PackedLayout::InputsOfPanel(int64_t first_input) const {
  return std::min(kernels::kPanelInputs, static_cast<size_t>(num_inputs_ - first_input));
}

absl::Status PackedLayout::CheckBounds(int64_t num_outputs, int64_t packed_bytes) const {
  const int64_t tiles = (num_outputs + tile_outputs_ - 1) / tile_outputs_;
  const int64_t last_panel = (num_inputs_ - 1) / kPanelInputs;
  int64_t end = 0;
  for (int64_t panel = 0; panel <= last_panel; panel += std::max<int64_t>(1, last_panel)) {
    const size_t inputs = InputsOfPanel(panel * kPanelInputs);
    const size_t num_scales = HasBlocks() ? inputs / static_cast<size_t>(type_.block_size) *
                                                static_cast<size_t>(tile_outputs_)
                                          : scale_offsets_.size();
    const int64_t first = panel * panel_bytes_;
    for (size_t c = 0; c < num_chunks_[inputs / kernels::kPanelInputUnit]; ++c) {
      end = std::max(end, first + chunk_offsets_[c] + int64_t{kernels::kChunkBytes});
    }
    for (size_t i = 0; i < num_scales; ++i) {
      end = std::max(end, (HasBlocks() ? first + 2 : 4) + scale_offsets_[i]);
    }
  }
  if (panel_bytes_ >= 0 && end <= tile_bytes_ && tiles * tile_bytes_ <= packed_bytes) {
    return absl::OkStatus();
  }
  return UnknownLayout(
      type_, absl::StrCat("expected ", tiles, " tiles of ", tile_bytes_, " bytes, found ",
                          packed_bytes, " bytes, and a quantised value or scale at ", end));
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
