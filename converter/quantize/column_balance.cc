// For each norm: which matrices read it, and which strength of balancing costs them least.

#include "converter/quantize/column_balance.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/quantize/expected_divergence.h"
#include "converter/quantize/row_encoder.h"
#include "src/format/element_type.h"

namespace inkling {
namespace {

constexpr double kStrengths[] = {0.25, 0.5, 0.75};

// A strength must save this share of the expected divergence, which is an estimate.
constexpr double kLeastGain = 0.03;

// Columns that are hardly ever used count as this part of the mean; more would only make large
// weights of what isn't needed.
constexpr double kSmallestColumn = 1.0 / 64;

// Tensors of a plan that a balance changes, as indices.
struct NormGroup {
  std::vector<size_t> norms;  // weight and bias
  std::vector<size_t> matrices;
};

class GroupFinder {
 public:
  GroupFinder(const ModelConfig& config, const TensorPlan& plan) : config_(config) {
    for (size_t i = 0; i < plan.tensors.size(); ++i) index_[plan.tensors[i].info.name] = i;
  }

  std::vector<NormGroup> Find() const {
    std::vector<NormGroup> groups;
    const bool shared = config_.residual == ResidualKind::kParallelSharedNorm;
    for (int32_t layer = 0; layer < config_.num_layers; ++layer) {
      const std::string prefix = absl::StrCat("layers.", layer, ".");
      std::vector<std::string> readers = {"attention.q", "attention.k", "attention.v"};
      const std::vector<std::string> inner = {"feed_forward.gate", "feed_forward.up"};
      if (shared) readers.insert(readers.end(), inner.begin(), inner.end());
      groups.push_back(Group(prefix, "attention_norm", readers));
      if (!shared) groups.push_back(Group(prefix, "feed_forward_norm", inner));
    }
    if (!config_.tied_head) groups.push_back(Group("", "final_norm", {"head"}));
    return groups;
  }

 private:
  // Of those names that the model has.
  NormGroup Group(const std::string& prefix, const std::string& norm,
                  const std::vector<std::string>& readers) const {
    NormGroup group;
    for (const char* part : {".weight", ".bias"}) {
      AddIfThere(absl::StrCat(prefix, norm, part), group.norms);
    }
    for (const std::string& reader : readers) {
      AddIfThere(absl::StrCat(prefix, reader, ".weight"), group.matrices);
    }
    return group;
  }

  void AddIfThere(const std::string& name, std::vector<size_t>& indices) const {
    const auto found = index_.find(name);
    if (found != index_.end()) indices.push_back(found->second);
  }

  const ModelConfig& config_;
  std::map<std::string, size_t> index_;
};

class Balancer {
 public:
  Balancer(const Checkpoint& checkpoint, const ModelConfig& config, const ConvertOptions& options,
           const ImportanceFile& importance, absl::Span<const TensorType> types, TensorPlan& plan)
      : checkpoint_(checkpoint),
        encoder_(checkpoint, options.search),
        config_(config),
        importance_(importance),
        types_(types),
        plan_(plan) {}

  // Whether the group was changed.
  absl::StatusOr<bool> Balance(const NormGroup& group) {
    if (!MayChange(group)) return false;
    const TensorInfo& first = plan_.tensors[group.matrices.front()].info;
    ABSL_ASSIGN_OR_RETURN(const InputMoments inputs,
                          importance_.ReadInputs(first.name, first.columns));
    ABSL_ASSIGN_OR_RETURN(double least, Divergence(group));
    least *= 1.0 - kLeastGain;
    std::vector<float> best;
    for (const double strength : kStrengths) {
      const std::vector<float> factors = ColumnFactors(inputs, strength);
      SetFactors(group, factors);
      ABSL_ASSIGN_OR_RETURN(const double divergence, Divergence(group));
      if (!(divergence < least)) continue;
      least = divergence;
      best = factors;
    }
    SetFactors(group, best);
    return !best.empty();
  }

 private:
  bool MayChange(const NormGroup& group) const {
    bool any_quantized = false;
    for (const size_t index : group.matrices) {
      if (PlannedStoredType(checkpoint_, plan_.tensors[index]) == types_[index]) return false;
      any_quantized |= IsQuantized(types_[index].element);
    }
    return any_quantized;
  }

  absl::StatusOr<double> Divergence(const NormGroup& group) const {
    double sum = 0;
    for (const size_t index : group.matrices) {
      if (!IsQuantized(types_[index].element)) continue;
      ABSL_ASSIGN_OR_RETURN(const double divergence,
                            SampledDivergence(encoder_, plan_.tensors[index], types_[index],
                                              config_, ConvertQuality::kNormal, importance_));
      sum += divergence;
    }
    return sum;
  }

  // Empty: as they were.
  void SetFactors(const NormGroup& group, const std::vector<float>& factors) {
    for (const size_t index : group.matrices) plan_.tensors[index].column_factors = factors;
    std::vector<float> inverses(factors);
    for (float& factor : inverses) factor = 1.0f / factor;
    for (const size_t index : group.norms) plan_.tensors[index].column_factors = inverses;
  }

  const Checkpoint& checkpoint_;
  RowEncoder encoder_;
  const ModelConfig& config_;
  const ImportanceFile& importance_;
  absl::Span<const TensorType> types_;
  TensorPlan& plan_;
};

}  // namespace

std::vector<float> ColumnFactors(const InputMoments& inputs, double strength) {
  std::vector<double> sizes(static_cast<size_t>(inputs.columns));
  double sum = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const size_t block = static_cast<size_t>(inputs.block);
    sizes[i] = std::sqrt(std::max(0.0f, inputs.values[i * block + i % block]));
    sum += sizes[i];
  }
  const double mean = sum / static_cast<double>(sizes.size());
  std::vector<float> factors(sizes.size(), 1.0f);
  if (!(mean > 0)) return factors;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const double size = std::max(sizes[i] / mean, kSmallestColumn);
    factors[i] = static_cast<float>(std::exp2(std::round(strength * std::log2(size))));
  }
  return factors;
}

absl::StatusOr<int> BalanceColumns(const Checkpoint& checkpoint, const ModelConfig& config,
                                   const ConvertOptions& options, const ImportanceFile& importance,
                                   absl::Span<const TensorType> types, TensorPlan& plan) {
  Balancer balancer(checkpoint, config, options, importance, types, plan);
  int changed = 0;
  for (const NormGroup& group : GroupFinder(config, plan).Find()) {
    ABSL_ASSIGN_OR_RETURN(const bool has_changed, balancer.Balance(group));
    changed += has_changed ? 1 : 0;
  }
  return changed;
}

}  // namespace inkling
