// A model that was opened before fork() works in the child, whatever the parent's threads were
// doing: the same tokens, no hang, and whatever is destroyed there.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/compute/cpu_affinity.h"
#include "tests/session/session_fixture.h"
#include "tests/testing/forked_child.h"

namespace inkling {
namespace {

using ModelPointer = std::shared_ptr<const LlmModel>;
using SessionPointer = std::unique_ptr<LlmSession>;

class ForkTest : public SessionTest {
 protected:
  // Wide enough that its matmuls are split over threads.
  static ModelConfig WideConfig() {
    ModelConfig config = TinyConfig();
    config.vocab_size = 1024;
    config.hidden_dim = 256;
    config.feed_forward_dim = 512;
    config.context_length = 512;
    return config;
  }

  ForkTest() : path_(directory_.File("wide.tflite")) {
    EXPECT_OK(WriteRandomModel(path_, WideConfig(), {ElementType::kInt4Block, 32},
                               {ElementType::kInt8Channel}, 1));
  }

  void SetUp() override {
    if (kForkedChildrenStartNoThreads) GTEST_SKIP() << kWhyTheyStartNone;
  }

  ModelPointer Open(const ModelOptions& options) const {
    absl::StatusOr<ModelPointer> model = LlmModel::Open(path_, options);
    EXPECT_OK(model);
    return model.ok() ? *model : nullptr;
  }

  ModelPointer OpenThreads(int32_t num_threads) const {
    ModelOptions options;
    options.num_threads = num_threads;
    return Open(options);
  }

  // Prefill of many rows and decode, both split.
  static std::string Prompt() {
    std::string prompt;
    for (int i = 0; i < 100; ++i) absl::StrAppend(&prompt, i, " is ");
    return prompt.substr(0, 200);
  }

  static std::vector<int32_t> Tokens(LlmSession& session) {
    absl::StatusOr<GenerateResult> result = session.Generate(Prompt(), GreedyOptions(12));
    EXPECT_OK(result);
    return result.ok() ? result->tokens : std::vector<int32_t>();
  }

  static std::vector<int32_t> Tokens(const ModelPointer& model) {
    return Tokens(*NewSession(model));
  }

  // What every model of the file generates.
  std::vector<int32_t> ExpectedTokens() const {
    std::vector<int32_t> tokens = Tokens(OpenThreads(1));
    EXPECT_EQ(tokens.size(), 12u);
    return tokens;
  }

  // All that a child may do with a model and a session of it.
  static void ExpectWorks(ModelPointer& model, SessionPointer& session,
                          const std::vector<int32_t>& expected) {
    EXPECT_EQ(Tokens(model), expected);
    ASSERT_OK(session->Reset());
    EXPECT_EQ(Tokens(*session), expected);
    EXPECT_OK(model->Tokenize("text"));
    session.reset();
    model.reset();
  }

  std::string path_;
};

struct ForkCase {
  int32_t num_threads;
  int32_t decode_threads;
  bool has_cpus;
  bool after_pass;
};

void PrintTo(const ForkCase& which, std::ostream* out) {
  *out << which.num_threads << " threads, " << which.decode_threads << " for decode"
       << (which.has_cpus ? ", bound" : "") << (which.after_pass ? ", after a pass" : "");
}

class ForkCases : public ForkTest, public testing::WithParamInterface<ForkCase> {};

TEST_P(ForkCases, TheChildComputesWhatTheParentDoes) {
  const ForkCase& which = GetParam();
  ModelOptions options;
  options.num_threads = which.num_threads;
  options.decode_threads = which.decode_threads;
  if (which.has_cpus) {
    options.cpus = AllowedCpus();
    if (options.cpus.size() < static_cast<size_t>(which.num_threads)) {
      GTEST_SKIP() << "needs " << which.num_threads << " CPUs";
    }
  }
  const std::vector<int32_t> cpus = AllowedCpus();
  const std::vector<int32_t> expected = ExpectedTokens();
  ModelPointer model = Open(options);
  SessionPointer session = NewSession(model);
  if (which.after_pass) {
    EXPECT_EQ(Tokens(*session), expected);
  }
  EXPECT_EQ(InForkedChild([&] {
              ExpectWorks(model, session, expected);
              EXPECT_EQ(AllowedCpus(), cpus);
            }),
            "");
  // Another child, which destroys without having computed; and one whose own child computes.
  EXPECT_EQ(InForkedChild([&] {
              session.reset();
              model.reset();
            }),
            "");
  EXPECT_EQ(InForkedChild([&] {
              EXPECT_EQ(InForkedChild([&] { ExpectWorks(model, session, expected); }), "");
              ExpectWorks(model, session, expected);
            }),
            "");
  ExpectWorks(model, session, expected);
}

INSTANTIATE_TEST_SUITE_P(Forks, ForkCases, testing::ValuesIn([] {
                           std::vector<ForkCase> cases;
                           for (const int32_t threads : {1, 2, 4}) {
                             for (const bool has_cpus : {false, true}) {
                               for (const bool after_pass : {false, true}) {
                                 cases.push_back({threads, 0, has_cpus, after_pass});
                               }
                             }
                           }
                           // Pools of their own for prefill and decode.
                           cases.push_back({4, 2, false, true});
                           cases.push_back({1, 2, false, false});
                           cases.push_back({2, 1, true, true});
                           return cases;
                         }()),
                         [](const testing::TestParamInfo<ForkCase>& info) {
                           return absl::StrCat(
                               info.param.num_threads, "Threads", info.param.decode_threads,
                               "ForDecode", info.param.has_cpus ? "Bound" : "Free",
                               info.param.after_pass ? "AfterAPass" : "BeforeAnyPass");
                         });

// The lock and the operators are in use at most of these moments.
TEST_F(ForkTest, WhileAnotherThreadGenerates) {
  const std::vector<int32_t> expected = ExpectedTokens();
  for (const int32_t num_threads : {1, 2, 4}) {
    ModelPointer model = OpenThreads(num_threads);
    SessionPointer idle = NewSession(model);
    SessionPointer busy = NewSession(model);
    ASSERT_OK(idle->Prefill("Something before. "));
    std::atomic<bool> started{false};
    std::atomic<bool> ended{false};
    std::thread generating([&] {
      while (!ended) {
        started = true;
        (void)busy->Reset();
        (void)busy->Generate(Prompt(), GreedyOptions(100));
      }
    });
    while (!started) std::this_thread::yield();
    for (int round = 0; round < 12 && !HasFailure(); ++round) {
      std::this_thread::sleep_for(std::chrono::microseconds(700 * round));
      EXPECT_EQ(InForkedChild([&] {
                  ExpectWorks(model, idle, expected);
                  busy.reset();
                }),
                "")
          << num_threads << " threads, fork " << round;
    }
    ended = true;
    busy->Cancel();
    generating.join();
    EXPECT_EQ(Tokens(model), expected);
  }
}

// The session that the other thread is in can't be used in the child, and says so at once.
TEST_F(ForkTest, ASessionInUseElsewhereIsRefused) {
  const ModelPointer opened = OpenThreads(2);
  ModelPointer model = opened;
  SessionPointer busy = NewSession(model);
  std::atomic<bool> inside{false};
  std::atomic<bool> go_on{false};
  absl::StatusOr<GenerateResult> result;
  std::thread generating([&] {
    result = busy->Generate(Prompt(), GreedyOptions(12), [&](absl::string_view) {
      inside = true;
      while (!go_on) std::this_thread::yield();
      return true;
    });
  });
  while (!inside) std::this_thread::yield();
  const auto refused =
      MatchesStatus(absl::StatusCode::kFailedPrecondition, {"another thread's call", "forked"});
  const std::string child = InForkedChild([&] {
    EXPECT_THAT(busy->Generate("x", GreedyOptions(1)).status(), refused);
    EXPECT_THAT(busy->Prefill("x"), refused);
    EXPECT_THAT(busy->Chat("x", GreedyOptions(1), IgnoreText).status(), refused);
    EXPECT_THAT(busy->Reset(), refused);
    EXPECT_THAT(busy->tokens().status(), refused);
    busy->Cancel();  // reaches nobody
    EXPECT_THAT(busy->Prefill("x"), refused);
    EXPECT_GT(busy->position(), 0);
    SessionPointer another = NewSession(model);
    EXPECT_OK(another->Prefill("x"));
    busy.reset();
    another.reset();
    model.reset();
  });
  EXPECT_EQ(child, "");
  EXPECT_THAT(busy->Prefill("x"),
              MatchesStatus(absl::StatusCode::kFailedPrecondition, {"wait for it"}));
  go_on = true;
  generating.join();
  ASSERT_OK(result);
  EXPECT_EQ(result->tokens, ExpectedTokens());
}

// A callback that forks leaves both processes in the middle of the same call.
TEST_F(ForkTest, ACallForkedInItsCallbackGoesOnInBoth) {
  const std::vector<int32_t> expected = ExpectedTokens();
  for (const int32_t num_threads : {1, 2}) {
    ModelPointer model = OpenThreads(num_threads);
    SessionPointer session = NewSession(model);
    pid_t child = -1;
    int calls = 0;
    const absl::StatusOr<GenerateResult> result =
        session->Generate(Prompt(), GreedyOptions(12), [&](absl::string_view) {
          if (++calls == 2) child = fork();
          if (child == 0) alarm(60);
          return true;
        });
    EXPECT_OK(result);
    if (result.ok()) {
      EXPECT_EQ(result->tokens, expected);
    }
    if (child == 0) {
      EXPECT_OK(session->Generate("more", GreedyOptions(2)));
      session.reset();
      model.reset();
      _exit(HasFailure() ? 1 : 0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  }
}

TEST_F(ForkTest, ThreadsOfTheChildTakeTurns) {
  const std::vector<int32_t> expected = ExpectedTokens();
  const ModelPointer model = OpenThreads(2);
  EXPECT_EQ(Tokens(model), expected);
  EXPECT_EQ(InForkedChild([&] {
              std::vector<std::vector<int32_t>> found(3);
              std::vector<std::thread> threads;
              for (std::vector<int32_t>& tokens : found) {
                threads.emplace_back([&] { tokens = Tokens(model); });
              }
              for (std::thread& thread : threads) thread.join();
              for (const std::vector<int32_t>& tokens : found) EXPECT_EQ(tokens, expected);
            }),
            "");
}

TEST_F(ForkTest, DraftedSessionsWorkInTheChild) {
  const std::vector<int32_t> expected = ExpectedTokens();
  const ModelPointer model = OpenThreads(2);
  SessionOptions options;
  options.kv_cache_type = KvCacheType::kFloat32;
  options.draft_model = OpenThreads(4);
  ASSERT_OK_AND_ASSIGN(const SessionPointer session, LlmSession::Create(model, options));
  EXPECT_EQ(InForkedChild([&] { EXPECT_EQ(Tokens(*session), expected); }), "");
  EXPECT_EQ(Tokens(*session), expected);
}

// Models may also be opened in the child of a process that has one.
TEST_F(ForkTest, AModelOpenedInTheChild) {
  const std::vector<int32_t> expected = ExpectedTokens();
  const ModelPointer before = OpenThreads(2);
  EXPECT_EQ(Tokens(before), expected);
  EXPECT_EQ(InForkedChild([&] { EXPECT_EQ(Tokens(OpenThreads(2)), expected); }), "");
}

}  // namespace
}  // namespace inkling
