// An app that links an installed Inkling: opens the model named on the command line and streams a
// few words.
//
// Built by run_consumer.cmake against an install tree, as C++17, and run with the repository's own
// model. It also checks that a missing file is a Status and not the end of the process, and that a
// status, when it is printed, names no folder of the machine that built the library.

#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: consumer MODEL\n";
    return 2;
  }
  const absl::Status missing = inkling::LlmModel::Open("no/such/model.tflite").status();
  if (missing.code() != absl::StatusCode::kNotFound) {
    std::cerr << "a missing model isn't NotFound\n";
    return 1;
  }
  std::ostringstream printed;
  printed << missing;
  for (const std::string before : {" ", "\n", "\t", "'", "\"", "("}) {
    if (printed.str().find(before + "/") != std::string::npos) {
      std::cerr << "a status names a folder: " << printed.str() << "\n";
      return 1;
    }
  }
  absl::StatusOr<std::shared_ptr<const inkling::LlmModel>> model =
      inkling::LlmModel::Open(argv[1], {/*num_threads=*/2});
  if (!model.ok()) {
    std::cerr << model.status() << "\n";
    return 1;
  }
  absl::StatusOr<std::unique_ptr<inkling::LlmSession>> session =
      inkling::LlmSession::Create(*model);
  if (!session.ok()) {
    std::cerr << session.status() << "\n";
    return 1;
  }
  inkling::GenerateOptions options;
  options.max_new_tokens = 12;
  options.ignore_model_stop_tokens = true;
  std::string streamed;
  absl::StatusOr<inkling::GenerateResult> result =
      (*session)->Generate("Once upon a time", options, [&](absl::string_view text) {
        streamed.append(text.data(), text.size());
        return true;
      });
  if (!result.ok()) {
    std::cerr << result.status() << "\n";
    return 1;
  }
  if (result->tokens.size() != 12 || streamed.empty() || streamed != result->text) {
    std::cerr << "streamed '" << streamed << "', result '" << result->text << "' ("
              << result->tokens.size() << " tokens)\n";
    return 1;
  }
  std::cout << "consumer streamed:" << streamed << "\n";
  return 0;
}
