// Rounding of float weights to the integers of a model file: scales first, then quantised
// values.
//
// The format room quantises with it, a few hundred thousand weights at a time. A run is a row, or a
// block of a row, whose weights share a scale. Every instruction set gives the same bits: a vector
// holds one weight of each of several runs, so that each run's sums are added in the order of its
// weights, and no multiplication is fused with an addition.
#ifndef INKLING_KERNELS_WEIGHT_QUANTIZATION_H_
#define INKLING_KERNELS_WEIGHT_QUANTIZATION_H_

#include <cstddef>
#include <cstdint>

namespace inkling::kernels {

// The form in which the scale will be read back.
enum class StoredScale { kF32, kBf16 };

struct WeightScalesArgs {
  const float* weights;  // [num_runs, run_size], finite
  size_t num_runs;
  size_t run_size;
  float lowest_quant;   // -8 or -127
  float highest_quant;  // 7 or 127
  StoredScale stored;
  float* scales;  // [num_runs], written: positive, normal, rounded to the stored form
};

// Writes scale = max|w| / highest_quant of each run; 1 where that is no normal number.
void MaxAbsScales(const WeightScalesArgs& args);

// Writes the scale with the least squared error among that of MaxAbsScales, a grid of 20 from the
// smallest scale that clips no weight down to 0.6 of it, and two steps of least squares from the
// best of those.
void SquaredErrorScales(const WeightScalesArgs& args);

// For int4, whose rounding is coarse: quantised values that come nearest to the direction of their
// run, and the scale that leaves an error at right angles to it: <stored, w> = <w, w>. With the
// scale of least squares <stored, w> is less, so that every matrix of a model makes its outputs a
// little too small. The values are w / divider rounded, for the best of a grid of dividers
// around the smallest that clips no weight: 12 down to 0.68 of it, or for runs longer than 128 16
// down to 0.3. `dividers` [num_runs] is written too; where the scale is no normal number both are
// as MaxAbsScales would have them.
void UnbiasedScales(const WeightScalesArgs& args, float* dividers);

struct RoundToQuantsArgs {
  const float* weights;  // [size]
  size_t size;
  float divider;  // of each weight, before it is rounded
  float lowest_quant;
  float highest_quant;
  int8_t* quants;  // [size], written: the nearest quantised value of its weight, ties to even
};
void RoundToQuants(const RoundToQuantsArgs& args);

// Writes nibbles[i] = (quants[2 i] + 8) + 16 (quants[2 i + 1] + 8) for i < size / 2.
void PackNibbles(const int8_t* quants, size_t size, uint8_t* nibbles);

// Sums over `size` numbers: (a - b)^2 and a^2, in float64 in a fixed order.
struct ErrorSums {
  double squared_error = 0;
  double squared_norm = 0;
};
ErrorSums SumErrors(const float* a, const float* b, size_t size);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_WEIGHT_QUANTIZATION_H_
