// Results of Inkling as OpenAI's API writes them.

#ifndef INKLING_EXAMPLES_SERVE_RESPONSES_H_
#define INKLING_EXAMPLES_SERVE_RESPONSES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {

// What all answers to one request have in common.
struct ResponseHead {
  std::string id;      // "chatcmpl-...", "cmpl-..."
  std::string object;  // "chat.completion", "chat.completion.chunk", "text_completion"
  std::string model;
  int64_t created = 0;  // seconds since 1970
};
ResponseHead NewResponseHead(absl::string_view id_prefix, absl::string_view object,
                             absl::string_view model);

// The head with `choices`.
nlohmann::ordered_json WithChoices(const ResponseHead& head, nlohmann::ordered_json choices);

// "stop", "length" or "tool_calls".
std::string FinishReason(const GenerateResult& result);

// Tokens of prompt and answer, and how many of the prompt's were computed before.
nlohmann::ordered_json Usage(const GenerateResult& result);
// The sum of two.
nlohmann::ordered_json AddUsage(const nlohmann::ordered_json& a, const nlohmann::ordered_json& b);

// The message of a whole chat answer; calls without an id get one of `head`.
nlohmann::ordered_json AnswerMessage(const GenerateResult& result, const ResponseHead& head);
nlohmann::ordered_json ToolCallsJson(const GenerateResult& result, const ResponseHead& head);

// "logprobs" of chat ({"content": [...]}) and of completions ({"tokens": [...], ...}).
nlohmann::ordered_json ChatLogProbabilities(const GenerateResult& result, const LlmModel& model);
nlohmann::ordered_json CompletionLogProbabilities(const GenerateResult& result,
                                                  const LlmModel& model, size_t text_offset);

// {"object": "list", "data": [...]} of embeddings, as numbers or as base64 of little-endian f32.
nlohmann::ordered_json EmbeddingsJson(const std::vector<std::vector<float>>& vectors, bool base64,
                                      absl::string_view model, int32_t num_tokens);

}  // namespace inkling::serve

#endif  // INKLING_EXAMPLES_SERVE_RESPONSES_H_
