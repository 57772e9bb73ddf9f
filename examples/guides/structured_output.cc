// Answers of a given form: JSON of a schema, a regular expression, a grammar
// (structured_output.md).
//
// usage: guide_structured_output MODEL.tflite

#include <iostream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "inkling/output_constraint.h"

namespace {

absl::Status JsonOut(const inkling::LlmModel& model, inkling::LlmSession& session) {
  // [snippet compile]
  auto constraint = inkling::OutputConstraint::FromJsonSchema(model, R"({
    "type": "object",
    "properties": {
      "animal": {"enum": ["dog", "cat", "bird"]},
      "name": {"type": "string", "minLength": 2, "maxLength": 10},
      "age": {"type": "integer", "minimum": 0, "maximum": 30}
    },
    "required": ["animal", "name", "age"],
    "additionalProperties": false
  })");
  if (!constraint.ok()) return constraint.status();
  // [/snippet]
  // [snippet generate]
  inkling::GenerateOptions options;
  options.constraint = *constraint;
  auto result = session.Chat("Tell me about your pet, as JSON.", options);
  if (!result.ok()) return result.status();
  if (result->stop_reason != inkling::StopReason::kConstraint &&
      result->stop_reason != inkling::StopReason::kStopToken) {
    return absl::OutOfRangeError("the answer was cut off, so it is no JSON");
  }
  std::cout << "json: " << result->text << "\n";
  // [/snippet]
  return absl::OkStatus();
}

absl::Status OtherForms(const inkling::LlmModel& model, inkling::LlmSession& session) {
  inkling::GenerateOptions options;
  // [snippet regex]
  auto grade = inkling::OutputConstraint::FromRegex(model, "(very )?(good|bad)|so-so");
  if (!grade.ok()) return grade.status();
  options.constraint = *grade;
  // [/snippet]
  auto rated = session.Chat("How was the film?", options);
  if (!rated.ok()) return rated.status();
  std::cout << "regex: " << rated->text << "\n";
  // [snippet grammar]
  auto list = inkling::OutputConstraint::FromGrammar(model, R"(
    root ::= item ("\n" item){1,3}      # two to four lines
    item ::= "- " [a-z]{2,12}
  )");
  if (!list.ok()) return list.status();
  options.constraint = *list;
  // [/snippet]
  auto items = session.Chat("What is in the box?", options);
  if (!items.ok()) return items.status();
  std::cout << "grammar:\n" << items->text << "\n";
  return absl::OkStatus();
}

absl::Status WrongForm(const inkling::LlmModel& model) {
  // [snippet refused]
  auto refused = inkling::OutputConstraint::FromJsonSchema(
      model, R"({"type": "object", "properties": {"a": {"not": {"type": "null"}}}})");
  std::cout << "refused: " << refused.status().message() << "\n";  // names "not", and where it is
  // [/snippet]
  return absl::OkStatus();
}

absl::Status Run(const std::string& path) {
  auto model = inkling::LlmModel::Open(path);
  if (!model.ok()) return model.status();
  auto session = inkling::LlmSession::Create(*model);
  if (!session.ok()) return session.status();
  absl::Status status = JsonOut(**model, **session);
  if (status.ok()) status = OtherForms(**model, **session);
  if (status.ok()) status = WrongForm(**model);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: guide_structured_output MODEL.tflite\n", 2;
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
