// conversation_reuse: what one more turn of a long conversation costs where the app sends the whole
// list of messages again.
//
//   conversation_reuse SHAPE [TOKENS] [ROUNDS]      e.g. gemma-2b 2000 5
//
// Weights are made up (int4 per channel, as inkling-bench has them). Shown are medians of the time
// to the first token: of the new turn (64 tokens) in the session that has had the conversation, of
// the whole list in a fresh session, and of the new turn alone in a fresh session. The three are
// interleaved, so that they meet the same machine.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "examples/programs/fabricated_model.h"
#include "examples/programs/model_shapes.h"
#include "inkling/llm_message.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "src/format/element_type.h"

namespace {

using Messages = std::vector<inkling::ChatMessage>;
using Model = std::shared_ptr<const inkling::LlmModel>;

constexpr int32_t kTurnTokens = 64;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

absl::StatusOr<inkling::GenerateResult> Answer(inkling::LlmSession& session,
                                               const Messages& messages) {
  inkling::GenerateOptions options;
  options.max_new_tokens = 4;
  options.sampling.temperature = 0;
  options.ignore_model_stop_tokens = true;
  return session.Chat(messages, {}, options);
}

absl::Status Measure(const Model& model, int32_t num_tokens, int rounds) {
  inkling::SessionOptions options;
  options.context_length = num_tokens + 4 * kTurnTokens;
  const inkling::ChatMessage turn = {inkling::ChatRole::kUser, std::string(kTurnTokens, 'b')};
  std::vector<double> reused;
  std::vector<double> whole;
  std::vector<double> alone;
  int32_t num_reused = 0;
  for (int i = 0; i < rounds; ++i) {
    auto session = inkling::LlmSession::Create(model, options);
    auto fresh = inkling::LlmSession::Create(model, options);
    auto short_one = inkling::LlmSession::Create(model, options);
    for (const auto* made : {&session, &fresh, &short_one}) {
      if (!made->ok()) return made->status();
    }
    Messages messages = {
        {inkling::ChatRole::kUser, std::string(static_cast<size_t>(num_tokens), 'a')}};
    auto first = Answer(**session, messages);
    if (!first.ok()) return first.status();
    messages.push_back({inkling::ChatRole::kAssistant, first->text});
    messages.push_back(turn);
    auto more = Answer(**session, messages);
    auto all = Answer(**fresh, messages);
    auto only = Answer(**short_one, {turn});
    for (const auto* result : {&more, &all, &only}) {
      if (!result->ok()) return result->status();
    }
    reused.push_back(1e3 * more->time_to_first_token_seconds);
    whole.push_back(1e3 * all->time_to_first_token_seconds);
    alone.push_back(1e3 * only->time_to_first_token_seconds);
    num_reused = more->num_reused_tokens;
  }
  std::printf(
      "one more turn of %d tokens: %.1f ms (%d tokens reused)  whole list: %.1f ms  the turn "
      "alone: %.1f ms\n",
      kTurnTokens, Median(reused), num_reused, Median(whole), Median(alone));
  return absl::OkStatus();
}

absl::Status Run(const std::string& shape, int32_t num_tokens, int rounds) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     absl::StrCat("inkling-conversation-", shape, ".tflite");
  const absl::Cleanup remove_file = [&] {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  };
  absl::StatusOr<inkling::ModelConfig> config = inkling::ModelShape(shape);
  if (!config.ok()) return config.status();
  const inkling::TensorType int4 = {inkling::ElementType::kInt4Channel, 0};
  absl::Status status = inkling::WriteFabricatedModel(path.string(), *config, {int4, int4});
  if (!status.ok()) return status;
  auto model = inkling::LlmModel::Open(path.string());
  if (!model.ok()) return model.status();
  return Measure(*model, num_tokens, rounds);
}

}  // namespace

int main(int argc, char** argv) {
  const int32_t num_tokens = argc > 2 ? std::atoi(argv[2]) : 2000;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  if (argc < 2 || argc > 4 || num_tokens < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: conversation_reuse SHAPE [TOKENS] [ROUNDS]\n");
    return 2;
  }
  const absl::Status status = Run(argv[1], num_tokens, rounds);
  if (status.ok()) return 0;
  std::fprintf(stderr, "conversation_reuse: %s\n", std::string(status.message()).c_str());
  return 1;
}
