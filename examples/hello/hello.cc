#include <iostream>

#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: hello MODEL.tflite\n", 2;
  auto model = inkling::LlmModel::Open(argv[1]);
  if (!model.ok()) return std::cerr << model.status() << "\n", 1;
  auto session = inkling::LlmSession::Create(*model);
  if (!session.ok()) return std::cerr << session.status() << "\n", 1;
  auto result = (*session)->Generate("Once upon a time", {}, [](absl::string_view text) {
    std::cout << text << std::flush;
    return true;  // false stops
  });
  if (!result.ok()) return std::cerr << result.status() << "\n", 1;
  std::cout << "\n[" << result->tokens.size() << " tokens]\n";
  return 0;
}
