// --json-schema, --regex, --grammar: what a program's answers must look like.

#ifndef INKLING_EXAMPLES_PROGRAMS_CONSTRAINT_FLAGS_H_
#define INKLING_EXAMPLES_PROGRAMS_CONSTRAINT_FLAGS_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "inkling/llm_model.h"
#include "inkling/output_constraint.h"

namespace inkling {

struct ConstraintFlags {
  std::string json_schema;  // file
  std::string regex;
  std::string grammar;  // file

  void AddTo(CLI::App& app);

  // What the flags ask for; null if none is given. Errors: NotFound for a file; those of
  // OutputConstraint, with the file's name.
  absl::StatusOr<std::shared_ptr<const OutputConstraint>> Compile(const LlmModel& model) const;

 private:
  CLI::Option* regex_option_ = nullptr;
};

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_CONSTRAINT_FLAGS_H_
