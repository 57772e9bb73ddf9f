// Stored rows to float32 against scalar arithmetic, on every instruction set.
#include "kernels/dequantize.h"

#include "kernels/convert.h"
#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class DequantizeTest : public PerTargetTest {};

std::vector<uint8_t> RandomBytes(size_t size, uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(engine());
  return bytes;
}

int Nibble(const std::vector<uint8_t>& bytes, size_t i) {
  return (i % 2 == 0 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4) - 8;
}

void ExpectRow(const std::vector<float>& output, const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(output[i], expected[i]) << "at " << i << " of " << expected.size();
  }
  for (size_t i = expected.size(); i < output.size(); ++i) ASSERT_EQ(output[i], kUntouched);
}

TEST_P(DequantizeTest, Int8) {
  for (size_t dim : InterestingSizes()) {
    std::vector<int8_t> values;
    for (uint8_t byte : RandomBytes(dim, 1)) values.push_back(static_cast<int8_t>(byte));
    values[0] = -128;
    std::vector<float> output(dim + 3, kUntouched), expected;
    DequantizeInt8(values.data(), 0.37f, output.data(), dim);
    for (int8_t value : values) expected.push_back(static_cast<float>(value) * 0.37f);
    ExpectRow(output, expected);
  }
}

TEST_P(DequantizeTest, Int4PerChannel) {
  for (size_t dim : InterestingSizes()) {
    const std::vector<uint8_t> bytes = RandomBytes((dim + 1) / 2, 2);
    std::vector<float> output(dim + 3, kUntouched), expected;
    DequantizeInt4(bytes.data(), 0.11f, output.data(), dim);
    for (size_t i = 0; i < dim; ++i) {
      expected.push_back(static_cast<float>(Nibble(bytes, i)) * 0.11f);
    }
    ExpectRow(output, expected);
  }
}

TEST_P(DequantizeTest, Int4Blocks) {
  for (size_t block_size : {32, 64, 128}) {
    for (size_t dim : {32, 33, 64, 95, 128, 256, 257, 300}) {
      const std::vector<uint8_t> bytes = RandomBytes((dim + 1) / 2, 3);
      const size_t num_blocks = (dim + block_size - 1) / block_size;
      const std::vector<float> scale_values = RandomValues(num_blocks, 4);
      std::vector<uint16_t> scales(num_blocks);
      F32ToBf16(scale_values.data(), scales.data(), num_blocks);
      std::vector<float> rounded(num_blocks);
      Bf16ToF32(scales.data(), rounded.data(), num_blocks);
      std::vector<float> output(dim + 3, kUntouched), expected;
      DequantizeInt4Blocks({.nibbles = bytes.data(),
                            .block_scales = scales.data(),
                            .block_size = block_size,
                            .factor = 1.5f,
                            .output = output.data(),
                            .dim = dim});
      for (size_t i = 0; i < dim; ++i) {
        expected.push_back(static_cast<float>(Nibble(bytes, i)) * (rounded[i / block_size] * 1.5f));
      }
      ExpectRow(output, expected);
    }
  }
}

TEST_P(DequantizeTest, FloatRows) {
  for (size_t dim : InterestingSizes()) {
    const std::vector<float> values = RandomValues(dim, 5);
    std::vector<uint16_t> half(dim), brain(dim);
    std::vector<float> half_values(dim), brain_values(dim);
    F32ToF16(values.data(), half.data(), dim);
    F16ToF32(half.data(), half_values.data(), dim);
    F32ToBf16(values.data(), brain.data(), dim);
    Bf16ToF32(brain.data(), brain_values.data(), dim);
    const float factor = std::sqrt(2048.0f);
    std::vector<float> f16(dim + 3, kUntouched), bf16 = f16, f32 = f16;
    DequantizeF16(half.data(), factor, f16.data(), dim);
    DequantizeBf16(brain.data(), factor, bf16.data(), dim);
    ScaleF32(values.data(), factor, f32.data(), dim);
    std::vector<float> expected_f16, expected_bf16, expected_f32;
    for (size_t i = 0; i < dim; ++i) {
      expected_f16.push_back(half_values[i] * factor);
      expected_bf16.push_back(brain_values[i] * factor);
      expected_f32.push_back(values[i] * factor);
    }
    ExpectRow(f16, expected_f16);
    ExpectRow(bf16, expected_bf16);
    ExpectRow(f32, expected_f32);
  }
}

INKLING_FOR_EACH_TARGET(DequantizeTest);

}  // namespace
}  // namespace inkling::kernels
