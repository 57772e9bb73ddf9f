// Random tensors, made by the format room's own quantiser.

#include "tests/compute/owned_weight.h"

#include <cmath>
#include <cstring>
#include <random>
#include <utility>

#include "gtest/gtest.h"
#include "src/format/quantization.h"

namespace inkling {
namespace {

void Finish(OwnedWeight& weight) {
  weight.view.values = weight.values.data();
  weight.view.value_bytes = static_cast<int64_t>(weight.values.size());
  weight.view.scales = weight.scales.empty() ? nullptr : weight.scales.data();
  weight.view.scale_bytes = static_cast<int64_t>(weight.scales.size());
}

}  // namespace

std::vector<float> RandomValues(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values(size);
  for (float& value : values) {
    // The sum of four uniform numbers: bell-shaped, and the same on every standard library.
    double sum = -2.0;
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(random() >> 11) * 0x1p-53;
    value = static_cast<float>(sum * std::sqrt(3.0));
  }
  return values;
}

OwnedWeight MakeWeight(const std::string& name, int64_t rows, int64_t columns, TensorType type,
                       uint64_t seed) {
  OwnedWeight weight;
  weight.source = RandomValues(static_cast<size_t>(rows * columns), seed);
  for (float& value : weight.source) value /= std::sqrt(static_cast<float>(columns));
  auto quantized = QuantizeRows(weight.source, rows, columns, type, ScaleSearch::kMaxAbs);
  EXPECT_TRUE(quantized.ok()) << quantized.status();
  if (!quantized.ok()) return weight;
  auto dequantized = DequantizeRows(quantized->values, quantized->scales, rows, columns, type);
  EXPECT_TRUE(dequantized.ok()) << dequantized.status();
  if (!dequantized.ok()) return weight;
  weight.values = std::move(quantized->values);
  weight.scales = std::move(quantized->scales);
  weight.dequantized = *std::move(dequantized);
  weight.view.info = {name, TensorRole::kLinear, /*layer=*/0, rows, columns, /*is_vector=*/false};
  weight.view.type = type;
  Finish(weight);
  return weight;
}

OwnedWeight MakeBias(const std::string& name, int64_t size, uint64_t seed) {
  OwnedWeight bias;
  bias.source = RandomValues(static_cast<size_t>(size), seed);
  bias.dequantized = bias.source;
  bias.values.resize(bias.source.size() * sizeof(float));
  std::memcpy(bias.values.data(), bias.source.data(), bias.values.size());
  bias.view.info = {name, TensorRole::kBias, /*layer=*/0, 1, size, /*is_vector=*/true};
  bias.view.type = {ElementType::kF32};
  Finish(bias);
  return bias;
}

std::vector<TensorType> AllTensorTypes() {
  return {{ElementType::kF32},           {ElementType::kF16},
          {ElementType::kBf16},          {ElementType::kInt8Channel},
          {ElementType::kInt4Channel},   {ElementType::kInt4Block, 32},
          {ElementType::kInt4Block, 64}, {ElementType::kInt4Block, 128}};
}

std::string NameOf(TensorType type) {
  std::string name(TensorTypeName(type));
  for (char& c : name) c = c == '/' ? '_' : c;
  return name;
}

}  // namespace inkling
