// Every field is looked at: one that isn't known would be a part of the conversation that gets
// lost.

#include "examples/programs/message_file.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "examples/programs/text_file.h"
#include "inkling/llm_message.h"
#include "nlohmann/json.hpp"

namespace inkling {
namespace {

using nlohmann::json;

absl::StatusOr<ChatMessage> ReadMessage(const json& value) {
  if (!value.is_object() || value.size() != 2 || !value.contains("role") ||
      !value.contains("content") || !value["role"].is_string() || !value["content"].is_string()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected {\"role\": ..., \"content\": TEXT}, found ", value.dump()));
  }
  ChatMessage message;
  message.text = value["content"].get<std::string>();
  const std::string role = value["role"].get<std::string>();
  if (role == "system") {
    message.role = ChatRole::kSystem;
  } else if (role == "user") {
    message.role = ChatRole::kUser;
  } else if (role == "assistant") {
    message.role = ChatRole::kAssistant;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("role: expected system, user or assistant, found \"", role, "\""));
  }
  return message;
}

}  // namespace

absl::StatusOr<std::vector<ChatMessage>> ReadMessageFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadTextFile(path);
  if (!text.ok()) return text.status();
  const json list = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array())
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a JSON list of messages"));
  std::vector<ChatMessage> messages;
  for (size_t i = 0; i < list.size(); ++i) {
    absl::StatusOr<ChatMessage> message = ReadMessage(list[i]);
    if (!message.ok()) {
      return absl::Status(message.status().code(),
                          absl::StrCat(path, ": message ", i, ": ", message.status().message()));
    }
    messages.push_back(*std::move(message));
  }
  return messages;
}

}  // namespace inkling
