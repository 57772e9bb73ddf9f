// Which element type each tensor of a model file gets, from the caller's wishes and the shapes.

#ifndef INKLING_CONVERTER_PLAN_TYPE_CHOICE_H_
#define INKLING_CONVERTER_PLAN_TYPE_CHOICE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "converter/plan/convert_options.h"
#include "src/format/element_type.h"
#include "src/format/tensor_list.h"

namespace inkling {

// The types of the two vocabulary matrices, wishes and defaults resolved.
struct VocabularyTypes {
  TensorType embedding;
  TensorType head;

  // True for a checkpoint with a tied head whose two uses are to have different types.
  bool split_tied_head = false;

  // True if no option says anything of the embedding (of the shared matrix, where the head is
  // tied).
  bool embedding_is_open = false;
};
VocabularyTypes ChooseVocabularyTypes(const ConvertOptions& options, const ModelConfig& config);

// How the checkpoint holds one of the tensors.
struct SourceForm {
  std::optional<TensorType> kept;  // the type that it gets where the options leave it open
  bool exact = false;              // its values and scales are those of `kept`
  std::string dtype;               // as the checkpoint spells it
};

struct TypeChoice {
  std::vector<TensorType> types;       // one for each tensor
  std::vector<std::string> fallbacks;  // a line for each kind of tensor that got another type
  std::vector<std::string> notes;      // what became of tensors that were quantised before
};

// Norms and biases are f32. A matrix for which the options say nothing gets the type that its form
// keeps, if it has one (`forms` has one entry for each of `tensors`). A matrix whose columns the
// wished type can't hold becomes int8 per channel, which takes any shape.
TypeChoice ChooseTypes(absl::Span<const TensorInfo> tensors, absl::Span<const SourceForm> forms,
                       const ConvertOptions& options, const VocabularyTypes& vocabulary);

// What `options` say of the linear layers' weights, for people: "int4/32", "as stored".
std::string WeightsWish(const ConvertOptions& options, absl::Span<const SourceForm> forms);

// What tensors of the same purpose in different layers are called together: "attention.q",
// "embedding", "norms", "biases".
std::string TensorKind(const TensorInfo& info);

}  // namespace inkling

#endif  // INKLING_CONVERTER_PLAN_TYPE_CHOICE_H_
