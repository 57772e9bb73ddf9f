// One function for each JSON object that clients get.

#include "examples/serve/responses.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_message.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {
namespace {

using json = nlohmann::ordered_json;

int64_t SecondsSince1970() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

// A token's bytes may be a part of a character, which JSON's strings can't hold.
std::string TextOf(const LlmModel& model, int32_t token) {
  const auto text = model.TokenText(token);
  return text.ok() ? *text : std::string();
}

json BytesOf(const std::string& text) {
  json bytes = json::array();
  for (const char byte : text) bytes.push_back(static_cast<unsigned char>(byte));
  return bytes;
}

json TokenJson(const LlmModel& model, int32_t token, float log_probability) {
  const std::string text = TextOf(model, token);
  return {{"token", text}, {"logprob", log_probability}, {"bytes", BytesOf(text)}};
}

}  // namespace

ResponseHead NewResponseHead(absl::string_view id_prefix, absl::string_view object,
                             absl::string_view model) {
  static std::atomic<uint64_t> count{0};
  const int64_t now = SecondsSince1970();
  return {.id = absl::StrCat(id_prefix, "-", absl::Hex(now), "-", ++count),
          .object = std::string(object),
          .model = std::string(model),
          .created = now};
}

json WithChoices(const ResponseHead& head, json choices) {
  return {{"id", head.id},
          {"object", head.object},
          {"created", head.created},
          {"model", head.model},
          {"choices", std::move(choices)}};
}

std::string FinishReason(const GenerateResult& result) {
  switch (result.stop_reason) {
    case StopReason::kMaxNewTokens:
    case StopReason::kContextFull:
      return "length";
    default:
      return result.tool_calls.empty() ? "stop" : "tool_calls";
  }
}

json Usage(const GenerateResult& result) {
  // A prompt that was known whole runs its last token again.
  const int32_t prompt = result.num_prompt_tokens + result.num_reused_tokens;
  const auto answer = static_cast<int32_t>(result.tokens.size());
  return {{"prompt_tokens", prompt},
          {"completion_tokens", answer},
          {"total_tokens", prompt + answer},
          {"prompt_tokens_details", {{"cached_tokens", result.num_reused_tokens}}}};
}

json AddUsage(const json& a, const json& b) {
  json sum = a;
  for (const char* name : {"prompt_tokens", "completion_tokens", "total_tokens"})
    sum[name] = a[name].get<int64_t>() + b[name].get<int64_t>();
  sum["prompt_tokens_details"]["cached_tokens"] =
      a["prompt_tokens_details"]["cached_tokens"].get<int64_t>() +
      b["prompt_tokens_details"]["cached_tokens"].get<int64_t>();
  return sum;
}

json ToolCallsJson(const GenerateResult& result, const ResponseHead& head) {
  json calls = json::array();
  for (size_t i = 0; i < result.tool_calls.size(); ++i) {
    const ToolCall& call = result.tool_calls[i];
    calls.push_back({{"index", i},
                     {"id", call.id.empty() ? absl::StrCat("call_", head.id, "_", i) : call.id},
                     {"type", "function"},
                     {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  return calls;
}

json AnswerMessage(const GenerateResult& result, const ResponseHead& head) {
  json message = {{"role", "assistant"}, {"content", result.text}, {"refusal", nullptr}};
  if (result.tool_calls.empty()) return message;
  if (result.text.empty()) message["content"] = nullptr;
  message["tool_calls"] = ToolCallsJson(result, head);
  for (json& call : message["tool_calls"]) call.erase("index");  // of streams alone
  return message;
}

json ChatLogProbabilities(const GenerateResult& result, const LlmModel& model) {
  json content = json::array();
  for (size_t i = 0; i < result.log_probabilities.size(); ++i) {
    json token = TokenJson(model, result.tokens[i], result.log_probabilities[i]);
    token["top_logprobs"] = json::array();
    if (i < result.top_log_probabilities.size()) {
      for (const TokenLogProbability& top : result.top_log_probabilities[i])
        token["top_logprobs"].push_back(TokenJson(model, top.token, top.log_probability));
    }
    content.push_back(std::move(token));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

json CompletionLogProbabilities(const GenerateResult& result, const LlmModel& model,
                                size_t text_offset) {
  json tokens = json::array();
  json top = json::array();
  json offsets = json::array();
  for (size_t i = 0; i < result.tokens.size(); ++i) {
    const std::string text = TextOf(model, result.tokens[i]);
    tokens.push_back(text);
    offsets.push_back(text_offset);
    text_offset += text.size();
    json alternatives = json::object();
    if (i < result.top_log_probabilities.size()) {
      for (const TokenLogProbability& one : result.top_log_probabilities[i])
        alternatives[TextOf(model, one.token)] = one.log_probability;
    }
    top.push_back(std::move(alternatives));
  }
  return {{"tokens", tokens},
          {"token_logprobs", result.log_probabilities},
          {"top_logprobs", top},
          {"text_offset", offsets}};
}

json EmbeddingsJson(const std::vector<std::vector<float>>& vectors, bool base64,
                    absl::string_view model, int32_t num_tokens) {
  json data = json::array();
  for (size_t i = 0; i < vectors.size(); ++i) {
    json vector = vectors[i];
    if (base64) {
      vector = absl::Base64Escape(absl::string_view(
          reinterpret_cast<const char*>(vectors[i].data()), vectors[i].size() * sizeof(float)));
    }
    data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", std::move(vector)}});
  }
  return {{"object", "list"},
          {"data", std::move(data)},
          {"model", model},
          {"usage", {{"prompt_tokens", num_tokens}, {"total_tokens", num_tokens}}}};
}

}  // namespace inkling::serve
