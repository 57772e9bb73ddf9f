// ChatConsole: inkling-run's conversation on a terminal (or a pipe): reads messages, streams
// answers, obeys commands.
//
// Ctrl-C stops the answer, not the program; before the answer's first token it takes the message
// back; at the prompt it does nothing. Ctrl-D or /quit ends the conversation.

#ifndef INKLING_EXAMPLES_PROGRAMS_CHAT_CONSOLE_H_
#define INKLING_EXAMPLES_PROGRAMS_CHAT_CONSOLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "examples/programs/line_reader.h"
#include "examples/programs/run_options.h"
#include "inkling/llm_message.h"
#include "inkling/llm_session.h"

namespace inkling {

// Streams one answer to standard output and, if asked, one line of figures to standard error.
// Ctrl-C cancels it. Errors: the session's, Cancelled before the answer's first token among them.
absl::StatusOr<GenerateResult> StreamAnswer(LlmSession& session, const std::string& message,
                                            const RunOptions& options);

// The same for a whole conversation.
absl::StatusOr<GenerateResult> StreamAnswer(LlmSession& session,
                                            const std::vector<ChatMessage>& messages,
                                            const RunOptions& options);

class ChatConsole {
 public:
  ChatConsole(LlmSession& session, const RunOptions& options, LineReader::Input input);

  // Talks until the input ends. Errors of single turns are shown and the conversation goes on.
  void Run();

 private:
  enum class Next { kGoOn, kQuit };
  Next Obey(const std::string& command);
  void Answer(const std::string& message);
  absl::StatusOr<GenerateResult> AnswerWithTools(const std::string& message);

  LlmSession& session_;
  const RunOptions& options_;
  LineReader::Input input_;
  LineReader reader_;
  std::vector<ChatMessage> messages_;  // the conversation, where tools are given
  std::vector<int32_t> turn_starts_;   // position before each message, for /undo
};

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_CHAT_CONSOLE_H_
