// Defaults: the vocabulary matrices stay at 8 bits when the rest has 4, because every token passes
// through them and the loss of 4 bits there is the largest of all.

#include "converter/type_choice.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace inkling {
namespace {

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kF32 = {ElementType::kF32, 0};

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

}  // namespace

VocabularyTypes ChooseVocabularyTypes(const ConvertOptions& options, const ModelConfig& config) {
  const TensorType default_type = DefaultVocabularyType(options.weights);
  if (!config.tied_head) {
    return {options.embedding.value_or(default_type), options.head.value_or(default_type)};
  }
  const TensorType shared = options.embedding.value_or(options.head.value_or(default_type));
  const TensorType head = options.head.value_or(shared);
  return {shared, head, /*split_tied_head=*/!(head == shared)};
}

TypeChoice ChooseTypes(absl::Span<const TensorInfo> tensors, TensorType weights,
                       const VocabularyTypes& vocabulary) {
  TypeChoice choice;
  std::set<std::string> reported;
  for (const TensorInfo& info : tensors) {
    const TensorType wished = WishedType(info.role, weights, vocabulary);
    if (TypeFits(wished, info.columns)) {
      choice.types.push_back(wished);
      continue;
    }
    choice.types.push_back(kInt8);
    const std::string kind = TensorKind(info);
    if (!reported.insert(kind).second) continue;
    choice.fallbacks.push_back(absl::StrCat(kind, " [", info.rows, ", ", info.columns,
                                            "]: ", info.columns, " columns don't divide into ",
                                            TensorTypeName(wished), "; stored as int8"));
  }
  return choice;
}

std::string TensorKind(const TensorInfo& info) {
  if (info.role == TensorRole::kNorm) return "norms";
  if (info.role == TensorRole::kBias) return "biases";
  absl::string_view name = absl::StripSuffix(info.name, ".weight");
  if (info.layer >= 0) name = absl::StripPrefix(name, absl::StrCat("layers.", info.layer, "."));
  return std::string(name);
}

}  // namespace inkling
