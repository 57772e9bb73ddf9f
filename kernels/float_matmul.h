// f32 rows times a panel of weights dequantised to f32: the way through prefill for CPUs on which
// matmuls of floats are cheaper than those of bytes.
//
// The compute room takes a panel of 64 outputs x 256 inputs out of a packed matrix at a time, in
// three steps: UnpackQuants brings integers of any packed layout into one order, DequantizePanel
// multiplies them with their scales, MultiplyPanel takes up to a chunk of rows through the result.
// So a weight is dequantised once for all rows, and the panel stays in the second cache level.
#ifndef INKLING_KERNELS_FLOAT_MATMUL_H_
#define INKLING_KERNELS_FLOAT_MATMUL_H_

#include <cstddef>
#include <cstdint>

namespace inkling::kernels {

inline constexpr size_t kPanelOutputs = 64;
inline constexpr size_t kPanelInputs = 256;
inline constexpr size_t kPanelFloats = kPanelOutputs * kPanelInputs;
// A panel may have fewer inputs, a multiple of this.
inline constexpr size_t kPanelInputUnit = 32;
// Floats between rows that MultiplyPanel reads: a power of two would let them share the few places
// that a small first cache level has for each address.
inline constexpr size_t kPanelRowStride = kPanelInputs + 16;

// Bytes of a chunk of packed weights: as many int8 weights, or twice as many int4 ones.
inline constexpr size_t kChunkBytes = 16;

// What is known of the places that a chunk's weights go to, so that they go there in few steps.
enum class QuantOrder : uint8_t {
  kAny,
  kRun,     // 16 outputs of an input
  kSquare,  // 8 inputs of an output and 8 of the next, and the next three chunks, which lie behind
            // this one, have 8 inputs of the next six outputs
};

// Where the low or high nibbles of a chunk, or its bytes, go. Both halves of a chunk have the same
// order where that is kSquare.
struct ChunkHalf {
  uint16_t places[kChunkBytes];  // of each byte's weight: input * kPanelOutputs + output
  QuantOrder order;
};
inline constexpr size_t kSquareChunks = 4;

struct UnpackQuantsArgs {
  const uint8_t* packed;    // a tile of outputs, from the panel's first input on
  const uint32_t* offsets;  // [num_chunks], bytes behind `packed`
  const ChunkHalf* halves;  // [num_chunks], of nibbles [num_chunks, 2]: low ones first
  size_t num_chunks;
  bool has_nibbles;  // a quantised value is (nibble ^ flip) - 8; otherwise it is byte ^ flip
  uint8_t flip;
  int8_t* quants;  // [kPanelInputs, kPanelOutputs] from the tile's first output on, written
};
void UnpackQuants(const UnpackQuantsArgs& args);

struct DequantizePanelArgs {
  const int8_t* quants;  // [num_inputs, kPanelOutputs]
  size_t num_inputs;     // at most kPanelInputs, a multiple of kPanelInputUnit
  const float* scales;   // [num_inputs / block_inputs, rounded up, kPanelOutputs]
  size_t block_inputs;   // inputs of a scale, a multiple of kPanelInputUnit
  float* panel;          // kPanelFloats, written; aligned to 64 bytes
};
// Writes quant * scale, rounded once.
void DequantizePanel(const DequantizePanelArgs& args);

// Index in a panel of a weight of output `output` for input `input`: for tests and for proving
// layouts; the order is this instruction set's own.
size_t PanelIndex(size_t output, size_t input);

struct MultiplyPanelArgs {
  const float* rows;  // [num_rows, kPanelRowStride], of which num_inputs are read
  size_t num_rows;
  size_t num_inputs;     // a multiple of kPanelInputUnit
  const float* panel;    // as DequantizePanel wrote it
  float* output;         // [num_rows, num_outputs], added to
  size_t output_stride;  // floats between rows
  size_t num_outputs;    // at most kPanelOutputs
};
// Adds in the order of inputs, so a row's result has the same bits alone and among others.
void MultiplyPanel(const MultiplyPanelArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_FLOAT_MATMUL_H_
