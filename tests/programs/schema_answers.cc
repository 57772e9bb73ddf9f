// Answers of a model under JSON Schemas, for tests in Python.
//
//   schema_answers MODEL < LINES
//
// Lines: "SEED SPACING ANSWERS SCHEMA". For each, a line "refused MESSAGE", or for each answer
// "answer TRIES TEXT", "cut TRIES TEXT" if the longest length cut it off at every try, each with a
// seed of its own, or "failed TRIES MESSAGE"; line ends in texts are written as blanks.

#include <cstdint>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "inkling/output_constraint.h"

namespace inkling {
namespace {

constexpr int32_t kMostTokens = 300;
constexpr int kMostTries = 4;  // for each answer

void Say(absl::string_view what, absl::string_view text) {
  std::cout << what << " " << absl::StrReplaceAll(text, {{"\n", " "}}) << "\n";
}

// False if the answer was cut off and another try is wanted.
bool Answer(const std::shared_ptr<const LlmModel>& model,
            const std::shared_ptr<const OutputConstraint>& constraint, uint64_t seed, int tries) {
  const std::string number = std::to_string(tries) + " ";
  absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Create(model);
  if (!session.ok()) {
    Say("failed", number + session.status().ToString());
    return true;
  }
  GenerateOptions options;
  options.sampling.temperature = 1;
  options.sampling.seed = seed;
  options.max_new_tokens = kMostTokens;
  options.constraint = constraint;
  const absl::StatusOr<GenerateResult> result = (*session)->Generate("Once upon a time", options);
  if (!result.ok()) {
    Say("failed", number + result.status().ToString());
    return true;
  }
  const bool is_whole = result->stop_reason == StopReason::kConstraint ||
                        result->stop_reason == StopReason::kStopToken;
  if (!is_whole && tries < kMostTries) return false;
  Say(is_whole ? "answer" : "cut", number + result->text);
  return true;
}

int Run(const char* path) {
  ModelOptions one_thread;
  one_thread.num_threads = 1;  // of so small a model, more would wait for each other
  const absl::StatusOr<std::shared_ptr<const LlmModel>> model = LlmModel::Open(path, one_thread);
  if (!model.ok()) {
    std::cerr << "schema_answers: " << model.status() << "\n";
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream fields(line);
    uint64_t seed = 0;
    int spacing = 0;
    int answers = 0;
    std::string schema;
    fields >> seed >> spacing >> answers;
    std::getline(fields >> std::ws, schema);
    JsonSchemaOptions options;
    options.spacing = static_cast<JsonSpacing>(spacing);
    const auto constraint = OutputConstraint::FromJsonSchema(**model, schema, options);
    if (!constraint.ok()) {
      Say("refused", constraint.status().ToString());
      continue;
    }
    for (int i = 0; i < answers; ++i) {
      for (int tries = 1; !Answer(*model, *constraint, seed++, tries);) ++tries;
    }
  }
  return 0;
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: schema_answers MODEL < LINES\n";
    return 2;
  }
  return inkling::Run(argv[1]);
}
