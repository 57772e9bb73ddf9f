// What a library without structured output says about constraints.

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/output_constraint.h"

namespace inkling {
namespace {

absl::Status Missing() {
  return absl::UnimplementedError(
      "this library was built without structured output: the CMake option "
      "INKLING_STRUCTURED_OUTPUT is OFF");
}

}  // namespace

absl::StatusOr<std::shared_ptr<const OutputConstraint>> OutputConstraint::FromJsonSchema(
    const LlmModel&, absl::string_view, const JsonSchemaOptions&) {
  return Missing();
}

absl::StatusOr<std::shared_ptr<const OutputConstraint>> OutputConstraint::FromRegex(
    const LlmModel&, absl::string_view) {
  return Missing();
}

absl::StatusOr<std::shared_ptr<const OutputConstraint>> OutputConstraint::FromGrammar(
    const LlmModel&, absl::string_view) {
  return Missing();
}

}  // namespace inkling
