// Disturbances make a measurement longer, never shorter, so longer times count for less.

#include "src/session/speculation/pass_cost.h"

#include <algorithm>
#include <cstddef>

namespace inkling {
namespace {

constexpr double kUsualRowCost = 0.1;
// How far an estimate follows one measurement that is below it or above it.
constexpr double kStepDown = 1.0 / 4;
constexpr double kStepUp = 1.0 / 16;
// While rows seem too expensive, no draft is tried and nothing is measured. So every pass of one
// row moves the estimate a little towards the usual one, until drafts are tried again.
constexpr double kDoubt = 1.0 / 256;

void Follow(double measured, double& estimate) {
  estimate += (measured < estimate ? kStepDown : kStepUp) * (measured - estimate);
}

}  // namespace

PassCost::PassCost() : row_cost_(kUsualRowCost) {}

void PassCost::Report(size_t rows, double seconds) {
  if (rows == 1) {
    if (single_seconds_ == 0) single_seconds_ = seconds;
    Follow(std::min(seconds, 2 * single_seconds_), single_seconds_);
    row_cost_ += kDoubt * (kUsualRowCost - row_cost_);
  } else if (single_seconds_ > 0) {
    const double others = static_cast<double>(rows - 1);
    Follow(std::clamp((seconds / single_seconds_ - 1) / others, 0.0, 1.0), row_cost_);
  }
}

}  // namespace inkling
