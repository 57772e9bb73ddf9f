// Spans between float32 and the 16-bit float types, round to nearest even.
//
// Called wherever stored and computed types differ: caches, embeddings, weights. 16-bit values
// are passed as their bits in uint16_t. Source and destination must not overlap.
#ifndef INKLING_KERNELS_CONVERT_H_
#define INKLING_KERNELS_CONVERT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace inkling::kernels {

// Converts IEEE binary16 to float32; exact for every value, subnormals and infinities included.
void F16ToF32(const uint16_t* input, float* output, size_t size);

// Converts float32 to IEEE binary16. Values beyond 65519 in magnitude become infinity.
void F32ToF16(const float* input, uint16_t* output, size_t size);

// Converts bfloat16 to float32; exact for every value.
void Bf16ToF32(const uint16_t* input, float* output, size_t size);

// The same for one value, where there is no span.
inline float Bf16Value(uint16_t bits) {
  const uint32_t wide = uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

// Converts float32 to bfloat16; NaN stays NaN.
void F32ToBf16(const float* input, uint16_t* output, size_t size);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_CONVERT_H_
