// At most one of the flags is given, which the command line sees to.

#include "examples/programs/constraint_flags.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "examples/programs/text_file.h"
#include "inkling/llm_model.h"
#include "inkling/output_constraint.h"

namespace inkling {
namespace {

using Constraint = std::shared_ptr<const OutputConstraint>;

// What `compile` makes of a file's text, with the file's name in its errors.
template <typename Function>
absl::StatusOr<Constraint> CompileFile(const std::string& path, Function compile) {
  const absl::StatusOr<std::string> text = ReadTextFile(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<Constraint> made = compile(*text);
  if (made.ok()) return made;
  return absl::Status(made.status().code(), absl::StrCat(path, ": ", made.status().message()));
}

}  // namespace

void ConstraintFlags::AddTo(CLI::App& app) {
  CLI::Option* const schema = app.add_option(
      "--json-schema", json_schema, "Answers are JSON that the JSON Schema in this file describes");
  regex_option_ = app.add_option("--regex", regex,
                                 "Answers are what this regular expression matches as a whole")
                      ->excludes(schema);
  app.add_option("--grammar", grammar,
                 "Answers are what the grammar in this file (EBNF, rule root) describes")
      ->excludes(schema)
      ->excludes(regex_option_);
}

absl::StatusOr<Constraint> ConstraintFlags::Compile(const LlmModel& model) const {
  if (!json_schema.empty()) {
    return CompileFile(json_schema, [&](absl::string_view text) {
      return OutputConstraint::FromJsonSchema(model, text);
    });
  }
  if (!grammar.empty()) {
    return CompileFile(grammar, [&](absl::string_view text) {
      return OutputConstraint::FromGrammar(model, text);
    });
  }
  if (regex_option_ == nullptr || regex_option_->count() == 0) return Constraint();
  absl::StatusOr<Constraint> made = OutputConstraint::FromRegex(model, regex);
  if (made.ok()) return made;
  return absl::Status(made.status().code(), absl::StrCat("--regex: ", made.status().message()));
}

}  // namespace inkling
