// A greedy choice: divergences add up, so the order by gain per byte is the best one but for the
// last matrix that doesn't fit.

#include "converter/quantize/bit_budget.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_format.h"
#include "converter/quantize/expected_divergence.h"
#include "converter/quantize/row_encoder.h"
#include "src/format/element_type.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kF16 = {ElementType::kF16, 0};

// Of a type that the tensor fits in.
int64_t StoredBytes(const TensorInfo& info, TensorType type) {
  return ValueBytes(type, info.rows, info.columns).value_or(0) +
         ScaleBytes(type, info.rows, info.columns).value_or(0);
}

struct Upgrade {
  size_t tensor;
  TensorType from;
  TensorType to;
  int64_t bytes;
  double gain;  // divergence saved
};

// Asks how much the types of one conversion's matrices cost.
class UpgradeSearch {
 public:
  UpgradeSearch(const Checkpoint& checkpoint, const TensorPlan& plan, const ModelConfig& config,
                const ConvertOptions& options, const ImportanceFile& importance)
      : encoder_(checkpoint, options.search),
        plan_(plan),
        config_(config),
        options_(options),
        importance_(importance) {}

  // From `type` of tensor `index` to int8, and from there to f16.
  absl::StatusOr<std::vector<Upgrade>> Find(size_t index, TensorType type) const {
    const TensorInfo& info = plan_.tensors[index].info;
    std::vector<Upgrade> upgrades;
    if (!IsQuantized(type.element) || !MayChange(info.role)) return upgrades;
    ABSL_ASSIGN_OR_RETURN(double divergence, DivergenceIn(index, type));
    for (const TensorType better : {kInt8, kF16}) {
      if (type == better) continue;
      double left = 0;  // f16 rounds to a 2048th, a tenth of what int8 does at its best
      if (better == kInt8) {
        ABSL_ASSIGN_OR_RETURN(left, DivergenceIn(index, kInt8));
      }
      upgrades.push_back({index, type, better, StoredBytes(info, better) - StoredBytes(info, type),
                          divergence - left});
      divergence = left;
      type = better;
    }
    return upgrades;
  }

 private:
  // A vocabulary matrix for which the options name a type keeps it.
  bool MayChange(TensorRole role) const {
    switch (role) {
      case TensorRole::kLinear:
        return true;
      case TensorRole::kHead:
        return !options_.head.has_value();
      case TensorRole::kEmbedding:
        // One that is only looked up has no matmuls to be measured by, only what a file of this
        // version says of lookups.
        return !options_.embedding.has_value() &&
               (config_.tied_head ? !options_.head.has_value()
                                  : importance_.Outputs(kEmbeddingLookup).ok());
      case TensorRole::kBias:
      case TensorRole::kNorm:
        break;
    }
    return false;
  }

  absl::StatusOr<double> DivergenceIn(size_t index, TensorType type) const {
    return SampledDivergence(encoder_, plan_.tensors[index], type, config_, options_.quality,
                             importance_);
  }

  RowEncoder encoder_;
  const TensorPlan& plan_;
  const ModelConfig& config_;
  const ConvertOptions& options_;
  const ImportanceFile& importance_;
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
  if (!options.bits_per_weight.has_value()) return absl::OkStatus();
  const double bits = *options.bits_per_weight;
  const double least = BitsPerWeight(plan, types);
  if (bits < least) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "bits per weight: expected at least %.3f, which this model takes with the types asked for, "
        "found %.3f",
        least, bits));
  }
  const UpgradeSearch search(checkpoint, plan, config, options, importance);
  std::vector<Upgrade> upgrades;
  for (size_t i = 0; i < types.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(const std::vector<Upgrade> found, search.Find(i, types[i]));
    upgrades.insert(upgrades.end(), found.begin(), found.end());
  }
  std::stable_sort(upgrades.begin(), upgrades.end(), [](const Upgrade& a, const Upgrade& b) {
    return a.gain * static_cast<double>(b.bytes) > b.gain * static_cast<double>(a.bytes);
  });
  for (const Upgrade& upgrade : upgrades) {
    // A second step whose first one wasn't affordable.
    if (!(types[upgrade.tensor] == upgrade.from)) continue;
    types[upgrade.tensor] = upgrade.to;
    if (BitsPerWeight(plan, types) > bits) types[upgrade.tensor] = upgrade.from;
  }
  return absl::OkStatus();
}

}  // namespace inkling
