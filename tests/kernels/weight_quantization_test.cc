// Scales and quantised values of weights against a plain statement of the search, on every
// instruction set; all of them give the same bits.
#include "kernels/weight_quantization.h"

#include <algorithm>
#include <cfloat>
#include <tuple>

#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class WeightQuantizationTest : public PerTargetTest {};

struct Range {
  float lowest, highest;
};
constexpr Range kInt8 = {-127, 127};
constexpr Range kInt4 = {-8, 7};

float Stored(float scale, StoredScale stored) {
  if (stored == StoredScale::kF32) return scale;
  const uint32_t bits = hwy::BitCastScalar<uint32_t>(scale);
  return hwy::BitCastScalar<float>((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u);
}

float Quant(float weight, float scale, Range range) {
  return std::min(std::max(std::nearbyint(weight * (1.0f / scale)), range.lowest), range.highest);
}

// Step by step in float32, in the order of the weights, as the header says. volatile: no
// multiplication may be fused with a sum.
float Error(const float* run, size_t size, float scale, Range range) {
  volatile float sum = 0;
  for (size_t i = 0; i < size; ++i) {
    volatile float term = scale * Quant(run[i], scale, range);
    volatile float error = run[i] - term;
    volatile float square = error * error;
    sum = sum + square;
  }
  return sum;
}

float LeastSquares(const float* run, size_t size, float scale, Range range) {
  volatile float dots = 0;
  volatile float squares = 0;
  for (size_t i = 0; i < size; ++i) {
    const float quant = Quant(run[i], scale, range);
    volatile float term = run[i] * quant;
    volatile float square = quant * quant;
    dots = dots + term;
    squares = squares + square;
  }
  return dots / squares;
}

float MaxAbsReference(const float* run, size_t size, Range range, StoredScale stored) {
  float largest = 0;
  for (size_t i = 0; i < size; ++i) largest = std::max(largest, std::fabs(run[i]));
  const float scale = Stored(largest / range.highest, stored);
  return scale >= FLT_MIN ? scale : 1.0f;
}

float SearchReference(const float* run, size_t size, Range range, StoredScale stored) {
  float best = MaxAbsReference(run, size, range, stored);
  float best_error = Error(run, size, best, range);
  const auto offer = [&](float scale) {
    scale = Stored(scale, stored);
    if (!(scale >= FLT_MIN && scale <= FLT_MAX)) return;
    const float error = Error(run, size, scale, range);
    if (error < best_error) best = scale, best_error = error;
  };
  const float low = std::min(0.0f, *std::min_element(run, run + size));
  const float high = std::max(0.0f, *std::max_element(run, run + size));
  const float start = std::max(low / range.lowest, high / range.highest);
  for (int step = 0; step < 20; ++step) {
    offer(start * (1.0f - (1.0f - 0.6f) / 19 * static_cast<float>(step)));
  }
  for (int i = 0; i < 2; ++i) offer(LeastSquares(run, size, best, range));
  return best;
}

TEST_P(WeightQuantizationTest, ScalesAreThoseOfThePlainSearch) {
  struct Case {
    size_t num_runs, run_size;
    Range range;
    StoredScale stored;
  };
  for (const Case& c :
       {Case{37, 32, kInt4, StoredScale::kBf16}, Case{5, 128, kInt4, StoredScale::kBf16},
        Case{3, 300, kInt4, StoredScale::kF32}, Case{19, 130, kInt8, StoredScale::kF32},
        Case{1, 1, kInt8, StoredScale::kF32}}) {
    std::vector<float> weights = RandomValues(c.num_runs * c.run_size, 7, 0.1f);
    for (size_t i = 0; i < weights.size(); i += 61) weights[i] *= 4;
    if (c.num_runs > 2) std::fill_n(weights.begin() + c.run_size, c.run_size, 0.0f);
    std::vector<float> scales(c.num_runs + 1, -1.0f);
    const WeightScalesArgs args = {weights.data(),  c.num_runs, c.run_size,   c.range.lowest,
                                   c.range.highest, c.stored,   scales.data()};
    MaxAbsScales(args);
    for (size_t i = 0; i < c.num_runs; ++i) {
      EXPECT_EQ(scales[i],
                MaxAbsReference(&weights[i * c.run_size], c.run_size, c.range, c.stored));
    }
    SquaredErrorScales(args);
    for (size_t i = 0; i < c.num_runs; ++i) {
      EXPECT_EQ(scales[i], SearchReference(&weights[i * c.run_size], c.run_size, c.range, c.stored))
          << "run " << i << " of " << c.run_size;
    }
    EXPECT_EQ(scales.back(), -1.0f);
  }
}

struct Unbiased {
  float scale, divider;
};

// As the header says, in float32 and in the order of the weights.
Unbiased UnbiasedReference(const float* run, size_t size, StoredScale stored) {
  const float low = std::min(0.0f, *std::min_element(run, run + size));
  const float high = std::max(0.0f, *std::max_element(run, run + size));
  const float unclipped = std::max(low / kInt4.lowest, high / kInt4.highest);
  const float inverse = 1.0f / unclipped;
  volatile float norm = 0;
  for (size_t i = 0; i < size; ++i) {
    volatile float value = run[i] * inverse;
    volatile float square = value * value;
    norm = norm + square;
  }
  const float plain = MaxAbsReference(run, size, kInt4, stored);
  Unbiased best = {plain, plain};
  float best_cost = FLT_MAX;
  const int steps = size <= 128 ? 12 : 16;
  for (int step = 0; step < steps; ++step) {
    volatile float offset = size <= 128 ? 0.04f * (3.0f - static_cast<float>(step))
                                        : 0.05f * (1.0f - static_cast<float>(step));
    const float factor = 1.0f + offset;
    volatile float dots = 0;
    volatile float squares = 0;
    for (size_t i = 0; i < size; ++i) {
      volatile float value = run[i] * (inverse / factor);
      const float quant = std::min(std::max(std::nearbyint(value), kInt4.lowest), kInt4.highest);
      volatile float term = value * quant;
      volatile float square = quant * quant;
      dots = dots + term;
      squares = squares + square;
    }
    volatile float projected = dots * factor;
    volatile float square = projected * projected;
    const float cost = squares / square;
    const float scale = Stored(unclipped * (norm / projected), stored);
    if (scale >= FLT_MIN && unclipped >= FLT_MIN && cost < best_cost) {
      best = {scale, unclipped * factor};
      best_cost = cost;
    }
  }
  return best;
}

TEST_P(WeightQuantizationTest, UnbiasedScalesAreThoseOfThePlainSearch) {
  for (const auto& [num_runs, run_size, stored] :
       {std::tuple<size_t, size_t, StoredScale>{37, 32, StoredScale::kBf16},
        {5, 128, StoredScale::kBf16},
        {3, 300, StoredScale::kF32}}) {
    std::vector<float> weights = RandomValues(num_runs * run_size, 7, 0.1f);
    for (size_t i = 0; i < weights.size(); i += 61) weights[i] *= 4;
    std::fill_n(weights.begin() + run_size, run_size, 0.0f);
    std::vector<float> scales(num_runs + 1, -1.0f);
    std::vector<float> dividers(num_runs + 1, -1.0f);
    UnbiasedScales({weights.data(), num_runs, run_size, -8, 7, stored, scales.data()},
                   dividers.data());
    for (size_t i = 0; i < num_runs; ++i) {
      const Unbiased expected = UnbiasedReference(&weights[i * run_size], run_size, stored);
      EXPECT_EQ(scales[i], expected.scale) << "run " << i << " of " << run_size;
      EXPECT_EQ(dividers[i], expected.divider) << "run " << i << " of " << run_size;
    }
    EXPECT_EQ(scales.back(), -1.0f);
    EXPECT_EQ(dividers.back(), -1.0f);
  }
}

// The error of each run is at right angles to it, where the scale isn't rounded.
TEST_P(WeightQuantizationTest, UnbiasedScalesKeepTheLengthAlongTheWeights) {
  constexpr size_t kRuns = 20;
  constexpr size_t kSize = 100;
  const std::vector<float> weights = RandomValues(kRuns * kSize, 5, 3.0f);
  std::vector<float> scales(kRuns);
  std::vector<float> dividers(kRuns);
  UnbiasedScales({weights.data(), kRuns, kSize, -8, 7, StoredScale::kF32, scales.data()},
                 dividers.data());
  for (size_t run = 0; run < kRuns; ++run) {
    std::vector<int8_t> quants(kSize);
    RoundToQuants({&weights[run * kSize], kSize, dividers[run], -8, 7, quants.data()});
    double projected = 0;
    double norm = 0;
    double error = 0;
    for (size_t i = 0; i < kSize; ++i) {
      const double weight = weights[run * kSize + i];
      const double stored = static_cast<double>(scales[run]) * quants[i];
      projected += weight * stored;
      norm += weight * weight;
      error += (weight - stored) * (weight - stored);
    }
    EXPECT_NEAR(projected, norm, 1e-5 * norm);
    EXPECT_LT(error, 0.02 * norm);
  }
}

TEST_P(WeightQuantizationTest, WeightsTooSmallForAScaleGetOne) {
  const std::vector<float> weights(32, 1e-39f);
  float scale = 0;
  SquaredErrorScales({weights.data(), 1, 32, -8, 7, StoredScale::kBf16, &scale});
  EXPECT_EQ(scale, 1.0f);
  scale = 0;
  float divider = 0;
  UnbiasedScales({weights.data(), 1, 32, -8, 7, StoredScale::kBf16, &scale}, &divider);
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ(divider, 1.0f);
}

TEST_P(WeightQuantizationTest, QuantsAndNibbles) {
  for (size_t size : InterestingSizes()) {
    const std::vector<float> weights = RandomValues(size, 3, 3.0f);
    std::vector<int8_t> quants(size + 1, 77);
    RoundToQuants({weights.data(), size, 0.25f, -8, 7, quants.data()});
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(quants[i], Quant(weights[i], 0.25f, kInt4)) << i;
    EXPECT_EQ(quants[size], 77);
    std::vector<uint8_t> nibbles(size / 2 + 1, 99);
    PackNibbles(quants.data(), size, nibbles.data());
    for (size_t i = 0; i + 1 < size; i += 2) {
      ASSERT_EQ(nibbles[i / 2], (quants[i] + 8) + 16 * (quants[i + 1] + 8)) << i;
    }
    EXPECT_EQ(nibbles[size / 2], 99);
  }
}

TEST_P(WeightQuantizationTest, ErrorSums) {
  for (size_t size : InterestingSizes()) {
    const std::vector<float> a = RandomValues(size, 1, 1.0f);
    const std::vector<float> b = RandomValues(size, 2, 1.0f);
    double error = 0;
    double norm = 0;
    for (size_t i = 0; i < size; ++i) {
      error += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
      norm += static_cast<double>(a[i]) * a[i];
    }
    const ErrorSums sums = SumErrors(a.data(), b.data(), size);
    EXPECT_NEAR(sums.squared_error, error, 1e-12 * (1 + error));
    EXPECT_NEAR(sums.squared_norm, norm, 1e-12 * (1 + norm));
  }
}

INKLING_FOR_EACH_TARGET(WeightQuantizationTest);

}  // namespace
}  // namespace inkling::kernels
