// LineReader: reads what a person types, with editing and history on a terminal, and messages of
// several lines.
//
// A line that ends with a backslash goes on in the next one; everything between two lines of three
// double quotes (""") is one message. On a terminal, editing comes from libedit where the build
// found it.

#ifndef INKLING_EXAMPLES_PROGRAMS_LINE_READER_H_
#define INKLING_EXAMPLES_PROGRAMS_LINE_READER_H_

#include <optional>
#include <string>

namespace inkling {

class LineReader {
 public:
  // `interactive`: standard input is a terminal, so prompts are shown.
  enum class Input { kTerminal, kPipe };
  explicit LineReader(Input input) : input_(input) {}

  // The next message without its line end; nothing at the end of input. An interrupted line is an
  // empty message.
  std::optional<std::string> ReadMessage();

 private:
  std::optional<std::string> ReadLine(const char* prompt);
  std::optional<std::string> ReadQuotedBlock();

  Input input_;
};

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_LINE_READER_H_
