// Chat turn by turn, chat with a list of messages, and keeping a list within a budget of tokens
// (chat.md).
//
// usage: guide_chat MODEL.tflite

#include <cstddef>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace {

// [snippet turns]
absl::Status ChatTurnByTurn(std::shared_ptr<const inkling::LlmModel> model) {
  auto session = inkling::LlmSession::Create(std::move(model));
  if (!session.ok()) return session.status();
  for (absl::string_view question : {"Hello!", "What is two plus two?"}) {
    auto answer = (*session)->Chat(question);
    if (!answer.ok()) return answer.status();
    std::cout << "user: " << question << "\nmodel: " << answer->text << "\n";
  }
  return absl::OkStatus();
}
// [/snippet]

// [snippet budget]
// Drops the oldest question and its answer until the prompt has at most `budget` tokens.
absl::Status KeepWithin(size_t budget, const inkling::LlmSession& session,
                        std::vector<inkling::ChatMessage>& messages) {
  while (true) {
    auto prompt = session.RenderPrompt(messages);
    if (!prompt.ok()) return prompt.status();
    if (prompt->tokens.size() <= budget) return absl::OkStatus();
    if (messages.size() < 3) return absl::ResourceExhaustedError("the question is too long");
    messages.erase(messages.begin(), messages.begin() + 2);
  }
}
// [/snippet]

// [snippet messages]
absl::Status ChatWithMessages(std::shared_ptr<const inkling::LlmModel> model) {
  auto session = inkling::LlmSession::Create(std::move(model));
  if (!session.ok()) return session.status();
  std::vector<inkling::ChatMessage> messages;
  for (const char* question : {"Hello!", "What do bees make?", "What is two plus two?"}) {
    messages.push_back({inkling::ChatRole::kUser, question});
    absl::Status fits = KeepWithin(200, **session, messages);
    if (!fits.ok()) return fits;
    auto answer = (*session)->Chat(messages);
    if (!answer.ok()) return answer.status();
    std::cout << answer->num_reused_tokens << " tokens reused, " << answer->num_prompt_tokens
              << " computed: " << answer->text << "\n";
    messages.push_back({inkling::ChatRole::kAssistant, answer->text});
  }
  return absl::OkStatus();
}
// [/snippet]

absl::Status Run(const std::string& path) {
  // [snippet open]
  auto model = inkling::LlmModel::Open(path);
  if (!model.ok()) return model.status();
  // [/snippet]
  absl::Status status = ChatTurnByTurn(*model);
  if (status.ok()) status = ChatWithMessages(*model);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: guide_chat MODEL.tflite\n", 2;
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
