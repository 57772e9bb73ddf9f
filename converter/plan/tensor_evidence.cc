// Looks names up, and reads values only where a config says tied and a head is there.

#include "converter/plan/tensor_evidence.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "converter/files/source_tensor.h"
#include "converter/plan/tensor_finder.h"
#include "converter/recipes/decoder_fields.h"

namespace inkling {
namespace {

// Floats of one matrix in memory while two are compared.
constexpr int64_t kMaxValues = int64_t{1} << 20;

class EvidenceReader {
 public:
  EvidenceReader(const Checkpoint& checkpoint, const Recipe& recipe, ModelConfig& config,
                 absl::FunctionRef<bool(absl::string_view head)> keep_going)
      : checkpoint_(checkpoint),
        recipe_(recipe),
        config_(config),
        keep_going_(keep_going),
        finder_(checkpoint) {}

  absl::StatusOr<TensorEvidence> Read() {
    ABSL_RETURN_IF_ERROR(ReadBiases());
    ABSL_RETURN_IF_ERROR(ReadHead());
    return std::move(evidence_);
  }

 private:
  // A bias of one part of the layers: "attention.q".
  struct Part {
    std::vector<std::string> present;  // tensors of ours whose source is there
    std::vector<std::string> absent;
    std::string source;  // of the first of them
  };

  absl::Status ReadBiases() {
    std::map<std::string, Part> parts;
    for (const TensorInfo& info : TensorList(config_)) {
      if (info.role != TensorRole::kBias || info.layer < 0) continue;
      ABSL_ASSIGN_OR_RETURN(const TensorSource source, recipe_.find_source(info, config_));
      Part& part = parts[std::string(PartName(info))];
      const bool is_there = finder_.Find(source.name).has_value();
      (is_there ? part.present : part.absent).push_back(info.name);
      if (part.source.empty()) part.source = source.name;
    }
    for (const absl::string_view block : {"attention.", "feed_forward."}) SettleBlock(block, parts);
    DropAxes();
    return absl::OkStatus();
  }

  // In some formats every bias may be left out. In others, a block without any contradicts its
  // config, which the plan then says; of one that has some, a part without is meant to have none;
  // and a part of which a few layers have none is damaged.
  void SettleBlock(absl::string_view block, const std::map<std::string, Part>& parts) {
    bool has_any = false;
    for (const auto& [name, part] : parts) {
      has_any = has_any || (absl::StartsWith(name, block) && !part.present.empty());
    }
    const bool optional = checkpoint_.BiasesAreOptional();
    if (!has_any && !optional) return;
    for (const auto& [name, part] : parts) {
      if (!absl::StartsWith(name, block) || part.absent.empty()) continue;
      if (!part.present.empty() && !optional) continue;
      evidence_.zero_biases.insert(part.absent.begin(), part.absent.end());
      if (optional) continue;
      evidence_.notes.push_back(absl::StrCat("no layer has ", checkpoint_.NameInFile(part.source),
                                             " or the like, beside other biases: taken as zeros"));
    }
  }

  // Biases that are zeros in every part that shares an axis needn't be stored.
  void DropAxes() {
    const auto drop = [this](bool& axis, std::initializer_list<absl::string_view> ends) {
      if (!axis) return;
      std::vector<std::string> names;
      for (const TensorInfo& info : TensorList(config_)) {
        if (info.role != TensorRole::kBias || info.layer < 0) continue;
        const absl::string_view part = PartName(info);
        if (std::find(ends.begin(), ends.end(), part) != ends.end()) names.push_back(info.name);
      }
      const bool all_zero = std::all_of(
          names.begin(), names.end(),
          [this](const std::string& name) { return evidence_.zero_biases.contains(name); });
      if (names.empty() || !all_zero) return;
      axis = false;
      for (const std::string& name : names) evidence_.zero_biases.erase(name);
    };
    drop(config_.query_key_value_bias, {"attention.q", "attention.k", "attention.v"});
    drop(config_.attention_output_bias, {"attention.output"});
    drop(config_.feed_forward_bias, {"feed_forward.gate", "feed_forward.up", "feed_forward.down"});
  }

  absl::Status ReadHead() {
    if (!config_.tied_head) return absl::OkStatus();
    const TensorInfo embedding_info = TensorList(config_).front();
    ABSL_ASSIGN_OR_RETURN(const TensorSource source, recipe_.find_source(embedding_info, config_));
    const std::optional<size_t> embedding = finder_.Find(source.name);
    const std::optional<size_t> head = finder_.Find(HeadName(recipe_, config_));
    if (!embedding || !head || *embedding == *head) return absl::OkStatus();
    const SourceTensor& ours = checkpoint_.tensors()[*embedding];
    const SourceTensor& theirs = checkpoint_.tensors()[*head];
    if (ours.shape != std::vector<int64_t>{config_.vocab_size, config_.hidden_dim}) {
      return absl::OkStatus();  // which the plan refuses
    }
    if (ours.shape != theirs.shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          theirs.file, ": tensor \"", GivenName(theirs), "\": expected shape [",
          absl::StrJoin(ours.shape, ", "), "], as ", GivenName(ours), " has, to which ",
          checkpoint_.ConfigName(), " ties it, found [", absl::StrJoin(theirs.shape, ", "), "]"));
    }
    ABSL_ASSIGN_OR_RETURN(const bool equal, HaveEqualValues(*embedding, *head));
    if (equal) return absl::OkStatus();
    config_.tied_head = false;
    evidence_.notes.push_back(absl::StrCat(GivenName(theirs), " has other values than ",
                                           GivenName(ours), ", to which ", checkpoint_.ConfigName(),
                                           " ties it (tie_word_embeddings): used as it is"));
    return absl::OkStatus();
  }

  absl::StatusOr<bool> HaveEqualValues(size_t first, size_t second) const {
    const SourceTensor& tensor = checkpoint_.tensors()[first];
    const int64_t group = std::max<int64_t>(1, kMaxValues / config_.hidden_dim);
    for (int64_t row = 0; row < NumRows(tensor); row += group) {
      if (!keep_going_(GivenName(checkpoint_.tensors()[second]))) {
        return absl::CancelledError("the conversion was cancelled");
      }
      const int64_t count = std::min(group, NumRows(tensor) - row);
      ABSL_ASSIGN_OR_RETURN(const std::vector<float> a, checkpoint_.ReadRows(first, row, count));
      ABSL_ASSIGN_OR_RETURN(const std::vector<float> b, checkpoint_.ReadRows(second, row, count));
      if (a != b) return false;
    }
    return true;
  }

  const Checkpoint& checkpoint_;
  const Recipe& recipe_;
  ModelConfig& config_;
  absl::FunctionRef<bool(absl::string_view head)> keep_going_;
  TensorFinder finder_;
  TensorEvidence evidence_;
};

}  // namespace

absl::StatusOr<TensorEvidence> ReadTensorEvidence(
    const Checkpoint& checkpoint, const Recipe& recipe, ModelConfig& config,
    absl::FunctionRef<bool(absl::string_view head)> keep_going) {
  return EvidenceReader(checkpoint, recipe, config, keep_going).Read();
}

}  // namespace inkling
