// Scale search over runs of weights, one run per vector lane; see weight_quantization.h.
//
// Weights are turned into tiles [kTileSize][lanes] on the stack. A run that fits in one tile is
// turned once and then tried with every scale; a longer one is turned again for each pass, of which
// there are two to six.
#include "kernels/weight_quantization.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/weight_quantization.cc"
#include <algorithm>
#include <cfloat>
#include <cstring>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

constexpr size_t kTileSize = 128;  // weights of a run: the longest block of the file format
constexpr size_t kMaxLanes = 16;

// Steps of the grid: from the smallest scale that clips nothing down to the smallest that is ever
// worth its clipping. Normal, Laplace and Student-t weights in blocks of 32 to 4096 have their best
// scale inside.
constexpr size_t kGridSteps = 20;
constexpr float kSmallestFactor = 0.6f;
constexpr int kRefinements = 2;

// The grids of dividers of UnbiasedScales, from above 1 down: a divider that clips nothing may be
// too small. 1 itself is in both, for weights that were quantised like this before.
struct DividerGrid {
  size_t num_steps;
  size_t step_of_one;
  float step;
};
constexpr DividerGrid kBlockGrid = {12, 3, 0.04f};
constexpr DividerGrid kRowGrid = {16, 1, 0.05f};
constexpr size_t kMaxDividers = 16;

// Eight times this is finite.
constexpr float kLargestInt4Scale = 0x1.fep124f;

// Wider vectors than this would only make tiles that don't fit in the first cache.
using LaneTag = hn::CappedTag<float, kMaxLanes>;
using LaneVector = hn::Vec<LaneTag>;

// A few runs side by side, seen tile by tile.
class RunGroup {
 public:
  // `num_runs` of them, at most as many as there are lanes; the last is repeated in lanes beyond.
  RunGroup(const float* weights, size_t num_runs, size_t run_size)
      : weights_(weights), num_runs_(num_runs), run_size_(run_size) {
    if (run_size_ <= kTileSize) Turn(0, run_size_);
  }

  // body(weights of all lanes) for each weight of the runs, in order.
  template <class Body>
  HWY_INLINE void ForEachWeight(const Body& body) {
    const LaneTag d;
    const size_t lanes = hn::Lanes(d);
    for (size_t first = 0; first < run_size_; first += kTileSize) {
      const size_t size = std::min(kTileSize, run_size_ - first);
      if (run_size_ > kTileSize) Turn(first, size);
      for (size_t i = 0; i < size; ++i) body(hn::Load(d, tile_ + i * lanes));
    }
  }

  // The same a tile at a time: body(tile, its size).
  template <class Body>
  HWY_INLINE void ForEachTile(const Body& body) {
    for (size_t first = 0; first < run_size_; first += kTileSize) {
      const size_t size = std::min(kTileSize, run_size_ - first);
      if (run_size_ > kTileSize) Turn(first, size);
      body(tile_, size);
    }
  }

 private:
  void Turn(size_t first, size_t size) {
    const size_t lanes = hn::Lanes(LaneTag());
    for (size_t lane = 0; lane < lanes; ++lane) {
      const float* run = weights_ + std::min(lane, num_runs_ - 1) * run_size_ + first;
      for (size_t i = 0; i < size; ++i) tile_[i * lanes + lane] = run[i];
    }
  }

  const float* weights_;
  size_t num_runs_;
  size_t run_size_;
  HWY_ALIGN float tile_[kTileSize * kMaxLanes];
};

struct QuantRange {
  LaneVector lowest;
  LaneVector highest;
};

HWY_INLINE LaneVector NearestQuant(LaneVector value, QuantRange range) {
  return hn::Min(hn::Max(hn::Round(value), range.lowest), range.highest);
}

HWY_INLINE LaneVector RoundToStored(LaneVector scale, StoredScale stored) {
  if (stored == StoredScale::kF32) return scale;
  // To bf16, ties to even, as integers; scales are positive.
  const LaneTag d;
  const hn::RebindToUnsigned<LaneTag> du;
  const auto bits = hn::BitCast(du, scale);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fff)));
  return hn::BitCast(d, hn::And(rounded, hn::Set(du, 0xffff0000)));
}

// XNNPACK refuses scales that are denormal.
HWY_INLINE auto IsUsable(LaneVector scale) {
  const LaneTag d;
  return hn::And(hn::Ge(scale, hn::Set(d, FLT_MIN)), hn::Le(scale, hn::Set(d, FLT_MAX)));
}

struct Extremes {
  LaneVector low;   // <= 0
  LaneVector high;  // >= 0
};

HWY_INLINE Extremes ExtremesOf(RunGroup& runs) {
  const LaneTag d;
  Extremes extremes = {hn::Zero(d), hn::Zero(d)};
  runs.ForEachWeight([&](LaneVector weight) HWY_ATTR {
    extremes.low = hn::Min(extremes.low, weight);
    extremes.high = hn::Max(extremes.high, weight);
  });
  return extremes;
}

HWY_INLINE LaneVector MaxAbsScale(Extremes extremes, const WeightScalesArgs& args) {
  const LaneTag d;
  const LaneVector largest = hn::Max(extremes.high, hn::Neg(extremes.low));
  const LaneVector scale =
      RoundToStored(hn::Div(largest, hn::Set(d, args.highest_quant)), args.stored);
  return hn::IfThenElse(IsUsable(scale), scale, hn::Set(d, 1.0f));
}

// Adds (w - scale * quant)^2 of a tile to `error`.
HWY_INLINE LaneVector AddSquaredError(const float* tile, size_t size, LaneVector scale,
                                      QuantRange range, LaneVector error) {
  const LaneTag d;
  const size_t lanes = hn::Lanes(d);
  const LaneVector inverse = hn::Div(hn::Set(d, 1.0f), scale);
  for (size_t i = 0; i < size; ++i) {
    const LaneVector weight = hn::Load(d, tile + i * lanes);
    const LaneVector quant = NearestQuant(hn::Mul(weight, inverse), range);
    const LaneVector difference = hn::Sub(weight, hn::Mul(scale, quant));
    error = hn::Add(error, hn::Mul(difference, difference));
  }
  return error;
}

// The scale with the least squared error for the quants that `scale` gives: <w, quants> / <quants,
// quants>.
HWY_INLINE LaneVector LeastSquaresScale(RunGroup& runs, LaneVector scale, QuantRange range) {
  const LaneTag d;
  const LaneVector inverse = hn::Div(hn::Set(d, 1.0f), scale);
  LaneVector dots = hn::Zero(d);
  LaneVector squares = hn::Zero(d);
  runs.ForEachWeight([&](LaneVector weight) HWY_ATTR {
    const LaneVector quant = NearestQuant(hn::Mul(weight, inverse), range);
    dots = hn::Add(dots, hn::Mul(weight, quant));
    squares = hn::Add(squares, hn::Mul(quant, quant));
  });
  return hn::Div(dots, squares);
}

// Scales that can't be used keep the grid's place but never win.
HWY_INLINE void KeepBetter(LaneVector scale, LaneVector error, LaneVector& best,
                           LaneVector& best_error) {
  const auto better = hn::And(IsUsable(scale), hn::Lt(error, best_error));
  best = hn::IfThenElse(better, scale, best);
  best_error = hn::IfThenElse(better, error, best_error);
}

HWY_INLINE LaneVector SearchScale(RunGroup& runs, const WeightScalesArgs& args) {
  const LaneTag d;
  const size_t lanes = hn::Lanes(d);
  const QuantRange range = {hn::Set(d, args.lowest_quant), hn::Set(d, args.highest_quant)};
  const Extremes extremes = ExtremesOf(runs);
  const LaneVector first = MaxAbsScale(extremes, args);
  // Each sign has its own number of quantised values.
  const LaneVector unclipped =
      hn::Max(hn::Div(extremes.low, range.lowest), hn::Div(extremes.high, range.highest));

  constexpr float kStep = (1.0f - kSmallestFactor) / (kGridSteps - 1);
  HWY_ALIGN float scales[(kGridSteps + 1) * kMaxLanes];
  HWY_ALIGN float errors[(kGridSteps + 1) * kMaxLanes] = {};
  hn::Store(first, d, scales);
  for (size_t step = 0; step < kGridSteps; ++step) {
    const LaneVector factor = hn::Set(d, 1.0f - kStep * static_cast<float>(step));
    hn::Store(RoundToStored(hn::Mul(unclipped, factor), args.stored), d,
              scales + (step + 1) * lanes);
  }
  runs.ForEachTile([&](const float* tile, size_t size) HWY_ATTR {
    for (size_t i = 0; i <= kGridSteps; ++i) {
      const LaneVector error = AddSquaredError(tile, size, hn::Load(d, scales + i * lanes), range,
                                               hn::Load(d, errors + i * lanes));
      hn::Store(error, d, errors + i * lanes);
    }
  });
  LaneVector best = first;
  LaneVector best_error = hn::Load(d, errors);
  for (size_t i = 1; i <= kGridSteps; ++i) {
    KeepBetter(hn::Load(d, scales + i * lanes), hn::Load(d, errors + i * lanes), best, best_error);
  }
  for (int i = 0; i < kRefinements; ++i) {
    const LaneVector scale = RoundToStored(LeastSquaresScale(runs, best, range), args.stored);
    LaneVector error = hn::Zero(d);
    runs.ForEachTile([&](const float* tile, size_t size)
                         HWY_ATTR { error = AddSquaredError(tile, size, scale, range, error); });
    KeepBetter(scale, error, best, best_error);
  }
  return best;
}

struct UnbiasedScale {
  LaneVector scale;
  LaneVector divider;
};

// <x, l> and <l, l> of a run, where x are the weights over a divider and l its quants.
struct QuantSums {
  LaneVector dots;
  LaneVector squares;
};

HWY_INLINE QuantSums AddQuants(const float* tile, size_t size, LaneVector inverse, QuantRange range,
                               QuantSums sums) {
  const LaneTag d;
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < size; ++i) {
    const LaneVector value = hn::Mul(hn::Load(d, tile + i * lanes), inverse);
    const LaneVector quant = NearestQuant(value, range);
    sums.dots = hn::Add(sums.dots, hn::Mul(value, quant));
    sums.squares = hn::Add(sums.squares, hn::Mul(quant, quant));
  }
  return sums;
}

// What SearchUnbiased knows of each divider of the grid, all for weights over `unclipped`, so that
// no square overflows.
struct DividerSums {
  HWY_ALIGN float inverses[kMaxDividers * kMaxLanes];
  HWY_ALIGN float dots[kMaxDividers * kMaxLanes] = {};
  HWY_ALIGN float squares[kMaxDividers * kMaxLanes] = {};
};

// The divider of this step over the one that just clips nothing.
HWY_INLINE LaneVector GridFactor(DividerGrid grid, size_t step) {
  const float steps = static_cast<float>(grid.step_of_one) - static_cast<float>(step);
  return hn::Set(LaneTag(), 1.0f + grid.step * steps);
}

// Fills `sums`; returns the sum of (w / unclipped)^2.
HWY_INLINE LaneVector SumDividers(RunGroup& runs, LaneVector unclipped, DividerGrid grid,
                                  QuantRange range, DividerSums& sums) {
  const LaneTag d;
  const size_t lanes = hn::Lanes(d);
  const LaneVector inverse = hn::Div(hn::Set(d, 1.0f), unclipped);
  for (size_t i = 0; i < grid.num_steps; ++i) {
    hn::Store(hn::Div(inverse, GridFactor(grid, i)), d, sums.inverses + i * lanes);
  }
  LaneVector norm = hn::Zero(d);
  runs.ForEachTile([&](const float* tile, size_t size) HWY_ATTR {
    for (size_t i = 0; i < size; ++i) {
      const LaneVector value = hn::Mul(hn::Load(d, tile + i * lanes), inverse);
      norm = hn::Add(norm, hn::Mul(value, value));
    }
    for (size_t i = 0; i < grid.num_steps * lanes; i += lanes) {
      const QuantSums sum = AddQuants(tile, size, hn::Load(d, sums.inverses + i), range,
                                      {hn::Load(d, sums.dots + i), hn::Load(d, sums.squares + i)});
      hn::Store(sum.dots, d, sums.dots + i);
      hn::Store(sum.squares, d, sums.squares + i);
    }
  });
  return norm;
}

HWY_INLINE UnbiasedScale SearchUnbiased(RunGroup& runs, const WeightScalesArgs& args) {
  const LaneTag d;
  const size_t lanes = hn::Lanes(d);
  const DividerGrid grid = args.run_size <= kTileSize ? kBlockGrid : kRowGrid;
  const QuantRange range = {hn::Set(d, args.lowest_quant), hn::Set(d, args.highest_quant)};
  const Extremes extremes = ExtremesOf(runs);
  const LaneVector unclipped =
      hn::Max(hn::Div(extremes.low, range.lowest), hn::Div(extremes.high, range.highest));
  DividerSums sums;
  const LaneVector norm = SumDividers(runs, unclipped, grid, range, sums);

  const LaneVector plain = MaxAbsScale(extremes, args);
  UnbiasedScale best = {plain, plain};
  LaneVector best_cost = hn::Set(d, FLT_MAX);  // the square of 1 / cosine, but for a factor
  for (size_t i = 0; i < grid.num_steps; ++i) {
    const LaneVector factor = GridFactor(grid, i);
    const LaneVector dot = hn::Mul(hn::Load(d, sums.dots + i * lanes), factor);
    const LaneVector cost = hn::Div(hn::Load(d, sums.squares + i * lanes), hn::Mul(dot, dot));
    const LaneVector scale = RoundToStored(
        hn::Min(hn::Mul(unclipped, hn::Div(norm, dot)), hn::Set(d, kLargestInt4Scale)),
        args.stored);
    const auto better =
        hn::And(hn::And(IsUsable(scale), IsUsable(unclipped)), hn::Lt(cost, best_cost));
    best.scale = hn::IfThenElse(better, scale, best.scale);
    best.divider = hn::IfThenElse(better, hn::Mul(unclipped, factor), best.divider);
    best_cost = hn::IfThenElse(better, cost, best_cost);
  }
  return best;
}

template <class ScaleOf>
HWY_INLINE void ForEachGroup(const WeightScalesArgs& args, const ScaleOf& scale_of) {
  const LaneTag d;
  const size_t lanes = hn::Lanes(d);
  for (size_t first = 0; first < args.num_runs; first += lanes) {
    const size_t count = std::min(lanes, args.num_runs - first);
    RunGroup runs(args.weights + first * args.run_size, count, args.run_size);
    hn::StoreN(scale_of(runs), d, args.scales + first, count);
  }
}

void MaxAbsScalesOfRuns(const WeightScalesArgs& args) {
  ForEachGroup(args, [&](RunGroup& runs) HWY_ATTR { return MaxAbsScale(ExtremesOf(runs), args); });
}

void SearchScalesOfRuns(const WeightScalesArgs& args) {
  ForEachGroup(args, [&](RunGroup& runs) HWY_ATTR { return SearchScale(runs, args); });
}

void UnbiasedScalesOfRuns(const WeightScalesArgs& args, float* dividers) {
  const LaneTag d;
  const size_t lanes = hn::Lanes(d);
  for (size_t first = 0; first < args.num_runs; first += lanes) {
    const size_t count = std::min(lanes, args.num_runs - first);
    RunGroup runs(args.weights + first * args.run_size, count, args.run_size);
    const UnbiasedScale best = SearchUnbiased(runs, args);
    hn::StoreN(best.scale, d, args.scales + first, count);
    hn::StoreN(best.divider, d, dividers + first, count);
  }
}

void RoundSpan(const RoundToQuantsArgs& args) {
  const FloatTag d;
  const hn::Rebind<int8_t, FloatTag> d8;
  const FloatVector inverse = hn::Set(d, 1.0f / args.divider);
  const FloatVector lowest = hn::Set(d, args.lowest_quant);
  const FloatVector highest = hn::Set(d, args.highest_quant);
  ForEachVector(d, args.size, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector quant = hn::Round(hn::Mul(LoadLanes(d, args.weights + i, lanes), inverse));
    const auto integer = hn::NearestInt(hn::Min(hn::Max(quant, lowest), highest));
    StoreLanes(d8, hn::DemoteTo(d8, integer), args.quants + i, lanes);
  });
}

// The two halves of a 16-bit lane are an even quantised value and the odd one after it.
void PackSpan(const int8_t* quants, size_t size, uint8_t* nibbles) {
  for (size_t i = 0; i + 1 < size; i += 2) {
    nibbles[i / 2] = static_cast<uint8_t>((quants[i] + 8) | ((quants[i + 1] + 8) << 4));
  }
}

ErrorSums SumSpan(const float* a, const float* b, size_t size) {
  constexpr size_t kSums = 8;
  double errors[kSums] = {};
  double norms[kSums] = {};
  size_t i = 0;
  for (; i + kSums <= size; i += kSums) {
    for (size_t j = 0; j < kSums; ++j) {
      const double value = a[i + j];
      const double error = value - b[i + j];
      errors[j] += error * error;
      norms[j] += value * value;
    }
  }
  for (size_t j = 0; i + j < size; ++j) {
    const double value = a[i + j];
    const double error = value - b[i + j];
    errors[j] += error * error;
    norms[j] += value * value;
  }
  ErrorSums sums;
  for (size_t j = 0; j < kSums; ++j) {
    sums.squared_error += errors[j];
    sums.squared_norm += norms[j];
  }
  return sums;
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(MaxAbsScalesOfRuns);
HWY_EXPORT(SearchScalesOfRuns);
HWY_EXPORT(UnbiasedScalesOfRuns);
HWY_EXPORT(RoundSpan);
HWY_EXPORT(PackSpan);
HWY_EXPORT(SumSpan);

void MaxAbsScales(const WeightScalesArgs& args) { HWY_DYNAMIC_DISPATCH(MaxAbsScalesOfRuns)(args); }

void SquaredErrorScales(const WeightScalesArgs& args) {
  HWY_DYNAMIC_DISPATCH(SearchScalesOfRuns)(args);
}

void UnbiasedScales(const WeightScalesArgs& args, float* dividers) {
  HWY_DYNAMIC_DISPATCH(UnbiasedScalesOfRuns)(args, dividers);
}

void RoundToQuants(const RoundToQuantsArgs& args) { HWY_DYNAMIC_DISPATCH(RoundSpan)(args); }

void PackNibbles(const int8_t* quants, size_t size, uint8_t* nibbles) {
  HWY_DYNAMIC_DISPATCH(PackSpan)(quants, size, nibbles);
}

ErrorSums SumErrors(const float* a, const float* b, size_t size) {
  return HWY_DYNAMIC_DISPATCH(SumSpan)(a, b, size);
}

}  // namespace inkling::kernels
#endif  // HWY_ONCE
