// Why probing: the dequantised matmul must know where XNNPACK packs each weight. That depends on
// the type, the CPU and XNNPACK's version, and its public headers say nothing of it. Copying its
// packing functions' rules would be wrong with the next version and silent about it.
//
// How: a quantised value is found by its signature, what it is in each of several matrices that
// differ in all quants. 48 bits of random quantised values are the same for no two of the thousands
// of places that a small matrix is packed into, and if they were, the comparison of a whole matrix
// at the end would show it.

#include "src/compute/layout_probe.h"

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
#include "src/compute/probe_matrix.h"

namespace inkling {
namespace {

constexpr int64_t kPanelInputs = int64_t{kernels::kPanelInputs};
constexpr int64_t kPanelOutputs = int64_t{kernels::kPanelOutputs};
// One output more than the largest tile has.
constexpr int64_t kRows = kPanelOutputs + 1;
// Scales are stored divided by up to 2^8, where matmuls count quantised values so many times.
constexpr int kMaxScaleShift = 8;

class LayoutProbe {
 public:
  LayoutProbe(const MatmulKernel& kernel, TensorType type, int64_t num_inputs)
      : kernel_(kernel),
        type_(type),
        has_nibbles_(type.element != ElementType::kInt8Channel),
        num_inputs_(num_inputs) {}

  absl::StatusOr<PackedLayout> Learn() {
    ABSL_RETURN_IF_ERROR(PackAll());
    ABSL_RETURN_IF_ERROR(FindTiles());
    ABSL_RETURN_IF_ERROR(type_.element == ElementType::kInt4Block ? FindScales<uint16_t>()
                                                                  : FindScales<uint32_t>());
    return PackedLayout::Create(
        type_, num_inputs_,
        {.outputs = tile_outputs_,
         .bytes = AtInputs(tile_bytes_[0], tile_bytes_[1]),
         .weight_place =
             [&](size_t output, size_t input) {
               return places_.at(static_cast<int64_t>(output) * kColumnKey +
                                 static_cast<int64_t>(input));
             },
         .scale_offset =
             [&](size_t output, size_t block) {
               return scale_offsets_[block * static_cast<size_t>(tile_outputs_) + output];
             },
         .flip = flip_,
         .scale_factor = static_cast<float>(1 << scale_shift_)});
  }

 private:
  // Place of a quantised value: twice the byte's offset and, of nibbles, 1 for the high one.
  using Places = absl::flat_hash_map<int64_t, int64_t>;  // by row * kColumnKey + column
  static constexpr int64_t kColumnKey = 1024;
  static constexpr size_t kMatrices = 12;
  // Matrices of two and of three panels: what grows by a panel's inputs is told apart from the
  // rest.
  static constexpr int64_t kPanels[2] = {2, 3};

  // Of the matrices of a size: whole panels, and what the matmul's inputs have behind them.
  int64_t Columns(size_t size) const {
    return kPanels[size] * kPanelInputs + num_inputs_ % kPanelInputs;
  }

  absl::Status PackAll() {
    for (size_t size = 0; size < 2; ++size) {
      for (size_t i = 0; i < kMatrices; ++i) {
        ProbeMatrix matrix(type_, kRows, Columns(size), 1 + i);
        ABSL_RETURN_IF_ERROR(matrix.Pack(kernel_));
        matrices_[size].push_back(std::move(matrix));
      }
    }
    return absl::OkStatus();
  }

  // Appends a quantised value's bits to a signature.
  uint64_t Appended(uint64_t signature, uint8_t quant) const {
    return signature << (has_nibbles_ ? 4 : 8) | quant;
  }
  size_t NumSigned() const { return has_nibbles_ ? kMatrices : kMatrices / 2; }

  // What the matrices of a size have at a place.
  uint64_t SignatureAt(size_t size, size_t offset, bool high) const {
    uint64_t signature = 0;
    for (size_t i = 0; i < NumSigned(); ++i) {
      const uint8_t byte = matrices_[size][i].packed()[offset];
      const int quant = !has_nibbles_ ? byte : high ? byte >> 4 : byte & 15;
      signature = Appended(signature, static_cast<uint8_t>(quant));
    }
    return signature;
  }

  // Quantised values of rows [0, kRows) and the first `num_columns` columns, stored as they are or
  // with their first bit turned around; empty if some aren't there.
  std::optional<Places> FindQuants(size_t size, int64_t num_columns, uint8_t flip) const {
    absl::flat_hash_map<uint64_t, int64_t> wanted;
    for (int64_t row = 0; row < kRows; ++row) {
      for (int64_t column = 0; column < num_columns; ++column) {
        uint64_t signature = 0;
        for (size_t i = 0; i < NumSigned(); ++i) {
          const int quant = matrices_[size][i].StoredQuant(row, column) ^ flip;
          signature = Appended(signature, static_cast<uint8_t>(quant));
        }
        wanted[signature] = row * kColumnKey + column;
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

  // Tiles of outputs, their distance, and the places in them.
  absl::Status FindTiles() {
    std::optional<Places> places;
    for (const uint8_t flip : {uint8_t{0}, static_cast<uint8_t>(has_nibbles_ ? 8 : 0x80)}) {
      if (places.has_value()) break;
      places = FindQuants(0, kPanelInputs + 1, flip);
      flip_ = flip;
    }
    const std::optional<Places> longer = FindQuants(1, 1, flip_);
    if (!places.has_value() || !longer.has_value()) {
      return UnknownLayout(type_, "not all quantised values were found");
    }
    places_ = *std::move(places);
    // Rows of a tile lie where they lie whatever the number of inputs.
    while (tile_outputs_ < kRows &&
           places_.at(tile_outputs_ * kColumnKey) == longer->at(tile_outputs_ * kColumnKey)) {
      ++tile_outputs_;
    }
    if (tile_outputs_ == kRows) {
      return UnknownLayout(
          type_, absl::StrCat("expected tiles of up to ", kPanelOutputs, " outputs, found more"));
    }
    tile_bytes_ = {(places_.at(tile_outputs_ * kColumnKey) - places_.at(0)) / 2,
                   (longer->at(tile_outputs_ * kColumnKey) - longer->at(0)) / 2};
    return absl::OkStatus();
  }

  // What is `two` with two panels (and the rest) and `three` with three, for num_inputs_.
  int64_t AtInputs(int64_t two, int64_t three) const {
    return two + (three - two) * (num_inputs_ / kPanelInputs - kPanels[0]);
  }

  // Where a scale of matrices of a size lies, divided by 2^shift; -1: nowhere.
  template <typename Bits>
  int64_t FindScale(size_t size, int64_t index, int shift) const {
    constexpr int kShiftBit = sizeof(Bits) == sizeof(float) ? 23 : 7;  // of the exponent
    std::array<Bits, kMatrices> wanted;
    for (size_t i = 0; i < kMatrices; ++i) {
      std::memcpy(&wanted[i], matrices_[size][i].scales().data() + index * int64_t{sizeof(Bits)},
                  sizeof(Bits));
      wanted[i] = static_cast<Bits>(wanted[i] - (shift << kShiftBit));
    }
    const size_t bytes = matrices_[size][0].packed().size();
    for (size_t offset = 0; offset + sizeof(Bits) <= bytes; offset += sizeof(Bits)) {
      size_t i = 0;
      while (i < kMatrices && std::memcmp(matrices_[size][i].packed().data() + offset, &wanted[i],
                                          sizeof(Bits)) == 0) {
        ++i;
      }
      if (i == kMatrices) return static_cast<int64_t>(offset);
    }
    return -1;
  }

  template <typename Bits>
  absl::Status FindScales() {
    while (scale_shift_ <= kMaxScaleShift && FindScale<Bits>(0, 0, scale_shift_) < 0) {
      ++scale_shift_;
    }
    if (scale_shift_ > kMaxScaleShift) return UnknownLayout(type_, "no scale was found");
    const bool is_block = type_.element == ElementType::kInt4Block;
    const int64_t blocks_of_panel = is_block ? kPanelInputs / type_.block_size : 1;
    for (int64_t block = 0; block < blocks_of_panel; ++block) {
      for (int64_t row = 0; row < tile_outputs_; ++row) {
        std::array<int64_t, 2> offsets;
        for (size_t size = 0; size < 2; ++size) {
          const int64_t scales_of_row = is_block ? Columns(size) / type_.block_size : 1;
          offsets[size] = FindScale<Bits>(size, row * scales_of_row + block, scale_shift_);
          if (offsets[size] < 0) {
            return UnknownLayout(
                type_, absl::StrCat("no scale was found of output ", row, ", block ", block));
          }
        }
        scale_offsets_.push_back(AtInputs(offsets[0], offsets[1]));
      }
    }
    return absl::OkStatus();
  }

  const MatmulKernel& kernel_;
  TensorType type_;
  bool has_nibbles_;
  int64_t num_inputs_;
  std::array<std::vector<ProbeMatrix>, 2> matrices_;

  int64_t tile_outputs_ = 1;
  std::array<int64_t, 2> tile_bytes_ = {};  // of the matrices of each size
  Places places_;  // of the first panel's quantised values and the next input's
  uint8_t flip_ = 0;
  int scale_shift_ = 0;
  std::vector<int64_t> scale_offsets_;  // [blocks of a panel, tile outputs]
};

// Compares a dequantised panel with the matrix's weights from there on.
absl::Status ComparePanel(const ProbeMatrix& matrix, TensorType type, int64_t num_inputs,
                          int64_t first_row, int64_t first_column, const float* panel) {
  for (int64_t row = first_row; row < std::min(first_row + kPanelOutputs, kRows); ++row) {
    for (int64_t column = first_column; column < std::min(first_column + kPanelInputs, num_inputs);
         ++column) {
      const float expected = matrix.Weight(row, column);
      const float found = panel[kernels::PanelIndex(static_cast<size_t>(row - first_row),
                                                    static_cast<size_t>(column - first_column))];
      if (found != expected) {
        return UnknownLayout(type, absl::StrCat("expected ", expected, " for output ", row,
                                                " and input ", column, ", found ", found));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PackedLayout> LearnLayout(const MatmulKernel& kernel, TensorType type,
                                         int64_t num_inputs) {
  ABSL_RETURN_IF_ERROR(PackedLayout::CheckType(type, num_inputs));
  if (!kernel.runs_here())
    return UnknownLayout(type, absl::StrCat(kernel.name, " doesn't run here"));
  ABSL_ASSIGN_OR_RETURN(PackedLayout layout, LayoutProbe(kernel, type, num_inputs).Learn());
  ABSL_RETURN_IF_ERROR(ProveLayout(kernel, layout, type, num_inputs));
  return layout;
}

absl::Status ProveLayout(const MatmulKernel& kernel, const PackedLayout& layout, TensorType type,
                         int64_t num_inputs) {
  ProbeMatrix matrix(type, kRows, num_inputs, 1000);
  ABSL_RETURN_IF_ERROR(matrix.Pack(kernel));
  ABSL_RETURN_IF_ERROR(layout.CheckBounds(kRows, static_cast<int64_t>(matrix.packed().size())));
  ABSL_ASSIGN_OR_RETURN(AlignedArray<int8_t> quants,
                        AlignedArray<int8_t>::Create(kernels::kPanelFloats));
  ABSL_ASSIGN_OR_RETURN(AlignedArray<float> scales,
                        AlignedArray<float>::Create(kernels::kPanelFloats));
  ABSL_ASSIGN_OR_RETURN(AlignedArray<float> panel,
                        AlignedArray<float>::Create(kernels::kPanelFloats));
  const auto* packed = reinterpret_cast<const std::byte*>(matrix.packed().data());
  for (int64_t first_row = 0; first_row < kRows; first_row += kPanelOutputs) {
    for (int64_t first = 0; first < num_inputs; first += kPanelInputs) {
      layout.Dequantize({packed, kRows, first_row, first},
                        {quants.data(), scales.data(), panel.data()});
      ABSL_RETURN_IF_ERROR(ComparePanel(matrix, type, num_inputs, first_row, first, panel.data()));
    }
  }
  return absl::OkStatus();
}

}  // namespace inkling
