// Requests of OpenAI's API as Inkling's options.

#ifndef INKLING_EXAMPLES_SERVE_REQUESTS_H_
#define INKLING_EXAMPLES_SERVE_REQUESTS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "inkling/llm_message.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {

// What both kinds of generation have in common.
struct GenerationRequest {
  std::string model;
  GenerateOptions options;
  bool stream = false;
  bool include_usage = false;  // of a stream: one more chunk at its end
};

// POST /v1/chat/completions.
struct ChatRequest {
  GenerationRequest generation;
  std::vector<ChatMessage> messages;
  ChatOptions chat;
};

// POST /v1/completions.
struct CompletionRequest {
  GenerationRequest generation;
  std::vector<std::string> prompts;
  bool echo = false;
};

// POST /v1/embeddings.
struct EmbeddingRequest {
  std::string model;
  std::vector<std::string> texts;
  bool base64 = false;
};

// Errors: InvalidArgument that names the field.
absl::StatusOr<ChatRequest> ReadChatRequest(const nlohmann::ordered_json& json,
                                            const LlmModel& model);
absl::StatusOr<CompletionRequest> ReadCompletionRequest(const nlohmann::ordered_json& json,
                                                        const LlmModel& model);
absl::StatusOr<EmbeddingRequest> ReadEmbeddingRequest(const nlohmann::ordered_json& json);

}  // namespace inkling::serve

#endif  // INKLING_EXAMPLES_SERVE_REQUESTS_H_
