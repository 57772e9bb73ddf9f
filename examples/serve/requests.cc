// Fields of generation, of completions and of embeddings. Messages and tools: chat_requests.cc.

#include "examples/serve/requests.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "examples/serve/api_error.h"
#include "examples/serve/generation_fields.h"
#include "examples/serve/json_fields.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {
namespace {

using json = nlohmann::ordered_json;

absl::Status ReadLogitBias(JsonFields& fields, SamplingOptions& sampling) {
  const json* biases = fields.Find("logit_bias");
  if (biases == nullptr) return absl::OkStatus();
  if (!biases->is_object()) return BadField("logit_bias", "expected {\"TOKEN ID\": number}");
  for (const auto& [token, bias] : biases->items()) {
    int32_t id = 0;
    if (!absl::SimpleAtoi(token, &id) || !bias.is_number())
      return BadField("logit_bias", absl::StrCat("expected {\"TOKEN ID\": number}, found \"", token,
                                                 "\": ", bias.dump()));
    // OpenAI's -100 is a ban, 100 a command.
    const float number = bias.get<float>();
    sampling.logit_bias.emplace_back(
        id, number <= -100 ? -std::numeric_limits<float>::infinity() : number);
  }
  return absl::OkStatus();
}

absl::Status ReadStreamOptions(JsonFields& fields, GenerationRequest& request) {
  const json* options = fields.Find("stream_options");
  if (options == nullptr) return absl::OkStatus();
  if (!options->is_object()) return BadField("stream_options", "expected an object");
  return JsonFields(*options, "stream_options")
      .Get("include_usage", request.include_usage)
      .Skip("include_obfuscation")
      .Finish();
}

absl::Status CheckOnlyOne(JsonFields& fields, const char* name) {
  int32_t number = 1;
  fields.Get(name, number);
  if (number == 1) return absl::OkStatus();
  return BadField(name, absl::StrCat("is ", number, "; inkling-serve gives one answer (1)"));
}

}  // namespace

absl::Status ReadGenerationFields(JsonFields& fields, GenerationRequest& request) {
  GenerateOptions& options = request.options;
  SamplingOptions& sampling = options.sampling;
  // What OpenAI's clients expect where they name nothing.
  sampling.temperature = 1;
  sampling.top_k = 0;
  sampling.top_p = 1;
  fields.Get("model", request.model)
      .Get("stream", request.stream)
      .Get(kMostTokensField, options.max_new_tokens)
      .Get("temperature", sampling.temperature)
      .Get("top_p", sampling.top_p)
      .Get("top_k", sampling.top_k)  // these three are not OpenAI's
      .Get("min_p", sampling.min_p)
      .Get("repetition_penalty", sampling.repetition_penalty)
      .Get("seed", sampling.seed)
      .Get("presence_penalty", sampling.presence_penalty)
      .Get("frequency_penalty", sampling.frequency_penalty)
      .Get("stop", options.stop_strings)
      .Skip("user")
      .Skip("metadata")
      .Skip("store")
      .Skip("service_tier")
      .Skip("safety_identifier")
      .Skip("prompt_cache_key");
  ABSL_RETURN_IF_ERROR(CheckOnlyOne(fields, "n"));
  ABSL_RETURN_IF_ERROR(ReadLogitBias(fields, sampling));
  return ReadStreamOptions(fields, request);
}

absl::StatusOr<CompletionRequest> ReadCompletionRequest(const json& json, const LlmModel& model) {
  CompletionRequest request;
  request.generation.options.max_new_tokens = 16;  // OpenAI's default
  JsonFields fields(json);
  ABSL_RETURN_IF_ERROR(ReadGenerationFields(fields, request.generation));
  ABSL_RETURN_IF_ERROR(CheckOnlyOne(fields, "best_of"));
  int32_t num_top = -1;
  std::string suffix;
  const nlohmann::ordered_json* prompt = fields.Find("prompt");
  if (prompt != nullptr && prompt->is_array() && !prompt->empty() &&
      prompt->front().is_number_integer()) {
    // Token ids: as the text that they stand for.
    std::vector<int32_t> tokens;
    for (const nlohmann::ordered_json& token : *prompt) {
      if (!token.is_number_integer() || token < 0 || token >= model.vocab_size()) {
        return BadField("prompt", absl::StrCat("expected ids from 0 to ", model.vocab_size() - 1,
                                               ", found ", token.dump()));
      }
      tokens.push_back(token.get<int32_t>());
    }
    absl::StatusOr<std::string> text = model.Detokenize(tokens);
    if (!text.ok()) return BadField("prompt", text.status().message());
    request.prompts.push_back(*std::move(text));
  } else {
    fields.Get("prompt", request.prompts);
  }
  ABSL_RETURN_IF_ERROR(
      fields.Get("echo", request.echo).Get("logprobs", num_top).Get("suffix", suffix).Finish());
  if (request.prompts.empty()) return BadField("prompt", "expected a text or a list of texts");
  if (!suffix.empty()) return BadField("suffix", "inkling-serve doesn't fill in the middle");
  if (num_top >= 0) {
    request.generation.options.return_log_probabilities = true;
    request.generation.options.num_top_log_probabilities = num_top;
  }
  if (request.generation.stream && request.prompts.size() > 1)
    return BadField("prompt", "a stream has one prompt");
  return request;
}

absl::StatusOr<EmbeddingRequest> ReadEmbeddingRequest(const json& json) {
  EmbeddingRequest request;
  std::string format = "float";
  JsonFields fields(json);
  ABSL_RETURN_IF_ERROR(fields.Get("model", request.model)
                           .Get("input", request.texts)
                           .Get("encoding_format", format)
                           .Skip("user")
                           .Finish());
  if (request.texts.empty()) return BadField("input", "expected a text or a list of texts");
  if (format != "float" && format != "base64")
    return BadField("encoding_format",
                    absl::StrCat("expected \"float\" or \"base64\", found \"", format, "\""));
  request.base64 = format == "base64";
  return request;
}

}  // namespace inkling::serve
