// PackedLayout::Learn. A quantised value is found by its signature: what it is in each of several
// matrices that differ in all quants. 48 bits of random quantised values are the same for no two of
// the thousands of places that a small matrix is packed into, and if they were, the comparison at
// the end would show it.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kernels/float_matmul.h"
#include "src/compute/aligned_array.h"
#include "src/compute/packed_layout.h"
#include "src/compute/packed_weights.h"
#include "src/compute/probe_matrix.h"

namespace inkling {
namespace {

constexpr int64_t kPanelInputs = int64_t{kernels::kPanelInputs};
constexpr int64_t kPanelOutputs = int64_t{kernels::kPanelOutputs};
// One output more than the largest tile has.
constexpr int64_t kRows = kPanelOutputs + 1;
// Scales are stored divided by up to 2^8, where matmuls count quantised values so many times.
constexpr int kMaxScaleShift = 8;

}  // namespace

class LayoutProbe {
 public:
  LayoutProbe(TensorType type, int64_t num_inputs)
      : type_(type),
        has_nibbles_(type.element != ElementType::kInt8Channel),
        num_inputs_(num_inputs),
        rest_(num_inputs % kPanelInputs) {
    layout_.type_ = type;
    layout_.num_inputs_ = num_inputs;
  }

  absl::StatusOr<PackedLayout> Learn() {
    ABSL_RETURN_IF_ERROR(PackAll());
    ABSL_RETURN_IF_ERROR(FindTiles());
    ABSL_RETURN_IF_ERROR(FindChunks());
    ABSL_RETURN_IF_ERROR(FindScales());
    ABSL_RETURN_IF_ERROR(Prove());
    return std::move(layout_);
  }

 private:
  // Place of a quantised value: twice the byte's offset and, of nibbles, 1 for the high one.
  using Places = absl::flat_hash_map<int64_t, int64_t>;  // by row * kColumnKey + column
  static constexpr int64_t kColumnKey = 1024;
  static constexpr size_t kMatrices = 12;
  // Matrices of two and of three panels: what grows by a panel's inputs is told apart from the
  // rest.
  static constexpr int64_t kPanels[2] = {2, 3};

  absl::Status Unknown(absl::string_view what) const {
    return absl::UnimplementedError(
        absl::StrCat("layout of packed ", TensorTypeName(type_), " weights: ", what));
  }

  int64_t Columns(size_t size) const { return kPanels[size] * kPanelInputs + rest_; }

  absl::Status PackAll() {
    const int64_t room = int64_t{kMatrices} * (ProbeMatrix::PackedRoom(kRows, Columns(0)) +
                                               ProbeMatrix::PackedRoom(kRows, Columns(1))) +
                         ProbeMatrix::PackedRoom(kRows, num_inputs_);
    ABSL_ASSIGN_OR_RETURN(packed_, PackedWeights::Create(room));
    for (size_t size = 0; size < 2; ++size) {
      for (size_t i = 0; i < kMatrices; ++i) {
        ProbeMatrix matrix(type_, kRows, Columns(size), 1 + i);
        ABSL_RETURN_IF_ERROR(matrix.Pack(*packed_));
        matrices_[size].push_back(std::move(matrix));
      }
    }
    return absl::OkStatus();
  }

  // What the matrices of a size have at a place, 4 bits (or 8 of the first six) of each.
  uint64_t SignatureAt(size_t size, size_t offset, bool high) const {
    uint64_t signature = 0;
    for (size_t i = 0; i < NumSigned(); ++i) {
      const uint8_t byte = matrices_[size][i].packed()[offset];
      signature =
          has_nibbles_ ? signature << 4 | (high ? byte >> 4 : byte & 15) : signature << 8 | byte;
    }
    return signature;
  }
  size_t NumSigned() const { return has_nibbles_ ? kMatrices : kMatrices / 2; }

  // Quantised values of rows [0, kRows) and the given columns, stored as they are or with their
  // first bit turned around; empty if some aren't there.
  std::optional<Places> FindQuants(size_t size, int64_t first_column, int64_t num_columns,
                                   uint8_t flip) const {
    uint64_t flips = 0;
    absl::flat_hash_map<uint64_t, int64_t> wanted;
    for (size_t i = 0; i < NumSigned(); ++i) flips = flips << (has_nibbles_ ? 4 : 8) | flip;
    for (int64_t row = 0; row < kRows; ++row) {
      for (int64_t column = first_column; column < first_column + num_columns; ++column) {
        uint64_t signature = 0;
        for (size_t i = 0; i < NumSigned(); ++i) {
          signature =
              signature << (has_nibbles_ ? 4 : 8) | matrices_[size][i].StoredQuant(row, column);
        }
        wanted[signature ^ flips] = row * kColumnKey + column;
      }
    }
    Places places;
    const size_t bytes = matrices_[size][0].packed().size();
    for (size_t offset = 0; offset < bytes; ++offset) {
      for (int high = 0; high < (has_nibbles_ ? 2 : 1); ++high) {
        const auto found = wanted.find(SignatureAt(size, offset, high != 0));
        if (found == wanted.end()) continue;
        const int64_t place = 2 * static_cast<int64_t>(offset) + high;
        // The first: XNNPACK fills up the last tile with copies of the last row.
        places.emplace(found->second, place);
      }
    }
    if (places.size() != static_cast<size_t>(kRows * num_columns)) return std::nullopt;
    return places;
  }

  // Tiles of outputs, their distance, and that of a tile's panels.
  absl::Status FindTiles() {
    std::array<Places, 2> first;
    for (const uint8_t flip : {uint8_t{0}, static_cast<uint8_t>(has_nibbles_ ? 8 : 0x80)}) {
      std::optional<Places> places = FindQuants(0, 0, kPanelInputs + 1, flip);
      if (!places.has_value()) continue;
      layout_.flip_ = flip;
      first[0] = *std::move(places);
    }
    std::optional<Places> longer = FindQuants(1, 0, 1, layout_.flip_);
    if (first[0].empty() || !longer.has_value())
      return Unknown("not all quantised values were found");
    first[1] = *std::move(longer);
    int64_t outputs = 1;  // rows of a tile lie where they lie whatever the number of inputs
    while (outputs < kRows &&
           first[0].at(outputs * kColumnKey) == first[1].at(outputs * kColumnKey)) {
      ++outputs;
    }
    if (outputs == kRows || kPanelOutputs % outputs != 0) {
      return Unknown(absl::StrCat("expected tiles of a divisor of ", kPanelOutputs,
                                  " outputs, found ", outputs));
    }
    layout_.tile_outputs_ = outputs;
    for (size_t size = 0; size < 2; ++size) {
      tile_bytes_[size] = (first[size].at(outputs * kColumnKey) - first[size].at(0)) / 2;
    }
    layout_.tile_bytes_ = AtInputs(tile_bytes_[0], tile_bytes_[1]);
    layout_.panel_bytes_ = (first[0].at(kPanelInputs) - first[0].at(0)) / 2;
    places_ = std::move(first[0]);
    return absl::OkStatus();
  }

  // What is `two` with two panels (and the rest) and `three` with three, for num_inputs_.
  int64_t AtInputs(int64_t two, int64_t three) const {
    return two + (three - two) * (num_inputs_ / kPanelInputs - kPanels[0]);
  }

  // The first tile's first panel, 16 bytes at a time.
  absl::Status FindChunks() {
    struct Quant {
      int64_t place;
      uint16_t target;
    };
    std::vector<Quant> quants;
    for (int64_t row = 0; row < layout_.tile_outputs_; ++row) {
      for (int64_t column = 0; column < kPanelInputs; ++column) {
        quants.push_back({places_.at(row * kColumnKey + column),
                          static_cast<uint16_t>(column * kPanelOutputs + row)});
      }
    }
    std::sort(quants.begin(), quants.end(),
              [](const Quant& a, const Quant& b) { return a.place < b.place; });
    const size_t num_halves = has_nibbles_ ? 2 : 1;
    const int64_t step = has_nibbles_ ? 1 : 2;
    const size_t chunk_quants = kernels::kChunkBytes * num_halves;
    struct Chunk {
      size_t unit;  // of its last input
      uint32_t offset;
      kernels::ChunkHalf halves[2];
    };
    std::vector<Chunk> chunks;
    for (size_t first = 0; first < quants.size(); first += chunk_quants) {
      Chunk chunk = {};
      chunk.offset = static_cast<uint32_t>(quants[first].place / 2);
      for (size_t i = 0; i < chunk_quants; ++i) {
        if (quants[first + i].place != quants[first].place + static_cast<int64_t>(i) * step ||
            quants[first].place % 2 != 0) {
          return Unknown(absl::StrCat("expected ", kernels::kChunkBytes,
                                      " bytes of quantised values together, found a gap in them"));
        }
        const uint16_t target = quants[first + i].target;
        chunk.halves[i % num_halves].places[i / num_halves] = target;
        chunk.unit =
            std::max(chunk.unit, target / kernels::kPanelOutputs / kernels::kPanelInputUnit);
      }
      chunks.push_back(chunk);
    }
    std::stable_sort(chunks.begin(), chunks.end(),
                     [](const Chunk& a, const Chunk& b) { return a.unit < b.unit; });
    for (const Chunk& chunk : chunks) {
      layout_.chunk_offsets_.push_back(chunk.offset);
      layout_.chunk_halves_.insert(layout_.chunk_halves_.end(), chunk.halves,
                                   chunk.halves + num_halves);
      for (size_t unit = chunk.unit + 1; unit <= PackedLayout::kUnits; ++unit) {
        ++layout_.num_chunks_[unit];
      }
    }
    NameOrders(num_halves);
    return absl::OkStatus();
  }

  // Says of the chunks which of the orders their quantised values have.
  void NameOrders(size_t num_halves) {
    std::vector<kernels::ChunkHalf>& halves = layout_.chunk_halves_;
    for (kernels::ChunkHalf& half : halves) {
      if (HasOrder(half, [](size_t i) { return i; })) half.order = kernels::QuantOrder::kRun;
    }
    const std::vector<uint32_t>& offsets = layout_.chunk_offsets_;
    for (size_t c = 0; c + kernels::kSquareChunks <= offsets.size();) {
      bool is_square = true;
      for (size_t i = 0; i < kernels::kSquareChunks; ++i) {
        is_square = is_square && offsets[c + i] == offsets[c] + i * kernels::kChunkBytes;
        for (size_t h = 0; h < num_halves; ++h) {
          const kernels::ChunkHalf& half = halves[(c + i) * num_halves + h];
          is_square = is_square && half.places[0] == halves[c * num_halves + h].places[0] + 2 * i &&
                      HasOrder(half, [](size_t byte) {
                        return byte % 8 * kernels::kPanelOutputs + byte / 8;
                      });
        }
      }
      for (size_t h = 0; is_square && h < num_halves; ++h) {
        halves[c * num_halves + h].order = kernels::QuantOrder::kSquare;
      }
      c += is_square ? kernels::kSquareChunks : 1;
    }
  }

  // True if byte i's place is behind the first one's by distance(i).
  template <typename Distance>
  static bool HasOrder(const kernels::ChunkHalf& half, const Distance& distance) {
    for (size_t i = 1; i < kernels::kChunkBytes; ++i) {
      if (half.places[i] != half.places[0] + distance(i)) return false;
    }
    return true;
  }

  // Where a scale of matrices of a size lies, divided by 2^shift; -1: nowhere.
  template <typename Bits>
  int64_t FindScale(size_t size, int64_t index, int shift) const {
    constexpr int kShiftBit = sizeof(Bits) == sizeof(float) ? 23 : 7;  // of the exponent
    const auto bits_of = [&](size_t i) {
      Bits bits;
      std::memcpy(&bits, matrices_[size][i].scales().data() + index * int64_t{sizeof(Bits)},
                  sizeof(bits));
      return static_cast<Bits>(bits - (shift << kShiftBit));
    };
    std::array<Bits, kMatrices> wanted;
    for (size_t i = 0; i < kMatrices; ++i) wanted[i] = bits_of(i);
    const size_t bytes = matrices_[size][0].packed().size();
    for (size_t offset = 0; offset + sizeof(Bits) <= bytes; offset += sizeof(Bits)) {
      size_t i = 0;
      for (; i < kMatrices; ++i) {
        if (std::memcmp(matrices_[size][i].packed().data() + offset, &wanted[i], sizeof(Bits)) !=
            0) {
          break;
        }
      }
      if (i == kMatrices) return static_cast<int64_t>(offset);
    }
    return -1;
  }

  absl::Status FindScales() {
    return type_.element == ElementType::kInt4Block ? FindScalesOf<uint16_t>()
                                                    : FindScalesOf<uint32_t>();
  }

  template <typename Bits>
  absl::Status FindScalesOf() {
    int shift = 0;
    while (shift <= kMaxScaleShift && FindScale<Bits>(0, 0, shift) < 0) ++shift;
    if (shift > kMaxScaleShift) return Unknown("no scale was found");
    layout_.scale_factor_ = static_cast<float>(1 << shift);
    const bool is_block = type_.element == ElementType::kInt4Block;
    const int64_t blocks_of_panel = is_block ? kPanelInputs / type_.block_size : 1;
    for (int64_t block = 0; block < blocks_of_panel; ++block) {
      for (int64_t row = 0; row < layout_.tile_outputs_; ++row) {
        std::array<int64_t, 2> offsets;
        for (size_t size = 0; size < 2; ++size) {
          const int64_t scales_of_row = is_block ? Columns(size) / type_.block_size : 1;
          offsets[size] = FindScale<Bits>(size, row * scales_of_row + block, shift);
          if (offsets[size] < 0) {
            return Unknown(absl::StrCat("no scale was found of output ", row, ", block ", block));
          }
        }
        layout_.scale_offsets_.push_back(static_cast<uint32_t>(AtInputs(offsets[0], offsets[1])));
      }
    }
    return absl::OkStatus();
  }

  // Prove and matmuls read no byte outside of a tile, and all tiles are there.
  absl::Status CheckBounds(int64_t packed_bytes) const {
    const int64_t tiles = (kRows + layout_.tile_outputs_ - 1) / layout_.tile_outputs_;
    const int64_t last_panel = (num_inputs_ - 1) / kPanelInputs;
    int64_t end = 0;
    for (int64_t panel = 0; panel <= last_panel; panel += std::max<int64_t>(1, last_panel)) {
      const size_t inputs = layout_.InputsOfPanel(panel * kPanelInputs);
      const size_t num_chunks = layout_.num_chunks_[inputs / kernels::kPanelInputUnit];
      const bool is_block = type_.element == ElementType::kInt4Block;
      const size_t num_scales = is_block ? inputs / static_cast<size_t>(type_.block_size) *
                                               static_cast<size_t>(layout_.tile_outputs_)
                                         : layout_.scale_offsets_.size();
      const int64_t first = panel * layout_.panel_bytes_;
      for (size_t c = 0; c < num_chunks; ++c) {
        end = std::max(end, first + layout_.chunk_offsets_[c] + int64_t{kernels::kChunkBytes});
      }
      for (size_t i = 0; i < num_scales; ++i) {
        end = std::max(end, (is_block ? first + 2 : 4) + layout_.scale_offsets_[i]);
      }
    }
    if (layout_.panel_bytes_ >= 0 && end <= layout_.tile_bytes_ &&
        tiles * layout_.tile_bytes_ <= packed_bytes) {
      return absl::OkStatus();
    }
    return Unknown(absl::StrCat("expected ", tiles, " tiles of ", layout_.tile_bytes_,
                                " bytes, found ", packed_bytes,
                                " bytes, and a quantised value or scale at ", end));
  }

  absl::Status Prove() const {
    ProbeMatrix matrix(type_, kRows, num_inputs_, 1000);
    ABSL_RETURN_IF_ERROR(matrix.Pack(*packed_));
    ABSL_RETURN_IF_ERROR(CheckBounds(static_cast<int64_t>(matrix.packed().size())));
    ABSL_ASSIGN_OR_RETURN(AlignedArray<int8_t> quants,
                          AlignedArray<int8_t>::Create(kernels::kPanelFloats));
    ABSL_ASSIGN_OR_RETURN(AlignedArray<float> scales,
                          AlignedArray<float>::Create(kernels::kPanelFloats));
    ABSL_ASSIGN_OR_RETURN(AlignedArray<float> panel,
                          AlignedArray<float>::Create(kernels::kPanelFloats));
    const auto* packed = reinterpret_cast<const std::byte*>(matrix.packed().data());
    for (int64_t first_row = 0; first_row < kRows; first_row += kPanelOutputs) {
      for (int64_t first = 0; first < num_inputs_; first += kPanelInputs) {
        layout_.Dequantize({packed, kRows, first_row, first},
                           {quants.data(), scales.data(), panel.data()});
        ABSL_RETURN_IF_ERROR(CompareWithStored(matrix, first_row, first, panel.data()));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CompareWithStored(const ProbeMatrix& matrix, int64_t first_row, int64_t first_column,
                                 const float* panel) const {
    for (int64_t row = first_row; row < std::min(first_row + kPanelOutputs, kRows); ++row) {
      for (int64_t column = first_column;
           column < std::min(first_column + kPanelInputs, num_inputs_); ++column) {
        const float expected = matrix.Weight(row, column);
        const float found = panel[kernels::PanelIndex(static_cast<size_t>(row - first_row),
                                                      static_cast<size_t>(column - first_column))];
        if (found != expected) {
          return Unknown(absl::StrCat("expected ", expected, " for output ", row, " and input ",
                                      column, ", found ", found));
        }
      }
    }
    return absl::OkStatus();
  }

  TensorType type_;
  bool has_nibbles_;
  int64_t num_inputs_;
  int64_t rest_;  // inputs behind the last whole panel
  std::unique_ptr<PackedWeights> packed_;
  std::array<std::vector<ProbeMatrix>, 2> matrices_;
  std::array<int64_t, 2> tile_bytes_ = {};
  Places places_;  // of the first panel's quantised values and the next input's
  PackedLayout layout_;
};

absl::StatusOr<PackedLayout> PackedLayout::Learn(TensorType type, int64_t num_inputs) {
  constexpr int64_t kUnit = int64_t{kernels::kPanelInputUnit};
  if (!IsQuantized(type.element) || num_inputs < 1 || num_inputs % kUnit != 0 ||
      !TypeFits(type, num_inputs)) {
    return absl::UnimplementedError(absl::StrCat(
        "layout of packed weights: expected a quantised type and inputs in multiples of ", kUnit,
        ", found ", TensorTypeName(type), " and ", num_inputs));
  }
  return LayoutProbe(type, num_inputs).Learn();
}

}  // namespace inkling
