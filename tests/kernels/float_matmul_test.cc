// Panels on every instruction set: quantised values find their places whatever order they are
// packed in, weights are rounded once, and matmuls equal those of double arithmetic.
#include "kernels/float_matmul.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/convert.h"
#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class FloatMatmulTest : public PerTargetTest {};
INKLING_FOR_EACH_TARGET(FloatMatmulTest);

// 64-byte aligned floats.
struct AlignedPanel {
  alignas(64) float values[kPanelFloats];
};

// Places of all weights of a panel, square by square: 8 inputs of an output, 8 of the next.
std::vector<uint16_t> PlacesOfSquares(bool has_nibbles) {
  const size_t num_halves = has_nibbles ? 2 : 1;
  std::vector<uint16_t> places;
  for (size_t k = 0; k < kPanelInputs; k += 8 * num_halves) {
    for (size_t n = 0; n < kPanelOutputs; n += 2) {
      for (size_t h = 0; h < num_halves; ++h) {
        for (size_t i = 0; i < kChunkBytes; ++i) {
          const size_t input = k + 8 * h + i % 8;
          places.push_back(static_cast<uint16_t>(input * kPanelOutputs + n + i / 8));
        }
      }
    }
  }
  return places;
}

TEST_P(FloatMatmulTest, UnpacksQuantsToTheirPlaces) {
  std::mt19937 random(1);
  for (const bool has_nibbles : {false, true}) {
    for (const QuantOrder order : {QuantOrder::kAny, QuantOrder::kRun, QuantOrder::kSquare}) {
      const size_t per_chunk = kChunkBytes * (has_nibbles ? 2 : 1);
      const size_t num_chunks = kPanelFloats / per_chunk;
      std::vector<uint16_t> places(kPanelFloats);
      std::iota(places.begin(), places.end(), uint16_t{0});
      if (order == QuantOrder::kAny) std::shuffle(places.begin(), places.end(), random);
      if (order == QuantOrder::kSquare) places = PlacesOfSquares(has_nibbles);
      // Chunks lie apart from each other, but those of a square.
      const size_t distance = kChunkBytes + (order == QuantOrder::kSquare ? 0 : 3);
      std::vector<uint8_t> packed(num_chunks * distance);
      for (uint8_t& byte : packed) byte = static_cast<uint8_t>(random());
      std::vector<uint32_t> offsets;
      std::vector<ChunkHalf> halves;
      for (size_t c = 0; c < num_chunks; ++c) {
        const size_t place = order == QuantOrder::kSquare ? c : num_chunks - 1 - c;
        offsets.push_back(static_cast<uint32_t>(place * distance));
        for (size_t h = 0; h < per_chunk / kChunkBytes; ++h) {
          ChunkHalf half = {{}, order};
          std::copy_n(places.begin() + static_cast<int64_t>(halves.size() * kChunkBytes),
                      kChunkBytes, half.places);
          halves.push_back(half);
        }
      }
      for (const uint8_t flip : {uint8_t{0}, static_cast<uint8_t>(has_nibbles ? 8 : 0x80)}) {
        std::vector<int8_t> quants(kPanelFloats, 99);
        UnpackQuants({packed.data(), offsets.data(), halves.data(), num_chunks, has_nibbles, flip,
                      quants.data()});
        for (size_t i = 0; i < kPanelFloats; ++i) {
          const size_t chunk = i / per_chunk;
          const uint8_t byte = packed[offsets[chunk] + i % kChunkBytes];
          const bool is_high = i % per_chunk >= kChunkBytes;
          const int nibble = is_high ? byte >> 4 : byte & 15;
          const int expected = has_nibbles ? (nibble ^ flip) - 8 : static_cast<int8_t>(byte ^ flip);
          ASSERT_EQ(quants[places[i]], expected) << i << " " << has_nibbles << " " << int{flip};
        }
      }
    }
  }
}

struct RandomPanel {
  RandomPanel(size_t num_inputs, size_t block_inputs) : block(block_inputs) {
    std::mt19937 random(static_cast<uint32_t>(num_inputs));
    for (size_t i = 0; i < num_inputs * kPanelOutputs; ++i) {
      quants.push_back(static_cast<int8_t>(static_cast<int>(random() % 255) - 127));
    }
    scales = RandomValues((num_inputs + block - 1) / block * kPanelOutputs, 3, 0.01f);
    DequantizePanel({quants.data(), num_inputs, scales.data(), block, panel.values});
  }
  float Weight(size_t output, size_t input) const {
    return static_cast<float>(quants[input * kPanelOutputs + output]) *
           scales[input / block * kPanelOutputs + output];
  }
  size_t block;
  std::vector<int8_t> quants;
  std::vector<float> scales;
  AlignedPanel panel;
};

TEST_P(FloatMatmulTest, DequantizesEveryWeightRoundedOnce) {
  for (const size_t num_inputs : {32u, 64u, 160u, 256u}) {
    for (const size_t block : {32u, 64u, 256u}) {
      const RandomPanel panel(num_inputs, block);
      std::vector<bool> is_taken(kPanelFloats);
      for (size_t n = 0; n < kPanelOutputs; ++n) {
        for (size_t k = 0; k < num_inputs; ++k) {
          const size_t index = PanelIndex(n, k);
          ASSERT_LT(index, kPanelFloats);
          ASSERT_FALSE(is_taken[index]);
          is_taken[index] = true;
          ASSERT_EQ(panel.panel.values[index], panel.Weight(n, k)) << n << ", " << k;
        }
      }
    }
  }
}

TEST_P(FloatMatmulTest, AddsTheMatmulAndWritesNothingElse) {
  for (const size_t num_inputs : {32u, 96u, 256u}) {
    const RandomPanel panel(num_inputs, 32);
    for (const size_t num_rows : {1u, 2u, 5u, 7u, 9u, 12u, 13u, 31u, 128u}) {
      for (const size_t num_outputs : {1u, 7u, 16u, 33u, 64u}) {
        const size_t stride = num_outputs + 3;
        const std::vector<float> rows = RandomValues(num_rows * kPanelRowStride, 5);
        const std::vector<float> before = RandomValues(num_rows * stride, 6);
        std::vector<float> output = before;
        MultiplyPanel({rows.data(), num_rows, num_inputs, panel.panel.values, output.data(), stride,
                       num_outputs});
        for (size_t i = 0; i < output.size(); ++i) {
          const size_t r = i / stride;
          const size_t n = i % stride;
          if (n >= num_outputs) {
            ASSERT_EQ(output[i], before[i]) << i;
            continue;
          }
          double sum = before[i];
          double magnitude = std::abs(sum);
          for (size_t k = 0; k < num_inputs; ++k) {
            const double term = double{rows[r * kPanelRowStride + k]} * panel.Weight(n, k);
            sum += term;
            magnitude += std::abs(term);
          }
          ASSERT_NEAR(output[i], sum, 1e-6 * magnitude) << num_rows << " rows, row " << r;
        }
        // The last row alone.
        std::vector<float> alone(before.end() - static_cast<int64_t>(stride), before.end());
        MultiplyPanel({rows.data() + (num_rows - 1) * kPanelRowStride, 1, num_inputs,
                       panel.panel.values, alone.data(), stride, num_outputs});
        ASSERT_TRUE(
            std::equal(alone.begin(), alone.end(), output.end() - static_cast<int64_t>(stride)));
      }
    }
  }
}

}  // namespace
}  // namespace inkling::kernels
