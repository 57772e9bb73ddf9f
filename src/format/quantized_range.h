// The integers that the quantised element types hold.

#ifndef INKLING_SRC_FORMAT_QUANTIZED_RANGE_H_
#define INKLING_SRC_FORMAT_QUANTIZED_RANGE_H_

namespace inkling {

struct QuantizedRange {
  float lowest = 0.0f;
  float highest = 0.0f;
};

// int8 leaves out -128: kernels that add two terms in 16 bits would overflow on it.
inline constexpr QuantizedRange kInt8Range = {-127.0f, 127.0f};
inline constexpr QuantizedRange kInt4Range = {-8.0f, 7.0f};

// Adding 1.5 x 2^23 to a float leaves its nearest integer (ties to even) in the low bits. Compilers
// vectorise this; std::nearbyint is a call where there is no SSE4.1. Exact for |value| < 2^22 in
// the default rounding mode.
inline constexpr float kRoundingOffset = 12582912.0f;

inline float NearestQuant(float value, QuantizedRange range) {
  const float rounded = (value + kRoundingOffset) - kRoundingOffset;
  const float raised = rounded < range.lowest ? range.lowest : rounded;
  return raised > range.highest ? range.highest : raised;
}

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_QUANTIZED_RANGE_H_
