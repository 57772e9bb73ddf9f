// PackedLayout: where a packed matrix holds each weight and scale, whatever kernel packed it.
//
// Matmuls in floats dequantise the weights that matmuls of int8 read (there is one packed copy), so
// they must know the order into which a kernel packs. A kernel of ours declares its layout as a
// TileLayout; XNNPACK's are found out by layout_probe.h.

#ifndef INKLING_SRC_COMPUTE_PACKED_LAYOUT_H_
#define INKLING_SRC_COMPUTE_PACKED_LAYOUT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kernels/float_matmul.h"
#include "src/format/element_type.h"

namespace inkling {

// Memory in which a panel of weights is unpacked and dequantised.
struct PanelScratch {
  int8_t* quants;  // [kernels::kPanelInputs, kernels::kPanelOutputs]
  float* scales;   // [kernels::kPanelInputs / kernels::kPanelInputUnit, kernels::kPanelOutputs]
  float* panel;    // kernels::kPanelFloats, aligned to 64 bytes
};

// A matrix is packed as tiles of outputs, one behind the other. Offsets are bytes from the begin of
// a tile.
struct TileLayout {
  int64_t outputs;  // of a tile: a divisor of kernels::kPanelOutputs
  int64_t bytes;    // of a tile
  // Of the weight of an output of the tile for an input of the first panel, and for the first input
  // behind that: twice the offset of its byte, and 1 more for the high nibble. 16 bytes of weights
  // lie together at least, and each panel as the first one.
  absl::FunctionRef<int64_t(size_t output, size_t input)> weight_place;
  // Of the scale of an output (f32), or of one of its blocks in the first panel (bf16).
  absl::FunctionRef<int64_t(size_t output, size_t block)> scale_offset;
  // The integer is the byte ^ flip, or (the nibble ^ flip) - 8.
  uint8_t flip = 0;
  float scale_factor = 1;  // the scale is what is stored times this
};

// Unimplemented: a layout that isn't known, and why.
absl::Status UnknownLayout(TensorType type, absl::string_view why);

class PackedLayout {
 public:
  // Of matrices of a quantised `type` with `num_inputs` inputs. Errors: CheckType; Unimplemented
  // for a layout of another kind.
  static absl::StatusOr<PackedLayout> Create(TensorType type, int64_t num_inputs,
                                             const TileLayout& tile);
  // Unimplemented for matrices that panels aren't made for, with what was expected and found.
  static absl::Status CheckType(TensorType type, int64_t num_inputs);

  // Part of a packed matrix: outputs from `first_output` on, a multiple of kernels::kPanelOutputs,
  // and inputs from `first_input` on, a multiple of kernels::kPanelInputs, each as many as a panel
  // has or the matrix still has.
  struct Panel {
    const std::byte* packed;  // the matrix
    int64_t num_outputs;      // of the matrix
    int64_t first_output;
    int64_t first_input;
  };
  // Dequantises `panel` into scratch.panel. Outputs that don't exist get any values.
  void Dequantize(const Panel& panel, const PanelScratch& scratch) const;

  // Unimplemented unless Dequantize stays inside its tiles and those of `num_outputs` outputs are
  // inside `packed_bytes`.
  absl::Status CheckBounds(int64_t num_outputs, int64_t packed_bytes) const;

 private:
  static constexpr size_t kUnits = kernels::kPanelInputs / kernels::kPanelInputUnit;

  PackedLayout() = default;
  bool HasBlocks() const { return type_.element == ElementType::kInt4Block; }
  bool HasNibbles() const { return type_.element != ElementType::kInt8Channel; }
  absl::Status SetChunks(const TileLayout& tile);
  void NameOrders();
  size_t InputsOfPanel(int64_t first_input) const;
  void ReadScales(const uint8_t* tile, size_t panel_index, size_t num_inputs, float* scales) const;

  TensorType type_;
  int64_t num_inputs_ = 0;
  int64_t tile_outputs_ = 0;
  int64_t tile_bytes_ = 0;
  int64_t panel_bytes_ = 0;

  // Quantised values of a tile's first panel, in the order of inputs.
  std::vector<uint32_t> chunk_offsets_;
  std::vector<kernels::ChunkHalf> chunk_halves_;
  std::array<size_t, kUnits + 1> num_chunks_ = {};  // of so many units of inputs
  uint8_t flip_ = 0;

  // bf16 scales [blocks of a panel, tile outputs], or f32 ones [tile outputs], of a tile's first
  // panel, that count scale_factor_ times.
  std::vector<uint32_t> scale_offsets_;
  float scale_factor_ = 1;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_PACKED_LAYOUT_H_
