// libedit is used through its readline interface; without it, or on a pipe, lines come from
// std::getline.

#include "examples/programs/line_reader.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#if defined(INKLING_HAS_LIBEDIT)
#include <editline/readline.h>
#endif

namespace inkling {
namespace {

constexpr const char* kFirstPrompt = "> ";
constexpr const char* kNextPrompt = ". ";
constexpr const char* kBlockQuote = "\"\"\"";

}  // namespace

std::optional<std::string> LineReader::ReadLine(const char* prompt) {
#if defined(INKLING_HAS_LIBEDIT)
  if (input_ == Input::kTerminal) {
    const std::unique_ptr<char, decltype(&std::free)> line(readline(prompt), &std::free);
    if (line == nullptr) return std::nullopt;
    if (*line != '\0') add_history(line.get());
    return std::string(line.get());
  }
#endif
  if (input_ == Input::kTerminal) std::cout << prompt << std::flush;
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

std::optional<std::string> LineReader::ReadQuotedBlock() {
  std::string block;
  while (true) {
    const std::optional<std::string> line = ReadLine(kNextPrompt);
    if (!line.has_value() || *line == kBlockQuote) return block;
    if (!block.empty()) block += '\n';
    block += *line;
  }
}

std::optional<std::string> LineReader::ReadMessage() {
  std::optional<std::string> line = ReadLine(kFirstPrompt);
  if (!line.has_value()) return std::nullopt;
  if (*line == kBlockQuote) return ReadQuotedBlock();
  std::string message = *line;
  while (!message.empty() && message.back() == '\\') {
    message.back() = '\n';
    line = ReadLine(kNextPrompt);
    if (!line.has_value()) break;
    message += *line;
  }
  return message;
}

}  // namespace inkling
