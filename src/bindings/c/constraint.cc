// Constraints of the C API.

#include "inkling/c/constraint.h"

#include <cstddef>

#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "inkling/output_constraint.h"
#include "src/bindings/c/handles.h"
#include "src/bindings/c/option_reading.h"

using inkling::JsonSchemaOptions;
using inkling::JsonSpacing;
using inkling::OutputConstraint;
using inkling::c_api::Give;
using inkling::c_api::View;

namespace {

inkling_json_schema_options DefaultJsonSchemaOptions() {
  inkling_json_schema_options options = {};
  options.spacing = static_cast<int32_t>(JsonSchemaOptions().spacing);
  return options;
}

absl::StatusOr<JsonSchemaOptions> JsonSchemaOptionsOf(const inkling_json_schema_options* given) {
  ABSL_ASSIGN_OR_RETURN(const inkling_json_schema_options read,
                        inkling::c_api::ReadOptions(DefaultJsonSchemaOptions(), given,
                                                    "inkling_json_schema_options"));
  ABSL_RETURN_IF_ERROR(
      inkling::c_api::CheckEnum(read.spacing, INKLING_JSON_SPACING_FREE, "spacing"));
  return JsonSchemaOptions{.spacing = static_cast<JsonSpacing>(read.spacing)};
}

}  // namespace

void inkling_json_schema_options_init(inkling_json_schema_options* options, size_t struct_size) {
  inkling::c_api::InitOptions(DefaultJsonSchemaOptions(), options, struct_size);
}

inkling_status* inkling_constraint_from_json_schema(const inkling_model* model,
                                                    inkling_string schema,
                                                    const inkling_json_schema_options* options,
                                                    inkling_constraint** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  const absl::StatusOr<JsonSchemaOptions> read = JsonSchemaOptionsOf(options);
  if (!read.ok()) return inkling::c_api::ToC(read.status());
  return Give(OutputConstraint::FromJsonSchema(*model->model, View(schema), *read), out);
}

inkling_status* inkling_constraint_from_regex(const inkling_model* model, inkling_string regex,
                                              inkling_constraint** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  return Give(OutputConstraint::FromRegex(*model->model, View(regex)), out);
}

inkling_status* inkling_constraint_from_grammar(const inkling_model* model, inkling_string grammar,
                                                inkling_constraint** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  return Give(OutputConstraint::FromGrammar(*model->model, View(grammar)), out);
}

void inkling_constraint_release(inkling_constraint* constraint) { delete constraint; }
