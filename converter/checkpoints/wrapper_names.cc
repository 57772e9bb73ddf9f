// Lists of names: torch.compile, DistributedDataParallel, TRL and PEFT wrap; TRL, transformers and
// trainers of reward models add heads.

#include "converter/checkpoints/wrapper_names.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace inkling {
namespace {

constexpr absl::string_view kPrefixes[] = {"_orig_mod.", "module.", "pretrained_model.",
                                           "base_model.model."};

// What the first part of the name of a head for another task is, or has in it.
constexpr absl::string_view kHeads[] = {"v_head",     "q_head",      "rm_head",
                                        "value_head", "medusa_head", "ilql_heads"};
constexpr absl::string_view kHeadWords[] = {"score",  "classifier", "classification",
                                            "reward", "regression", "critic"};

constexpr absl::string_view kFactors[] = {".lora_A", ".lora_B", ".lora_embedding_A",
                                          ".lora_embedding_B", ".lora_magnitude_vector"};

// Wrappers around wrappers that are taken off; names of a hostile file may have any number.
constexpr int kMaxPrefixes = 8;

// The prefix that all names have but those of other heads; empty if there is none.
absl::string_view CommonPrefix(const std::vector<SourceTensor>& tensors) {
  for (const absl::string_view prefix : kPrefixes) {
    size_t with_prefix = 0;
    size_t without = 0;
    for (const SourceTensor& tensor : tensors) {
      if (absl::StartsWith(tensor.name, prefix)) {
        ++with_prefix;
      } else if (OtherHead(tensor.name).empty()) {
        ++without;
      }
    }
    if (with_prefix > 0 && without == 0) return prefix;
  }
  return {};
}

}  // namespace

absl::string_view OtherHead(absl::string_view name) {
  const size_t dot = name.find('.');
  if (dot == absl::string_view::npos) return {};
  const absl::string_view part = name.substr(0, dot);
  bool is_head = false;
  for (const absl::string_view head : kHeads) is_head = is_head || part == head;
  for (const absl::string_view word : kHeadWords) {
    is_head = is_head || absl::StrContains(part, word);
  }
  return is_head ? name.substr(0, dot + 1) : absl::string_view();
}

absl::StatusOr<std::string> TakeOffWrapperPrefixes(std::vector<SourceTensor>& tensors) {
  std::string all;
  for (int i = 0; i < kMaxPrefixes; ++i) {
    const absl::string_view prefix = CommonPrefix(tensors);
    if (prefix.empty()) break;
    absl::StrAppend(&all, prefix);
    for (SourceTensor& tensor : tensors) {
      if (!absl::StartsWith(tensor.name, prefix)) continue;
      if (tensor.name_in_file.empty()) tensor.name_in_file = tensor.name;
      tensor.name.erase(0, prefix.size());
    }
  }
  if (all.empty()) return all;
  absl::flat_hash_set<absl::string_view> names;
  for (const SourceTensor& tensor : tensors) {
    if (names.insert(tensor.name).second) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(tensor.file, ": tensor \"", GivenName(tensor), "\": there is another \"",
                     tensor.name, "\" once the prefix ", all, " is taken off: expected it once"));
  }
  return all;
}

absl::Status RefuseUnmergedAdapters(const Checkpoint& checkpoint) {
  for (const SourceTensor& tensor : checkpoint.tensors()) {
    for (const absl::string_view factor : kFactors) {
      if (!absl::StrContains(tensor.name, factor)) continue;
      return absl::UnimplementedError(
          absl::StrCat(tensor.file, ": tensor \"", GivenName(tensor),
                       "\": a factor of a LoRA adapter, which isn't merged here; merge it with "
                       "PEFT (merge_and_unload), save the model, and convert that"));
    }
  }
  return absl::OkStatus();
}

}  // namespace inkling
