// The signal handler only calls LlmSession::Cancel, which stores to a lock-free atomic and nothing
// else.

#include "examples/programs/chat_console.h"

#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "examples/programs/line_reader.h"
#include "examples/programs/message_file.h"
#include "examples/programs/run_options.h"
#include "inkling/llm_session.h"

namespace inkling {
namespace {

constexpr const char* kHelp =
    "/reset   forget the conversation        /undo    forget the last message and its answer\n"
    "/stats   positions used and free        /quit    leave (or Ctrl-D)\n"
    "A line that ends with \\ goes on in the next; \"\"\" on a line of its own begins and ends a "
    "longer message.\n"
    "Ctrl-C stops an answer; before its first word, it takes the message back.\n";

std::atomic<LlmSession*> running_session{nullptr};

void CancelRunning(int) {
  if (LlmSession* session = running_session.load()) session->Cancel();
}

// Ctrl-C reaches `session` while this lives; before and after it does what it did.
class InterruptCancels {
 public:
  explicit InterruptCancels(LlmSession& session) {
    running_session = &session;
    struct sigaction action = {};
    action.sa_handler = CancelRunning;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before_);
  }
  ~InterruptCancels() {
    sigaction(SIGINT, &before_, nullptr);
    running_session = nullptr;
  }
  InterruptCancels(const InterruptCancels&) = delete;
  InterruptCancels& operator=(const InterruptCancels&) = delete;

 private:
  struct sigaction before_ = {};
};

const char* ReasonText(StopReason reason) {
  switch (reason) {
    case StopReason::kStopToken:
      return "the model was done";
    case StopReason::kStopString:
      return "a stop string came";
    case StopReason::kMaxNewTokens:
      return "as many tokens as asked";
    case StopReason::kContextFull:
      return "the context is full";
    case StopReason::kCancelled:
      return "stopped";
    case StopReason::kCallback:
      return "output closed";
    case StopReason::kConstraint:
      return "the text is complete";
  }
  return "unknown";
}

double PerSecond(double count, double seconds) { return seconds > 0 ? count / seconds : 0; }

void ShowStats(const GenerateResult& result) {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const std::string drafts =
      result.num_draft_model_tokens == 0
          ? ""
          : absl::StrFormat(" (%d of %d by the draft model)",
                            result.num_accepted_draft_model_tokens, result.num_draft_model_tokens);
  const double generated = static_cast<double>(result.tokens.size());
  std::fprintf(
      stderr,
      "[prompt %d tokens, %.1f tokens/s; first token after %.0f ms; generated %zu tokens, "
      "%.1f tokens/s; %d of %d draft tokens accepted%s; %s; seed %llu; peak memory %.0f MB]\n",
      result.num_prompt_tokens, PerSecond(result.num_prompt_tokens, result.prefill_seconds),
      1e3 * result.time_to_first_token_seconds, result.tokens.size(),
      PerSecond(generated, result.decode_seconds), result.num_accepted_tokens,
      result.num_draft_tokens, drafts.c_str(), ReasonText(result.stop_reason),
      static_cast<unsigned long long>(result.seed), static_cast<double>(usage.ru_maxrss) / 1024);
}

// What `generate` writes, as it is written.
absl::StatusOr<GenerateResult> Stream(
    LlmSession& session, const RunOptions& options,
    absl::FunctionRef<absl::StatusOr<GenerateResult>(TextCallback)> generate) {
  const InterruptCancels interrupt_cancels(session);
  const auto show = [](absl::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
           std::fflush(stdout) == 0;
  };
  absl::StatusOr<GenerateResult> result = generate(show);
  if (!result.ok()) return result.status();
  if (!result->text.empty() || result->tool_calls.empty()) std::fputc('\n', stdout);
  std::fputs(ToolCallLines(result->tool_calls).c_str(), stdout);
  std::fflush(stdout);
  if (options.stats) ShowStats(*result);
  return result;
}

}  // namespace

absl::StatusOr<GenerateResult> StreamAnswer(LlmSession& session, const std::string& message,
                                            const RunOptions& options) {
  return Stream(session, options, [&](TextCallback show) {
    return options.chat ? session.Chat(message, options.generate_options, show)
                        : session.Generate(message, options.generate_options, show);
  });
}

absl::StatusOr<GenerateResult> StreamAnswer(LlmSession& session,
                                            const std::vector<ChatMessage>& messages,
                                            const RunOptions& options) {
  return Stream(session, options, [&](TextCallback show) {
    return session.Chat(messages, options.chat_options, options.generate_options, show);
  });
}

ChatConsole::ChatConsole(LlmSession& session, const RunOptions& options, LineReader::Input input)
    : session_(session), options_(options), input_(input), reader_(input) {}

ChatConsole::Next ChatConsole::Obey(const std::string& command) {
  if (command == "/quit" || command == "/exit") return Next::kQuit;
  absl::Status status;
  if (command == "/help") {
    std::fputs(kHelp, stdout);
  } else if (command == "/reset") {
    status = session_.Reset();
    turn_starts_.clear();
    messages_.clear();
  } else if (command == "/undo") {
    if (turn_starts_.empty()) {
      std::fputs("There is nothing to undo.\n", stdout);
    } else {
      status = session_.Rewind(turn_starts_.back());
      turn_starts_.pop_back();
      while (!messages_.empty() && messages_.back().role != ChatRole::kUser) messages_.pop_back();
      if (!messages_.empty()) messages_.pop_back();
    }
  } else if (command == "/stats") {
    std::printf("%d positions used, %d free\n", session_.position(), session_.remaining_tokens());
  } else {
    std::printf("'%s' is not a command; /help lists them.\n", command.c_str());
  }
  if (!status.ok())
    std::fprintf(stderr, "inkling-run: %s\n", std::string(status.message()).c_str());
  return Next::kGoOn;
}

void ChatConsole::Answer(const std::string& message) {
  absl::StatusOr<GenerateResult> result = options_.chat_options.tools.empty()
                                              ? StreamAnswer(session_, message, options_)
                                              : AnswerWithTools(message);
  if (absl::IsCancelled(result.status())) {
    std::fputs("Stopped before the answer began; the message is taken back.\n", stderr);
    return;
  }
  if (!result.ok()) {
    std::fprintf(stderr, "inkling-run: %s\n", std::string(result.status().message()).c_str());
    if (absl::IsResourceExhausted(result.status()))
      std::fputs("/reset or /undo makes room.\n", stderr);
    return;
  }
  turn_starts_.push_back(result->begin_position);
  if (result->stop_reason == StopReason::kContextFull) {
    std::fputs("The context is full; /reset or /undo makes room.\n", stderr);
  }
}

// Asks the person for what the functions return, as long as the model calls some.
absl::StatusOr<GenerateResult> ChatConsole::AnswerWithTools(const std::string& message) {
  const size_t num_messages = messages_.size();
  const int32_t begin = session_.position();
  messages_.push_back({.role = ChatRole::kUser, .text = message});
  absl::StatusOr<GenerateResult> result = StreamAnswer(session_, messages_, options_);
  while (result.ok()) {
    messages_.push_back(
        {.role = ChatRole::kAssistant, .text = result->text, .tool_calls = result->tool_calls});
    result->begin_position = begin;
    if (result->tool_calls.empty()) return result;
    for (const ToolCall& call : result->tool_calls) {
      if (input_ == LineReader::Input::kTerminal)
        std::printf("What does %s return?\n", call.name.c_str());
      const std::optional<std::string> answer = reader_.ReadMessage();
      messages_.push_back({.role = ChatRole::kTool,
                           .text = answer.value_or(""),
                           .tool_name = call.name,
                           .tool_call_id = call.id});
    }
    result = StreamAnswer(session_, messages_, options_);
  }
  messages_.resize(num_messages);
  return result;
}

void ChatConsole::Run() {
  // At the prompt Ctrl-C must not end the program; libedit gives an empty line then.
  std::signal(SIGINT, SIG_IGN);
  if (input_ == LineReader::Input::kTerminal) std::fputs("Type a message, or /help.\n", stdout);
  while (std::optional<std::string> message = reader_.ReadMessage()) {
    if (message->empty()) continue;
    if (message->front() == '/') {
      if (Obey(*message) == Next::kQuit) break;
    } else {
      Answer(*message);
    }
  }
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace inkling
