// cancel_latency: how long a call goes on after Cancel().
//
//   cancel_latency SHAPE [ROUNDS]      e.g. gemma-2b 200
//
// Weights are made up (int4 per channel, as inkling-bench has them) in the temporary folder. Each
// round begins a prompt of 4096 tokens, cancels it from another thread at a random moment, and
// takes the time from there to the call's return. Afterwards the session must still generate.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "examples/programs/fabricated_model.h"
#include "examples/programs/model_shapes.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "src/format/element_type.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int32_t kPromptTokens = 4096;

double MillisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Cancels `session`'s prompt after `delay` and returns the milliseconds that it then still took.
absl::StatusOr<double> MeasureOne(inkling::LlmSession& session, std::chrono::microseconds delay) {
  const std::vector<int32_t> prompt(kPromptTokens, 7);
  std::atomic<bool> has_returned{false};
  Clock::time_point cancelled;
  std::thread canceller([&] {
    std::this_thread::sleep_for(delay);
    cancelled = Clock::now();
    // A call that has not begun yet isn't cancelled, so once may not be enough.
    do {
      session.Cancel();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } while (!has_returned);
  });
  inkling::GenerateOptions options;
  options.max_new_tokens = 1;
  const absl::Status status = session.GenerateFromTokens(prompt, options).status();
  const Clock::time_point returned = Clock::now();
  has_returned = true;
  canceller.join();
  if (status.ok()) return absl::InternalError("the prompt was over before it could be cancelled");
  if (!absl::IsCancelled(status)) return status;
  return std::chrono::duration<double, std::milli>(returned - cancelled).count();
}

absl::Status Run(const std::string& shape, int rounds) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     absl::StrCat("inkling-cancel-latency-", shape, ".tflite");
  const absl::Cleanup remove_file = [&path] {
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
  inkling::SessionOptions session_options;
  session_options.context_length = kPromptTokens + 16;
  auto session = inkling::LlmSession::Create(*model, session_options);
  if (!session.ok()) return session.status();
  std::mt19937 engine(1);
  std::vector<double> latencies;
  for (int i = 0; i < rounds; ++i) {
    const std::chrono::microseconds delay(20000 + engine() % 480000);
    absl::StatusOr<double> latency = MeasureOne(**session, delay);
    if (!latency.ok()) return latency.status();
    latencies.push_back(*latency);
  }
  inkling::GenerateOptions options;
  options.max_new_tokens = 2;
  const Clock::time_point begin = Clock::now();
  auto result = (*session)->GenerateFromTokens({7, 8, 9}, options);
  if (!result.ok()) return result.status();
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double share) {
    return latencies[static_cast<size_t>(share * static_cast<double>(latencies.size() - 1))];
  };
  std::printf(
      "%s, %d cancelled prompts: median %.1f ms, 99%% within %.1f ms, longest %.1f ms; afterwards "
      "%zu tokens in %.0f ms\n",
      shape.c_str(), rounds, at(0.5), at(0.99), latencies.back(), result->tokens.size(),
      MillisecondsSince(begin));
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 200;
  if (argc < 2 || argc > 3 || rounds < 1) {
    std::fprintf(stderr, "usage: cancel_latency SHAPE [ROUNDS]\n");
    return 2;
  }
  const absl::Status status = Run(argv[1], rounds);
  if (status.ok()) return 0;
  std::fprintf(stderr, "cancel_latency: %s\n", std::string(status.message()).c_str());
  return 1;
}
