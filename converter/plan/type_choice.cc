// Defaults: the vocabulary matrices stay at 8 bits when the rest has 4, because every token passes
// through them and the loss of 4 bits there is the largest of all.

#include "converter/plan/type_choice.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace inkling {
namespace {

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kF32 = {ElementType::kF32, 0};
constexpr TensorType kDefaultWeights = {ElementType::kInt4Block, 32};

TensorType DefaultVocabularyType(TensorType weights) {
  switch (weights.element) {
    case ElementType::kInt8Channel:
    case ElementType::kInt4Channel:
    case ElementType::kInt4Block:
      return kInt8;
    case ElementType::kF32:
    case ElementType::kF16:
    case ElementType::kBf16:
      break;
  }
  return weights;
}

TensorType WishedType(TensorRole role, TensorType weights, const VocabularyTypes& vocabulary) {
  switch (role) {
    case TensorRole::kEmbedding:
      return vocabulary.embedding;
    case TensorRole::kHead:
      return vocabulary.head;
    case TensorRole::kLinear:
      return weights;
    case TensorRole::kBias:
    case TensorRole::kNorm:
      break;
  }
  return kF32;
}

// Whether the options leave the type of such a tensor open.
bool IsOpen(TensorRole role, const ConvertOptions& options, const VocabularyTypes& vocabulary) {
  if (options.weights.has_value() || vocabulary.split_tied_head) return false;
  switch (role) {
    case TensorRole::kEmbedding:
      return vocabulary.embedding_is_open;
    case TensorRole::kHead:
      return !options.head.has_value();
    case TensorRole::kLinear:
      return true;
    case TensorRole::kBias:
    case TensorRole::kNorm:
      break;
  }
  return false;
}

// A line for each thing that happened to tensors that were quantised before, with their kinds.
class StoredNotes {
 public:
  void Add(const TensorInfo& info, const SourceForm& form, TensorType type) {
    if (!form.kept.has_value() || !IsQuantized(form.kept->element)) return;
    const absl::string_view name = TensorTypeName(type);
    const absl::string_view from = form.exact ? TensorTypeName(*form.kept) : form.dtype;
    kinds_[form.exact && *form.kept == type
               ? absl::StrCat("values and scales taken as they are, ", name)
               : absl::StrCat("rounded a second time, from ", from, " to ", name)]
        .insert(TensorKind(info));
  }

  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    lines.reserve(kinds_.size());
    for (const auto& [what, kinds] : kinds_) {
      lines.push_back(absl::StrCat(what, ": ", absl::StrJoin(kinds, ", ")));
    }
    return lines;
  }

 private:
  std::map<std::string, std::set<std::string>> kinds_;
};

}  // namespace

VocabularyTypes ChooseVocabularyTypes(const ConvertOptions& options, const ModelConfig& config) {
  const TensorType default_type = DefaultVocabularyType(options.weights.value_or(kDefaultWeights));
  VocabularyTypes types;
  if (config.tied_head) {
    types.embedding = options.embedding.value_or(options.head.value_or(default_type));
    types.head = options.head.value_or(types.embedding);
    types.split_tied_head = !(types.head == types.embedding);
    types.embedding_is_open = !options.embedding.has_value() && !options.head.has_value();
  } else {
    types.embedding = options.embedding.value_or(default_type);
    types.head = options.head.value_or(default_type);
    types.embedding_is_open = !options.embedding.has_value();
  }
  return types;
}

TypeChoice ChooseTypes(absl::Span<const TensorInfo> tensors, absl::Span<const SourceForm> forms,
                       const ConvertOptions& options, const VocabularyTypes& vocabulary) {
  const TensorType weights = options.weights.value_or(kDefaultWeights);
  TypeChoice choice;
  StoredNotes notes;
  std::set<std::string> reported;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo& info = tensors[i];
    TensorType wished = WishedType(info.role, weights, vocabulary);
    if (forms[i].kept.has_value() && IsOpen(info.role, options, vocabulary)) {
      wished = *forms[i].kept;
    }
    const bool fits = TypeFits(wished, info.columns);
    choice.types.push_back(fits ? wished : kInt8);
    notes.Add(info, forms[i], choice.types.back());
    const std::string kind = TensorKind(info);
    if (fits || !reported.insert(kind).second) continue;
    choice.fallbacks.push_back(absl::StrCat(kind, " [", info.rows, ", ", info.columns,
                                            "]: ", info.columns, " columns don't divide into ",
                                            TensorTypeName(wished), "; stored as int8"));
  }
  choice.notes = notes.Lines();
  return choice;
}

std::string WeightsWish(const ConvertOptions& options, absl::Span<const SourceForm> forms) {
  const bool any_kept = std::any_of(forms.begin(), forms.end(),
                                    [](const SourceForm& form) { return form.kept.has_value(); });
  if (!options.weights.has_value() && any_kept) return "as stored";
  return std::string(TensorTypeName(options.weights.value_or(kDefaultWeights)));
}

std::string TensorKind(const TensorInfo& info) {
  if (info.role == TensorRole::kNorm) return "norms";
  if (info.role == TensorRole::kBias) return "biases";
  absl::string_view name = absl::StripSuffix(info.name, ".weight");
  if (info.layer >= 0) name = absl::StripPrefix(name, absl::StrCat("layers.", info.layer, "."));
  return std::string(name);
}

}  // namespace inkling
