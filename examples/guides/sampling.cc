// How the next token is chosen: greedy, seeds, forbidden tokens, an app's own rule (sampling.md).
//
// usage: guide_sampling MODEL.tflite

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace {

constexpr absl::string_view kPrompt = "Once upon a time, there was a little";

// The continuation of the prompt in an otherwise empty session.
absl::StatusOr<inkling::GenerateResult> Write(inkling::LlmSession& session,
                                              const inkling::GenerateOptions& options) {
  const absl::Status emptied = session.Reset();
  if (!emptied.ok()) return emptied;
  return session.Generate(kPrompt, options);
}

absl::Status SameTextAgain(inkling::LlmSession& session) {
  // [snippet options]
  inkling::GenerateOptions options;
  options.max_new_tokens = 30;
  options.stop_strings = {"\n"};
  options.sampling.temperature = 0.7f;  // 0: always the likeliest token
  options.sampling.top_k = 40;
  options.sampling.top_p = 0.9f;
  // [/snippet]
  auto first = Write(session, options);
  if (!first.ok()) return first.status();
  // [snippet seed]
  options.sampling.seed = first->seed;  // the one that the system drew
  auto again = Write(session, options);
  if (!again.ok()) return again.status();
  std::cout << (again->text == first->text ? "the same text again\n" : "another text\n");
  // [/snippet]
  return absl::OkStatus();
}

absl::Status OwnRules(const inkling::LlmModel& model, inkling::LlmSession& session) {
  inkling::GenerateOptions options;
  options.max_new_tokens = 12;
  options.sampling.temperature = 0;
  // [snippet forbid]
  inkling::TokenizeOptions inside;
  inside.continues_text = true;  // the token as it is in the middle of a text
  auto dog = model.Tokenize(" dog", inside);
  if (!dog.ok()) return dog.status();
  options.sampling.logit_bias = {{dog->front(), -std::numeric_limits<float>::infinity()}};
  // [/snippet]
  // [snippet own_rule]
  // Sees the tokens so far and may change every logit.
  options.logits_processor = [](absl::Span<const int32_t> tokens, absl::Span<float> logits) {
    if (!tokens.empty()) logits[tokens.back()] -= 5.0f;  // hardly ever the same token twice
  };
  // [/snippet]
  // [snippet alternatives]
  options.return_log_probabilities = true;
  options.num_top_log_probabilities = 3;
  auto result = Write(session, options);
  if (!result.ok()) return result.status();
  for (size_t i = 0; i < result->tokens.size(); ++i) {
    std::cout << result->log_probabilities[i] << ", likeliest:";
    for (const inkling::TokenLogProbability& other : result->top_log_probabilities[i]) {
      auto text = model.TokenText(other.token);
      if (text.ok()) std::cout << " '" << *text << "' " << other.log_probability;
    }
    std::cout << "\n";
  }
  // [/snippet]
  return absl::OkStatus();
}

absl::Status Run(const std::string& path) {
  auto model = inkling::LlmModel::Open(path);
  if (!model.ok()) return model.status();
  auto session = inkling::LlmSession::Create(*model);
  if (!session.ok()) return session.status();
  absl::Status status = SameTextAgain(**session);
  if (status.ok()) status = OwnRules(**model, **session);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: guide_sampling MODEL.tflite\n", 2;
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
