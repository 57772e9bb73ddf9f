// Choosing the scale of one run of weights (a row, or a block of a row) that share it. Only
// quantization.cc calls this.

#ifndef INKLING_SRC_FORMAT_SCALE_SEARCH_H_
#define INKLING_SRC_FORMAT_SCALE_SEARCH_H_

#include <bit>
#include <cstdint>

#include "absl/types/span.h"
#include "src/format/quantization.h"

namespace inkling {

// The integers that a type can hold.
struct LevelRange {
  float lowest = 0.0f;
  float highest = 0.0f;
};

// int8 leaves out -128: kernels that add two products in 16 bits would overflow on it.
inline constexpr LevelRange kInt8Levels = {-127.0f, 127.0f};
inline constexpr LevelRange kInt4Levels = {-8.0f, 7.0f};

// How the file stores the scale; the search judges the number that will be read back.
enum class ScaleFormat : uint8_t { kF32, kBf16 };

// Adding 1.5 x 2^23 to a float leaves its nearest integer (ties to even) in the low bits. Compilers
// vectorise this; std::nearbyint is a call where there is no SSE4.1. Exact for |value| < 2^22 in
// the default rounding mode.
inline constexpr float kRoundingOffset = 12582912.0f;

inline float NearestLevel(float value, LevelRange levels) {
  const float rounded = (value + kRoundingOffset) - kRoundingOffset;
  const float raised = rounded < levels.lowest ? levels.lowest : rounded;
  return raised > levels.highest ? levels.highest : raised;
}

// The largest |weight|; infinity or NaN if one of them is.
float MaxAbs(absl::Span<const float> weights);

// A positive, normal scale as `format` stores it; 1 if all weights are zero or too small for any
// scale. `weights` are finite.
float ChooseScale(absl::Span<const float> weights, LevelRange levels, ScaleFormat format,
                  ScaleSearch search);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_SCALE_SEARCH_H_
