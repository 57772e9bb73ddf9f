// A greedy choice: divergences add up, so the order by gain per byte is the best one but for the
// last matrix that doesn't fit.

#include "converter/bit_budget.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_format.h"
#include "converter/row_encoder.h"
#include "converter/tensor_stream.h"

namespace inkling {
namespace {

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};

// A type that the tensor fits in.
int64_t StoredBytes(const TensorInfo& info, TensorType type) {
  return ValueBytes(type, info.rows, info.columns).value_or(0) +
         ScaleBytes(type, info.rows, info.columns).value_or(0);
}

struct Upgrade {
  size_t tensor;
  int64_t bytes;
  double gain;  // divergence saved
};

}  // namespace

double BitsPerWeight(const TensorPlan& plan, absl::Span<const TensorType> types) {
  double bytes = 0;
  double weights = 0;
  for (size_t i = 0; i < types.size(); ++i) {
    const TensorInfo& info = plan.tensors[i].info;
    bytes += static_cast<double>(StoredBytes(info, types[i]));
    weights += static_cast<double>(info.rows) * static_cast<double>(info.columns);
  }
  return 8 * bytes / weights;
}

absl::Status SpendBits(const Checkpoint& checkpoint, const TensorPlan& plan,
                       const ModelConfig& config, const ConvertOptions& options,
                       const ImportanceFile& importance, std::vector<TensorType>& types) {
  const double bits = *options.bits_per_weight;
  const double least = BitsPerWeight(plan, types);
  if (bits < least) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "bits per weight: expected at least %.3f, which this model takes with the types asked for, "
        "found %.3f",
        least, bits));
  }
  const RowEncoder encoder(checkpoint, options.search);
  std::vector<Upgrade> upgrades;
  for (size_t i = 0; i < types.size(); ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    const bool int4 = types[i].element == ElementType::kInt4Block ||
                      types[i].element == ElementType::kInt4Channel;
    if (!int4 || tensor.info.role != TensorRole::kLinear) continue;
    ABSL_ASSIGN_OR_RETURN(const RowCalibration calibration,
                          CalibrationOf(&importance, tensor.info, config, options.quality));
    ABSL_ASSIGN_OR_RETURN(const std::vector<EncodedRows> slices,
                          encoder.Encode(tensor, types[i], 0, calibration));
    double error = 0;
    int64_t rows = 0;
    for (const EncodedRows& slice : slices) {
      error += slice.output_error;
      rows += slice.num_rows;
    }
    error *= static_cast<double>(tensor.info.rows) / static_cast<double>(rows);
    ABSL_ASSIGN_OR_RETURN(const double divergence,
                          ExpectedDivergence(importance, tensor.info.name, error));
    // int8 leaves less than a hundredth of int4's error power.
    upgrades.push_back(
        {i, StoredBytes(tensor.info, kInt8) - StoredBytes(tensor.info, types[i]), divergence});
  }
  std::sort(upgrades.begin(), upgrades.end(), [](const Upgrade& a, const Upgrade& b) {
    return a.gain * static_cast<double>(b.bytes) > b.gain * static_cast<double>(a.bytes);
  });
  for (const Upgrade& upgrade : upgrades) {
    const TensorType before = types[upgrade.tensor];
    types[upgrade.tensor] = kInt8;
    if (BitsPerWeight(plan, types) > bits) types[upgrade.tensor] = before;
  }
  return absl::OkStatus();
}

}  // namespace inkling
