// Conversions between float and the two 16-bit float formats, declared in quantization.h.
//
// Done on the bits, so that every machine rounds alike whatever its floating-point environment says
// about denormals.

#include <cstdint>

#include "absl/base/casts.h"
#include "src/format/quantization.h"

namespace inkling {
namespace {

constexpr uint32_t kFloatInfinity = 0x7f800000;

// value / 2^shift, rounded to nearest, ties to even. 0 < shift < 32.
uint32_t ShiftRounded(uint32_t value, int shift) {
  const uint32_t half = uint32_t{1} << (shift - 1);
  const uint32_t odd = (value >> shift) & 1;
  return (value + half - 1 + odd) >> shift;
}

}  // namespace

uint16_t FloatToHalf(float value) {
  const uint32_t bits = absl::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > kFloatInfinity) {
    // The quiet bit keeps a NaN whose payload lies in the dropped bits a NaN.
    return static_cast<uint16_t>(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff));
  }
  if (magnitude >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);  // 2^16 and more
  if (magnitude >= 0x38800000) {
    // Normal, 2^-14 and more: the bias drops from 127 to 15. A carry out of the mantissa is the
    // next exponent, and out of the largest one infinity, as it should be.
    return static_cast<uint16_t>(sign | ShiftRounded(magnitude - (uint32_t{112} << 23), 13));
  }
  if (magnitude < 0x33000000)
    return static_cast<uint16_t>(sign);  // below 2^-25, half of the smallest number
  const uint32_t exponent = magnitude >> 23;
  const uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  return static_cast<uint16_t>(sign | ShiftRounded(mantissa, static_cast<int>(126 - exponent)));
}

float HalfToFloat(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 31;
  const uint32_t mantissa = bits & 0x3ff;
  if (exponent == 31) return absl::bit_cast<float>(sign | kFloatInfinity | (mantissa << 13));
  if (exponent != 0)
    return absl::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // exact
  return absl::bit_cast<float>(sign | absl::bit_cast<uint32_t>(magnitude));
}

uint16_t FloatToBfloat16(float value) {
  const uint32_t bits = absl::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > kFloatInfinity) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float Bfloat16ToFloat(uint16_t bits) {
  return absl::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

}  // namespace inkling
