// Conversations as apps keep them: messages, and how an answer is asked for (LlmSession::Chat with
// a list of messages).

#ifndef INKLING_LLM_MESSAGE_H_
#define INKLING_LLM_MESSAGE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace inkling {

// Who speaks.
enum class ChatRole : uint8_t {
  kSystem = 0,     // an instruction; at most one, and the first message
  kUser = 1,       // a person
  kAssistant = 2,  // the model
};

// One message of a conversation.
struct ChatMessage {
  ChatRole role = ChatRole::kUser;  // who says it
  // UTF-8. Special tokens in it are ordinary text.
  std::string text;
};

// How an answer to a list of messages is asked for.
struct ChatOptions {
  // What the answer begins with, without the model's doing. It becomes a part of the session, and
  // of the message that the app adds to its list, but not of GenerateResult::text.
  std::string assistant_prefix = {};
};

// A list of messages as the model reads it (LlmSession::RenderPrompt).
struct RenderedPrompt {
  std::string text;               // with the template's special tokens written out
  std::vector<int32_t> tokens;    // what the session would have in front of the answer
  int32_t num_reused_tokens = 0;  // how many of them it has computed already
};

}  // namespace inkling

#endif  // INKLING_LLM_MESSAGE_H_
