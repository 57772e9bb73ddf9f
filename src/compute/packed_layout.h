// PackedLayout: where a packed matrix holds each weight and scale, whatever matmul packed it.
//
// Matmuls in floats dequantize the weights that matmuls of int8 read (there is one packed copy), so
// they must know the order into which XNNPACK or a kernel of ours packs on this CPU. Nothing is
// assumed about it: Learn packs small matrices of random quants, finds each quantised value and
// scale by how it changes from one to the next, and then packs a random matrix as long as the
// matmul's, dequantises it as the matmul will, and compares every weight.

#ifndef INKLING_SRC_COMPUTE_PACKED_LAYOUT_H_
#define INKLING_SRC_COMPUTE_PACKED_LAYOUT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/float_matmul.h"
#include "src/format/element_type.h"

namespace inkling {

// Memory in which a panel of weights is unpacked and dequantised.
struct PanelScratch {
  int8_t* quants;  // [kernels::kPanelInputs, kernels::kPanelOutputs]
  float* scales;   // [kernels::kPanelInputs / kernels::kPanelInputUnit, kernels::kPanelOutputs]
  float* panel;    // kernels::kPanelFloats, aligned to 64 bytes
};

class PackedLayout {
 public:
  // What this CPU packs matrices of a quantised `type` with `num_inputs` inputs into. Errors:
  // Unimplemented if that can't be found out, with what was expected and found; ResourceExhausted.
  static absl::StatusOr<PackedLayout> Learn(TensorType type, int64_t num_inputs);

  // Part of a packed matrix: outputs from `first_output` on, a multiple of kernels::kPanelOutputs,
  // and inputs from `first_input` on, a multiple of kernels::kPanelInputs, each as many as a panel
  // has or the matrix still has.
  struct Panel {
    const std::byte* packed;  // the matrix
    int64_t num_outputs;      // of the matrix
    int64_t first_output;
    int64_t first_input;
  };
  // Dequantizes `panel` into scratch.panel. Outputs that don't exist get any values.
  void Dequantize(const Panel& panel, const PanelScratch& scratch) const;

 private:
  static constexpr size_t kUnits = kernels::kPanelInputs / kernels::kPanelInputUnit;

  friend class LayoutProbe;
  PackedLayout() = default;
  size_t InputsOfPanel(int64_t first_input) const;
  void ReadScales(const uint8_t* tile, size_t panel_index, size_t num_inputs, float* scales) const;

  TensorType type_;
  int64_t num_inputs_ = 0;
  int64_t tile_outputs_ = 0;  // a divisor of kernels::kPanelOutputs
  int64_t tile_bytes_ = 0;    // between tiles of outputs
  int64_t panel_bytes_ = 0;   // between a tile's panels

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
