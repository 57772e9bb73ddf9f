// The two scale searches. Sums run in eight fixed lanes, so that they vectorise and still give the
// same bits everywhere.

#include "src/format/scale_search.h"

#include <algorithm>
#include <cfloat>
#include <cstddef>
#include <cstdint>

#include "absl/base/casts.h"
#include "absl/types/span.h"

namespace inkling {
namespace {

constexpr size_t kLanes = 8;

// Steps of the grid: from the smallest scale that clips nothing down to the smallest that is ever
// worth its clipping. Normal, Laplace and Student-t weights in blocks of 32 to 4096 have their best
// scale inside.
constexpr int kGridSteps = 20;
constexpr float kSmallestFactor = 0.6f;
constexpr int kRefinements = 2;

float StoredScale(float scale, ScaleFormat format) {
  return format == ScaleFormat::kBf16 ? Bfloat16ToFloat(FloatToBfloat16(scale)) : scale;
}

// XNNPACK refuses scales that are denormal.
bool IsUsable(float scale) { return scale >= FLT_MIN && scale <= FLT_MAX; }

float SumOfLanes(const float* lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
         ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

// Sum of (weight - scale * level)^2.
float SquaredError(absl::Span<const float> weights, float scale, LevelRange levels) {
  const float inverse = 1.0f / scale;
  float lanes[kLanes] = {};
  const size_t whole = weights.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float weight = weights[i + lane];
      const float error = weight - scale * NearestLevel(weight * inverse, levels);
      lanes[lane] += error * error;
    }
  }
  for (size_t i = whole; i < weights.size(); ++i) {
    const float error = weights[i] - scale * NearestLevel(weights[i] * inverse, levels);
    lanes[i - whole] += error * error;
  }
  return SumOfLanes(lanes);
}

// The scale with the least squared error for the levels that `scale` gives: <weights, levels> /
// <levels, levels>.
float LeastSquaresScale(absl::Span<const float> weights, float scale, LevelRange levels) {
  const float inverse = 1.0f / scale;
  float products[kLanes] = {};
  float squares[kLanes] = {};
  const size_t whole = weights.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float level = NearestLevel(weights[i + lane] * inverse, levels);
      products[lane] += weights[i + lane] * level;
      squares[lane] += level * level;
    }
  }
  for (size_t i = whole; i < weights.size(); ++i) {
    const float level = NearestLevel(weights[i] * inverse, levels);
    products[i - whole] += weights[i] * level;
    squares[i - whole] += level * level;
  }
  return SumOfLanes(products) / SumOfLanes(squares);
}

// The smallest scale at which no weight is clipped: each sign has its own number of levels.
float SmallestUnclippedScale(absl::Span<const float> weights, LevelRange levels) {
  float low = 0.0f;
  float high = 0.0f;
  for (float weight : weights) {
    low = weight < low ? weight : low;
    high = weight > high ? weight : high;
  }
  return std::max(low / levels.lowest, high / levels.highest);
}

struct Candidate {
  float scale;
  float error;
};

class SquaredErrorSearch {
 public:
  SquaredErrorSearch(absl::Span<const float> weights, LevelRange levels, ScaleFormat format,
                     float first)
      : weights_(weights),
        levels_(levels),
        format_(format),
        best_{first, SquaredError(weights, first, levels)} {}

  float Run() {
    const float start = SmallestUnclippedScale(weights_, levels_);
    constexpr float kStep = (1.0f - kSmallestFactor) / (kGridSteps - 1);
    for (int step = 0; step < kGridSteps; ++step)
      Try(start * (1.0f - kStep * static_cast<float>(step)));
    for (int i = 0; i < kRefinements; ++i) Try(LeastSquaresScale(weights_, best_.scale, levels_));
    return best_.scale;
  }

 private:
  void Try(float scale) {
    scale = StoredScale(scale, format_);
    if (!IsUsable(scale)) return;
    const float error = SquaredError(weights_, scale, levels_);
    if (error < best_.error) best_ = {scale, error};
  }

  absl::Span<const float> weights_;
  LevelRange levels_;
  ScaleFormat format_;
  Candidate best_;
};

}  // namespace

float MaxAbs(absl::Span<const float> weights) {
  // As integers, magnitudes compare like floats, NaN and infinity above all, and the maximum
  // vectorises.
  uint32_t largest = 0;
  for (float weight : weights) {
    const uint32_t magnitude = absl::bit_cast<uint32_t>(weight) & 0x7fffffff;
    largest = magnitude > largest ? magnitude : largest;
  }
  return absl::bit_cast<float>(largest);
}

float ChooseScale(absl::Span<const float> weights, LevelRange levels, ScaleFormat format,
                  ScaleSearch search) {
  const float scale = StoredScale(MaxAbs(weights) / levels.highest, format);
  if (!IsUsable(scale)) return 1.0f;
  if (search == ScaleSearch::kMaxAbs) return scale;
  return SquaredErrorSearch(weights, levels, format, scale).Run();
}

}  // namespace inkling
