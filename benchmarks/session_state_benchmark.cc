// session_state_benchmark: how long a fork, a save and a load of a session take.
//
//   session_state_benchmark SHAPE [TOKENS] [ROUNDS] [FOLDER]      e.g. gemma-2b 2000 20
//
// Weights are made up (int4 per channel, as inkling-bench has them). A session of TOKENS tokens is
// forked, saved to FOLDER (the temporary one) and loaded, ROUNDS times each, for each type of
// cache; shown are the medians. Rounds of the three are interleaved, so that they meet the same
// machine. A fork must say the same as the session.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
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
using Model = std::shared_ptr<const inkling::LlmModel>;
using Session = std::unique_ptr<inkling::LlmSession>;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Runs `call` and adds its milliseconds to `times`.
template <typename Call>
auto Timed(std::vector<double>& times, const Call& call) {
  const Clock::time_point begin = Clock::now();
  auto result = call();
  times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  return result;
}

absl::Status Measure(const Model& model, const inkling::SessionOptions& options,
                     const char* type_name, int32_t num_tokens, int rounds,
                     const std::string& path) {
  absl::StatusOr<Session> session = inkling::LlmSession::Create(model, options);
  if (!session.ok()) return session.status();
  inkling::GenerateOptions generate;
  generate.max_new_tokens = 1;
  generate.sampling.temperature = 0;
  const std::vector<int32_t> prompt(static_cast<size_t>(num_tokens - 1), 7);
  auto first = (*session)->GenerateFromTokens(prompt, generate);
  if (!first.ok()) return first.status();
  std::vector<double> forks;
  std::vector<double> saves;
  std::vector<double> loads;
  Session fork;
  for (int i = 0; i < rounds; ++i) {
    fork.reset();
    absl::StatusOr<Session> forked = Timed(forks, [&] { return (*session)->Fork(); });
    if (!forked.ok()) return forked.status();
    fork = *std::move(forked);
    absl::Status saved = Timed(saves, [&] { return (*session)->Save(path); });
    if (!saved.ok()) return saved;
    absl::StatusOr<Session> loaded =
        Timed(loads, [&] { return inkling::LlmSession::Load(model, path, options); });
    if (!loaded.ok()) return loaded.status();
  }
  generate.max_new_tokens = 4;
  auto expected = (*session)->Generate("", generate);
  auto found = fork->Generate("", generate);
  if (!expected.ok() || !found.ok() || expected->tokens != found->tokens) {
    return absl::InternalError("the fork says something else");
  }
  const double megabytes = static_cast<double>(std::filesystem::file_size(path)) / 1e6;
  const auto rate = [&](const std::vector<double>& times) {
    return megabytes / Median(times) * 1e3;
  };
  std::printf(
      "%-4s %6.1f MB  fork %6.2f ms  save %7.2f ms (%5.0f MB/s)  load %7.2f ms (%5.0f MB/s)\n",
      type_name, megabytes, Median(forks), Median(saves), rate(saves), Median(loads), rate(loads));
  return absl::OkStatus();
}

absl::Status Run(const std::string& shape, int32_t num_tokens, int rounds,
                 const std::filesystem::path& folder) {
  const std::filesystem::path path =
      folder / absl::StrCat("inkling-session-state-", shape, ".tflite");
  const std::filesystem::path state = folder / "inkling-session-state.bin";
  const absl::Cleanup remove_files = [&] {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    std::filesystem::remove(state, ignored);
  };
  absl::StatusOr<inkling::ModelConfig> config = inkling::ModelShape(shape);
  if (!config.ok()) return config.status();
  const inkling::TensorType int4 = {inkling::ElementType::kInt4Channel, 0};
  absl::Status status = inkling::WriteFabricatedModel(path.string(), *config, {int4, int4});
  if (!status.ok()) return status;
  auto model = inkling::LlmModel::Open(path.string());
  if (!model.ok()) return model.status();
  inkling::SessionOptions options;
  for (const auto& [type, name] : {std::pair(inkling::KvCacheType::kFloat16, "f16"),
                                   std::pair(inkling::KvCacheType::kFloat32, "f32"),
                                   std::pair(inkling::KvCacheType::kInt8, "int8")}) {
    options.kv_cache_type = type;
    status = Measure(*model, options, name, num_tokens, rounds, state.string());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  const int32_t num_tokens = argc > 2 ? std::atoi(argv[2]) : 2000;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 20;
  if (argc < 2 || argc > 5 || num_tokens < 2 || rounds < 1) {
    std::fprintf(stderr, "usage: session_state_benchmark SHAPE [TOKENS] [ROUNDS] [FOLDER]\n");
    return 2;
  }
  const std::filesystem::path folder =
      argc > 4 ? std::filesystem::path(argv[4]) : std::filesystem::temp_directory_path();
  const absl::Status status = Run(argv[1], num_tokens, rounds, folder);
  if (status.ok()) return 0;
  std::fprintf(stderr, "session_state_benchmark: %s\n", std::string(status.message()).c_str());
  return 1;
}
