// ModelOptions about threads: what is described, what callbacks see, what is refused.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/compute/cpu_affinity.h"
#include "src/compute/thread_pool.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using ThreadOptionsTest = SessionTest;

TEST_F(ThreadOptionsTest, BothNumbersAreDescribed) {
  ModelOptions options;
  EXPECT_EQ(OpenModel(TinyConfig(), options)->Describe().num_threads,
            ThreadPool::DefaultThreadCount());
  options.num_threads = 3;
  ModelDescription description = OpenModel(TinyConfig(), options)->Describe();
  EXPECT_EQ(description.num_threads, 3);
  EXPECT_EQ(description.decode_threads, 3);
  EXPECT_TRUE(description.cpus.empty());
  options.decode_threads = 2;
  description = OpenModel(TinyConfig(), options)->Describe();
  EXPECT_EQ(description.num_threads, 3);
  EXPECT_EQ(description.decode_threads, 2);
}

#if defined(__linux__)

TEST_F(ThreadOptionsTest, CpusDecideHowManyThreads) {
  ModelOptions options;
  options.cpus = AllowedCpus();
  if (options.cpus.size() > 4) options.cpus.resize(4);
  const ModelDescription description = OpenModel(TinyConfig(), options)->Describe();
  EXPECT_EQ(description.cpus, options.cpus);
  EXPECT_EQ(description.num_threads, static_cast<int32_t>(options.cpus.size()));
  EXPECT_EQ(description.decode_threads, description.num_threads);
}

TEST_F(ThreadOptionsTest, CallbacksRunWithTheAppsOwnMask) {
  const std::vector<int32_t> before = AllowedCpus();
  const std::vector<int32_t> expected = FreshTokens(OpenModel(), "some text", GreedyOptions(8));
  ModelOptions options;
  options.cpus = {before.back()};
  auto session = NewSession(OpenModel(TinyConfig(), options));
  int calls = 0;
  ASSERT_OK_AND_ASSIGN(GenerateResult result,
                       session->Generate("some text", GreedyOptions(8), [&](absl::string_view) {
                         ++calls;
                         EXPECT_EQ(AllowedCpus(), before);
                         return true;
                       }));
  EXPECT_GT(calls, 0);
  EXPECT_EQ(result.tokens, expected);
  EXPECT_EQ(AllowedCpus(), before);
}

TEST_F(ThreadOptionsTest, ACpuThatIsntThereIsNamed) {
  const std::string path = WriteModel("model.tflite", TinyConfig());
  ModelOptions options;
  options.cpus = {AllowedCpus().back() + 1};
  const auto refused = MatchesStatus(absl::StatusCode::kInvalidArgument,
                                     {"cpus[0]", "found " + std::to_string(options.cpus[0])});
  EXPECT_THAT(LlmModel::Open(path, options), refused);
  EXPECT_THAT(LlmModel::EstimateMemory(path, options), refused);
  options.cpus = {AllowedCpus().front()};
  options.num_threads = 2;
  EXPECT_THAT(LlmModel::Open(path, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"cpus", "2 threads", "found 1"}));
}

#else

TEST_F(ThreadOptionsTest, CpusNeedASystemThatBindsThreads) {
  const std::string path = WriteModel("model.tflite", TinyConfig());
  ModelOptions options;
  options.cpus = {0};
  EXPECT_THAT(LlmModel::Open(path, options),
              MatchesStatus(absl::StatusCode::kUnimplemented, {"cpus"}));
}

#endif

}  // namespace
}  // namespace inkling
