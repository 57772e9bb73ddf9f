// Matches TensorList with a checkpoint's tensors, both ways.

#include "converter/plan/tensor_plan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "converter/checkpoints/wrapper_names.h"
#include "converter/files/source_numbers.h"
#include "converter/plan/tensor_finder.h"

namespace inkling {
namespace {

constexpr size_t kMaxNamesInMessage = 5;

// A tensor of ours in the units that TensorSource counts: rows of a matrix, elements of a vector.
struct Units {
  explicit Units(const TensorInfo& info)
      : count(info.is_vector ? info.columns : info.rows),
        width(info.is_vector ? 1 : info.columns) {}
  int64_t count;
  int64_t width;
};

std::vector<int64_t> ExpectedShape(const TensorInfo& info, const TensorSource& source) {
  const int64_t rows = source.source_rows > 0 ? source.source_rows : Units(info).count;
  if (info.is_vector) return {rows};
  return {rows, info.columns};
}

// Neighbouring rows of a source.
struct RowRun {
  int64_t first;
  int64_t count;
};

// Where units [first, first + count) of a planned tensor lie in its source, in order.
std::vector<RowRun> SourceRuns(const PlannedTensor& tensor, int64_t first, int64_t count) {
  const TensorSource& source = tensor.source;
  const int64_t run = source.run > 0 ? source.run : Units(tensor.info).count;
  std::vector<RowRun> runs;
  for (int64_t unit = first; unit < first + count;) {
    const int64_t length = std::min(first + count - unit, run - unit % run);
    runs.push_back({source.first_row + unit / run * source.stride + unit % run, length});
    unit += length;
  }
  return runs;
}

// Whether nothing is done to a planned tensor but to put rows in another order.
bool KeepsValues(const PlannedTensor& tensor) {
  return !tensor.info.is_vector && !tensor.source_indices.empty() && tensor.source.add == 0.0f &&
         tensor.source.row_names.empty() && tensor.column_factors.empty();
}

class Planner {
 public:
  Planner(const Checkpoint& checkpoint, const Recipe& recipe, const ModelConfig& config,
          const std::set<std::string>& zero_biases)
      : checkpoint_(checkpoint),
        recipe_(recipe),
        config_(config),
        zero_biases_(zero_biases),
        finder_(checkpoint) {}

  absl::StatusOr<TensorPlan> Plan() {
    TensorPlan plan;
    for (const TensorInfo& info : TensorList(config_)) {
      ABSL_ASSIGN_OR_RETURN(PlannedTensor planned, PlanOne(info));
      used_.insert(used_.end(), planned.source_indices.begin(), planned.source_indices.end());
      plan.tensors.push_back(std::move(planned));
    }
    ABSL_ASSIGN_OR_RETURN(plan.left_out, LeftOut());
    return plan;
  }

 private:
  absl::StatusOr<PlannedTensor> PlanOne(const TensorInfo& info) const {
    PlannedTensor planned;
    planned.info = info;
    if (zero_biases_.contains(info.name)) return planned;
    ABSL_ASSIGN_OR_RETURN(planned.source, recipe_.find_source(info, config_));
    for (const std::string& name : planned.source.row_names) {
      ABSL_ASSIGN_OR_RETURN(const size_t index, Require(name, info, {info.columns}));
      planned.source_indices.push_back(index);
    }
    if (!planned.source_indices.empty()) return planned;
    ABSL_ASSIGN_OR_RETURN(const size_t index,
                          Require(planned.source.name, info, ExpectedShape(info, planned.source)));
    planned.source_indices = {index};
    return planned;
  }

  // The index of tensor `name`, which must be there, in this shape and a dtype that can be read.
  absl::StatusOr<size_t> Require(const std::string& name, const TensorInfo& info,
                                 const std::vector<int64_t>& shape) const {
    std::optional<size_t> index = finder_.Find(name);
    // Of two names for shared values, some tools keep only the second.
    if (!index && info.role == TensorRole::kEmbedding && config_.tied_head) {
      index = finder_.Find(HeadName(recipe_, config_));
    }
    if (!index) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the checkpoint has no tensor \"", checkpoint_.NameInFile(name), "\", which ", info.name,
          " needs", info.role == TensorRole::kHead ? WhyNoHead() : std::string()));
    }
    const SourceTensor& tensor = checkpoint_.tensors()[*index];
    if (tensor.shape != shape) {
      return absl::InvalidArgumentError(absl::StrCat(tensor.file, ": tensor \"", GivenName(tensor),
                                                     "\" (for ", info.name, "): expected shape [",
                                                     absl::StrJoin(shape, ", "), "], found [",
                                                     absl::StrJoin(tensor.shape, ", "), "]"));
    }
    if (!CanDequantize(tensor.dtype) && !checkpoint_.KeptType(*index).has_value()) {
      return absl::UnimplementedError(
          absl::StrCat(tensor.file, ": tensor \"", GivenName(tensor), "\" (for ", info.name,
                       "): expected F32, F16 or BF16, found ", tensor.dtype));
    }
    return *index;
  }

  // A model of another task has no head for text.
  std::string WhyNoHead() const {
    std::string reason = absl::StrCat(" unless ", checkpoint_.ConfigName(),
                                      " says that tie_word_embeddings is true");
    for (const SourceTensor& tensor : checkpoint_.tensors()) {
      if (OtherHead(tensor.name).empty()) continue;
      return absl::StrCat(reason, "; what it has is a head for another task, \"", GivenName(tensor),
                          "\", which scores texts and can't write any");
    }
    return reason;
  }

  // Values that the model's own formulas contain already.
  bool IsRedundant(absl::string_view name) const {
    // Old versions saved the tables of the rotation.
    if (absl::StrContains(name, "rotary_emb.") || absl::EndsWith(name, ".inv_freq")) return true;
    const std::string head = HeadName(recipe_, config_);
    return config_.tied_head && !head.empty() && absl::EndsWith(name, head);
  }

  // The prefix by which the recipe knows `name` as foreign; empty if it doesn't.
  absl::string_view ForeignPrefix(absl::string_view name) const {
    const absl::string_view inner = absl::StripPrefix(name, "model.");
    for (const std::string& prefix : recipe_.foreign_prefixes) {
      if (absl::StartsWith(inner, prefix)) return prefix;
    }
    return {};
  }

  // One line for each redundant tensor and for each kind of foreign ones.
  absl::StatusOr<std::vector<std::string>> LeftOut() const {
    std::vector<bool> used(checkpoint_.tensors().size(), false);
    for (const size_t index : used_) used[index] = true;
    std::vector<std::string> lines;
    std::vector<std::string> unknown;
    std::map<absl::string_view, size_t> foreign;
    std::map<absl::string_view, size_t> heads;
    for (size_t i = 0; i < used.size(); ++i) {
      if (used[i]) continue;
      const std::string& name = checkpoint_.tensors()[i].name;
      const std::string& given = GivenName(checkpoint_.tensors()[i]);
      if (const absl::string_view prefix = ForeignPrefix(name); !prefix.empty()) {
        ++foreign[prefix];
      } else if (const absl::string_view head = OtherHead(name); !head.empty()) {
        ++heads[head];
      } else if (IsRedundant(name)) {
        lines.push_back(absl::StrCat(given, " (redundant)"));
      } else {
        unknown.push_back(given);
      }
    }
    for (const auto& [head, count] : heads) {
      lines.push_back(absl::StrCat(head, "* (", count, count == 1 ? " tensor" : " tensors",
                                   " of a head for another task)"));
    }
    for (const auto& [prefix, count] : foreign) {
      lines.push_back(absl::StrCat(prefix, "* (", count, " tensors, not of the language model)"));
    }
    if (unknown.empty()) return lines;
    const size_t count = unknown.size();
    unknown.resize(std::min(count, kMaxNamesInMessage));
    return absl::InvalidArgumentError(absl::StrCat(
        "the checkpoint has ", count, " tensors that a ", recipe_.family, " model with this ",
        checkpoint_.ConfigName(), " doesn't use: ", absl::StrJoin(unknown, ", "),
        count > unknown.size() ? ", ..." : "", "; leaving them out would change its output"));
  }

  const Checkpoint& checkpoint_;
  const Recipe& recipe_;
  const ModelConfig& config_;
  const std::set<std::string>& zero_biases_;
  TensorFinder finder_;
  std::vector<size_t> used_;
};

void AddTo(std::vector<float>& values, float add) {
  if (add == 0.0f) return;
  for (float& value : values) value += add;
}

// `values` are whole rows.
void MultiplyColumns(absl::Span<const float> factors, std::vector<float>& values) {
  if (factors.empty()) return;
  for (size_t i = 0; i < values.size(); ++i) values[i] *= factors[i % factors.size()];
}

// Rows of a matrix that the checkpoint keeps as one vector a row.
absl::StatusOr<std::vector<float>> ReadNamedRows(const Checkpoint& checkpoint,
                                                 const PlannedTensor& tensor, int64_t first_row,
                                                 int64_t num_rows) {
  std::vector<float> values;
  for (int64_t row = first_row; row < first_row + num_rows; ++row) {
    ABSL_ASSIGN_OR_RETURN(const std::vector<float> part,
                          checkpoint.ReadRows(tensor.source_indices[static_cast<size_t>(row)], 0,
                                              tensor.info.columns));
    values.insert(values.end(), part.begin(), part.end());
  }
  AddTo(values, tensor.source.add);
  MultiplyColumns(tensor.column_factors, values);
  return values;
}

}  // namespace

absl::StatusOr<TensorPlan> PlanTensors(const Checkpoint& checkpoint, const Recipe& recipe,
                                       const ModelConfig& config,
                                       const std::set<std::string>& zero_biases) {
  return Planner(checkpoint, recipe, config, zero_biases).Plan();
}

TensorPlan WithOwnHead(const TensorPlan& plan, const ModelConfig& config) {
  TensorPlan result;
  result.left_out = plan.left_out;
  size_t next = 0;
  for (const TensorInfo& info : TensorList(config)) {
    if (info.role != TensorRole::kHead) {
      result.tensors.push_back(plan.tensors[next++]);
      continue;
    }
    for (const PlannedTensor& tensor : plan.tensors) {
      if (tensor.info.role != TensorRole::kEmbedding) continue;
      PlannedTensor head = tensor;
      head.info = info;
      result.tensors.push_back(std::move(head));
    }
  }
  return result;
}

absl::StatusOr<std::vector<float>> ReadPlannedRows(const Checkpoint& checkpoint,
                                                   const PlannedTensor& tensor, int64_t first_row,
                                                   int64_t num_rows) {
  if (tensor.source_indices.empty()) {
    const int64_t rows = tensor.info.is_vector ? 1 : num_rows;
    return std::vector<float>(static_cast<size_t>(rows * tensor.info.columns), 0.0f);
  }
  if (!tensor.source.row_names.empty()) {
    return ReadNamedRows(checkpoint, tensor, first_row, num_rows);
  }
  const Units units(tensor.info);
  const int64_t first = tensor.info.is_vector ? 0 : first_row;
  const int64_t count = tensor.info.is_vector ? units.count : num_rows;
  std::vector<float> values;
  for (const RowRun& run : SourceRuns(tensor, first, count)) {
    ABSL_ASSIGN_OR_RETURN(std::vector<float> part,
                          checkpoint.ReadRows(tensor.source_indices.front(), run.first, run.count));
    if (values.empty()) {
      values = std::move(part);
      values.reserve(static_cast<size_t>(count * units.width));
    } else {
      values.insert(values.end(), part.begin(), part.end());
    }
  }
  AddTo(values, tensor.source.add);
  MultiplyColumns(tensor.column_factors, values);
  return values;
}

std::optional<TensorType> PlannedStoredType(const Checkpoint& checkpoint,
                                            const PlannedTensor& tensor) {
  if (!KeepsValues(tensor)) return std::nullopt;
  return checkpoint.StoredType(tensor.source_indices.front());
}

std::optional<TensorType> PlannedKeptType(const Checkpoint& checkpoint,
                                          const PlannedTensor& tensor) {
  if (!KeepsValues(tensor)) return std::nullopt;
  return checkpoint.KeptType(tensor.source_indices.front());
}

absl::StatusOr<std::vector<float>> ReadPlannedBlockScales(const Checkpoint& checkpoint,
                                                          const PlannedTensor& tensor,
                                                          int64_t first_row, int64_t num_rows) {
  std::vector<float> scales;
  if (!KeepsValues(tensor)) return scales;
  for (const RowRun& run : SourceRuns(tensor, first_row, num_rows)) {
    ABSL_ASSIGN_OR_RETURN(
        const std::vector<float> part,
        checkpoint.ReadBlockScales(tensor.source_indices.front(), run.first, run.count));
    scales.insert(scales.end(), part.begin(), part.end());
  }
  return scales;
}

absl::StatusOr<QuantizedRows> ReadPlannedStoredRows(const Checkpoint& checkpoint,
                                                    const PlannedTensor& tensor, int64_t first_row,
                                                    int64_t num_rows) {
  QuantizedRows rows;
  for (const RowRun& run : SourceRuns(tensor, first_row, num_rows)) {
    ABSL_ASSIGN_OR_RETURN(
        const QuantizedRows part,
        checkpoint.ReadStoredRows(tensor.source_indices.front(), run.first, run.count));
    rows.values.insert(rows.values.end(), part.values.begin(), part.values.end());
    rows.scales.insert(rows.scales.end(), part.scales.begin(), part.scales.end());
  }
  return rows;
}

}  // namespace inkling
