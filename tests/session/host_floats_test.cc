// An app may round another way, trap or flush: every number and every text is as it would be
// without, and its environment is as it was after each call, and its own inside of callbacks.

#include "tests/testing/host_floats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/cpu_kv_cache.h"
#include "src/format/model_reader.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using ModelPointer = std::shared_ptr<const LlmModel>;
using SessionPointer = std::unique_ptr<LlmSession>;

constexpr int32_t kRows = 24;

// Calls `call` in the environment of an app and expects it back untouched.
void In(const HostFloatsCase& floats, absl::FunctionRef<void()> call) {
  SetHostFloats(floats);
  const HostFloats before = ReadHostFloats();
  call();
  const HostFloats after = ReadHostFloats();
  ResetHostFloats();
  EXPECT_EQ(after, before) << floats.name;
}

class HostFloatsTest : public SessionTest {
 protected:
  ~HostFloatsTest() override { ResetHostFloats(); }

  // Wide enough that matmuls are split over threads, with sizes that our own kernels take.
  static ModelConfig Config() {
    ModelConfig config = TinyConfig();
    config.hidden_dim = 128;
    config.feed_forward_dim = 256;
    config.logit_soft_cap = 30.0f;
    return config;
  }

  std::string WriteTyped(TensorType type) {
    const std::string path =
        directory_.File(absl::StrCat(static_cast<int>(type.element), type.block_size, ".tflite"));
    EXPECT_OK(WriteRandomModel(
        path, Config(), type,
        type.element == ElementType::kF32 ? type : TensorType{ElementType::kInt8Channel}, 3));
    return path;
  }

  static GenerateOptions Sampled() {
    GenerateOptions options = GreedyOptions(24);
    options.sampling.temperature = 0.9f;
    options.sampling.top_k = 0;
    options.sampling.top_p = 0.9f;
    options.sampling.min_p = 0.01f;
    options.sampling.repetition_penalty = 1.1f;
    options.sampling.frequency_penalty = 0.1f;
    options.sampling.seed = 5;
    options.return_log_probabilities = true;
    return options;
  }
};

// Bit patterns of the logits of a prefill and of a few single rows after it.
std::vector<uint32_t> Logits(Decoder& decoder, KvElement element) {
  const size_t vocab = static_cast<size_t>(decoder.config().vocab_size);
  absl::StatusOr<std::unique_ptr<CpuKvCache>> cache = CpuKvCache::Create(
      decoder.config(), {.capacity = 64, .max_chunk = kRows, .element = element});
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < kRows + 4; ++i) tokens.push_back(i * 37 % decoder.config().vocab_size);
  std::vector<float> logits(tokens.size() * vocab);
  absl::Span<const int32_t> rest = tokens;
  absl::Span<float> output = absl::MakeSpan(logits);
  size_t rows = kRows;
  while (!rest.empty()) {
    if (!decoder
             .Forward({.tokens = rest.first(rows),
                       .cache = **cache,
                       .rows = OutputRows::kAll,
                       .output = output.first(rows * vocab)})
             .ok()) {
      return {};
    }
    rest.remove_prefix(rows);
    output.remove_prefix(rows * vocab);
    rows = 1;
  }
  std::vector<uint32_t> bits(logits.size());
  std::memcpy(bits.data(), logits.data(), logits.size() * sizeof(float));
  return bits;
}

// One test for each kind of weights: together they would take too long under qemu.
class EveryMatmul : public HostFloatsTest,
                    public testing::WithParamInterface<std::tuple<TensorType, MatmulInput>> {};

TEST_P(EveryMatmul, LogitsHaveTheSameBits) {
  const auto [type, matmuls] = GetParam();
  const KvElement element =
      matmuls == MatmulInput::kInt8 ? KvElement::kF16 : KvElement::kInt8;  // each once
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader,
                       ModelReader::Open(WriteTyped(type)));
  const auto make = [&, rows = matmuls](int32_t num_threads) {
    return CpuDecoder::Create(
        *reader, {.num_threads = num_threads, .prefill_rows = kRows, .prefill_activations = rows});
  };
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<CpuDecoder> usual, make(1));
  const std::vector<uint32_t> expected = Logits(*usual, element);
  ASSERT_FALSE(expected.empty());
  for (const HostFloatsCase& floats : HostFloatsCases()) {
    for (const int32_t num_threads : {1, 3}) {
      std::unique_ptr<CpuDecoder> made;  // packed in the environment, and run in it
      std::vector<uint32_t> in_it;
      std::vector<uint32_t> usual_in_it;
      In(floats, [&] {
        made = *make(num_threads);
        in_it = Logits(*made, element);
        usual_in_it = Logits(*usual, element);
      });
      const std::string what = absl::StrCat(floats.name, " ", num_threads, " threads");
      EXPECT_TRUE(in_it == expected) << what;
      EXPECT_TRUE(usual_in_it == expected) << what;
      EXPECT_TRUE(Logits(*made, element) == expected) << what;
    }
  }
}

std::string MatmulName(const testing::TestParamInfo<std::tuple<TensorType, MatmulInput>>& info) {
  const auto& [type, matmuls] = info.param;
  std::string name(TensorTypeName(type));
  std::replace(name.begin(), name.end(), '/', '_');
  return absl::StrCat(name, matmuls == MatmulInput::kInt8 ? "_int8" : "_float");
}

INSTANTIATE_TEST_SUITE_P(Types, EveryMatmul,
                         testing::Combine(testing::Values(TensorType{ElementType::kF32},
                                                          TensorType{ElementType::kBf16},
                                                          TensorType{ElementType::kInt8Channel},
                                                          TensorType{ElementType::kInt4Channel},
                                                          TensorType{ElementType::kInt4Block, 32},
                                                          TensorType{ElementType::kInt4Block, 128}),
                                          testing::Values(MatmulInput::kInt8, MatmulInput::kFloat)),
                         MatmulName);

// Everything that an app reads of a call.
struct Said {
  std::string text;
  std::vector<int32_t> tokens;
  std::vector<float> log_probabilities;
  friend bool operator==(const Said&, const Said&) = default;
};

Said Read(const absl::StatusOr<GenerateResult>& result) {
  EXPECT_OK(result);
  if (!result.ok()) return {};
  return {result->text, result->tokens, result->log_probabilities};
}

TEST_F(HostFloatsTest, TextIsTheSameThroughThePublicApi) {
  const std::string path = WriteTyped({ElementType::kInt4Block, 32});
  const std::string prompt = "Some text to begin with, long enough to be split over threads.";
  const GenerateOptions greedy = GreedyOptions(24);
  const GenerateOptions sampled = Sampled();
  GenerateOptions from_all = Sampled();
  from_all.sampling.top_p = 1.0f;
  ModelOptions options;
  options.num_threads = 2;
  options.cache_dir = directory_.path();
  SessionOptions drafted;
  const auto run = [&](std::vector<absl::StatusOr<GenerateResult>>& said) {
    absl::StatusOr<ModelPointer> model = LlmModel::Open(path, options);
    SessionOptions session_options;
    session_options.draft_model = *model;
    absl::StatusOr<SessionPointer> session = LlmSession::Create(*model, session_options);
    said.push_back((*session)->Generate(prompt, sampled));
    (void)(*session)->Rewind(10);
    said.push_back((*session)->Generate("more", greedy));
    (void)(*session)->Reset();
    (void)(*session)->Prefill(prompt);
    said.push_back((*session)->GenerateFromTokens({1, 2, 3}, from_all, IgnoreText));
    (void)(*session)->Reset();
    said.push_back((*session)->Chat(prompt, sampled, IgnoreText));
  };
  std::vector<absl::StatusOr<GenerateResult>> usual;
  run(usual);
  for (const HostFloatsCase& floats : HostFloatsCases()) {
    std::vector<absl::StatusOr<GenerateResult>> found;
    In(floats, [&] { run(found); });
    ASSERT_EQ(found.size(), usual.size());
    for (size_t i = 0; i < usual.size(); ++i) {
      EXPECT_EQ(Read(found[i]), Read(usual[i])) << floats.name << " " << i;
    }
  }
}

// Each public call by itself: what one does mustn't be hidden by the next.
TEST_F(HostFloatsTest, NoCallTouchesTheAppsEnvironment) {
  const std::string path = WriteTyped({ElementType::kInt8Channel});
  const ModelOptions options;
  const SessionOptions session_options;
  const GenerateOptions sampled = Sampled();
  for (const HostFloatsCase& floats : HostFloatsCases()) {
    absl::StatusOr<ModelPointer> model;
    absl::StatusOr<SessionPointer> session;
    In(floats, [&] { EXPECT_OK(LlmModel::EstimateMemory(path)); });
    In(floats, [&] { model = LlmModel::Open(path, options); });
    ASSERT_OK(model);
    In(floats, [&] { (void)(*model)->Describe(); });
    In(floats, [&] { EXPECT_OK((*model)->Tokenize("text")); });
    In(floats, [&] { EXPECT_OK((*model)->CountTokens("text")); });
    In(floats, [&] { EXPECT_OK((*model)->Detokenize({65, 66})); });
    In(floats, [&] { session = LlmSession::Create(*model, session_options); });
    ASSERT_OK(session);
    In(floats, [&] { EXPECT_OK((*session)->Prefill("text")); });
    In(floats, [&] { EXPECT_OK((*session)->Generate("text", sampled)); });
    In(floats, [&] { EXPECT_OK((*session)->GenerateFromTokens({7}, sampled, IgnoreText)); });
    In(floats, [&] { EXPECT_OK((*session)->Chat("text", sampled, IgnoreText)); });
    In(floats, [&] { EXPECT_OK((*session)->tokens()); });
    In(floats, [&] { EXPECT_OK((*session)->Rewind(2)); });
    In(floats, [&] { EXPECT_OK((*session)->Reset()); });
    In(floats, [&] { *session = nullptr; });
    In(floats, [&] { *model = nullptr; });
  }
}

TEST_F(HostFloatsTest, ErrorsLeaveItToo) {
  const std::string path = WriteTyped({ElementType::kInt8Channel});
  std::string damaged = ReadFileBytes(path);
  damaged[100] = static_cast<char>(damaged[100] ^ 1);
  WriteFileBytes(directory_.File("damaged.tflite"), damaged);
  ModelOptions bad_model;
  bad_model.num_threads = 1000;
  SessionOptions bad_session;
  bad_session.context_length = 1 << 20;
  GenerateOptions bad_options = Sampled();
  bad_options.sampling.temperature = std::numeric_limits<float>::quiet_NaN();
  GenerateOptions forbidding = Sampled();
  for (int32_t i = 0; i < Config().vocab_size; ++i) {
    forbidding.sampling.logit_bias.push_back({i, -std::numeric_limits<float>::infinity()});
  }
  const std::string long_text(5000, '.');
  ASSERT_OK_AND_ASSIGN(const ModelPointer model, LlmModel::Open(path));
  ASSERT_OK_AND_ASSIGN(const SessionPointer session, LlmSession::Create(model));
  ASSERT_OK(session->Prefill("text"));
  for (const HostFloatsCase& floats : HostFloatsCases()) {
    const auto fails = [&](absl::FunctionRef<absl::Status()> call) {
      absl::Status status;
      In(floats, [&] { status = call(); });
      EXPECT_FALSE(status.ok()) << floats.name;
    };
    fails([&] { return LlmModel::Open(directory_.File("damaged.tflite")).status(); });
    fails([&] { return LlmModel::Open(directory_.File("absent.tflite")).status(); });
    fails([&] { return LlmModel::Open(path, bad_model).status(); });
    fails([&] { return LlmModel::EstimateMemory(path, bad_model).status(); });
    fails([&] { return LlmSession::Create(model, bad_session).status(); });
    fails([&] { return model->Detokenize({-1}).status(); });
    fails([&] { return session->Prefill(long_text); });
    fails([&] { return session->Generate("x", bad_options).status(); });
    fails([&] { return session->Generate("x", forbidding).status(); });
    fails([&] { return session->Rewind(-1); });
  }
}

TEST_F(HostFloatsTest, CallbacksSeeAndKeepTheAppsEnvironment) {
  ASSERT_OK_AND_ASSIGN(const ModelPointer model,
                       LlmModel::Open(WriteTyped({ElementType::kInt8Channel})));
  const GenerateOptions sampled = Sampled();
  ASSERT_OK_AND_ASSIGN(const SessionPointer usual, LlmSession::Create(model));
  ASSERT_OK_AND_ASSIGN(const GenerateResult expected, usual->Generate("text", sampled));
  const std::vector<HostFloatsCase> cases = HostFloatsCases();
  for (size_t i = 0; i < cases.size(); ++i) {
    ASSERT_OK_AND_ASSIGN(const SessionPointer session, LlmSession::Create(model));
    // The app has another environment after each piece of text.
    std::vector<HostFloats> set;
    std::vector<HostFloats> seen;
    set.reserve(100);
    seen.reserve(100);
    SetHostFloats(cases[i]);
    set.push_back(ReadHostFloats());
    absl::StatusOr<GenerateResult> result =
        session->Generate("text", sampled, [&](absl::string_view) {
          seen.push_back(ReadHostFloats());
          ResetHostFloats();
          SetHostFloats(cases[(i + seen.size()) % cases.size()]);
          set.push_back(ReadHostFloats());
          return true;
        });
    seen.push_back(ReadHostFloats());
    ResetHostFloats();
    ASSERT_OK(result);
    EXPECT_GT(seen.size(), 10u);
    EXPECT_EQ(seen, set) << cases[i].name;
    EXPECT_EQ(Read(result), Read(expected)) << cases[i].name;
  }
}

}  // namespace
}  // namespace inkling
