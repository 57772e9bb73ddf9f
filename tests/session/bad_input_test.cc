// Bad input gets a Status that says what, where, expected and found, and the session works on
// afterwards.

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using BadInputTest = SessionTest;

TEST_F(BadInputTest, MissingFileIsNamed) {
  EXPECT_THAT(LlmModel::Open("/nowhere/model.tflite"),
              MatchesStatus(absl::StatusCode::kNotFound, {"/nowhere/model.tflite"}));
}

TEST_F(BadInputTest, AFileThatIsNoModelIsNamed) {
  const std::string path = directory_.path() + "/text.tflite";
  std::ofstream(path) << "This is not a model, but it is long enough to be looked at by somebody "
                         "who reads headers.";
  EXPECT_THAT(LlmModel::Open(path), MatchesStatus(absl::StatusCode::kInvalidArgument, {path}));
}

TEST_F(BadInputTest, ModelOptionsOutOfRange) {
  const std::string path = WriteModel("model.tflite", TinyConfig());
  ModelOptions options;
  options.num_threads = -1;
  EXPECT_THAT(LlmModel::Open(path, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"num_threads", "-1"}));
  options.num_threads = 1;
  for (int32_t decode_threads : {-1, 257}) {
    options.decode_threads = decode_threads;
    EXPECT_THAT(LlmModel::Open(path, options),
                MatchesStatus(absl::StatusCode::kInvalidArgument,
                              {"decode_threads is " + std::to_string(decode_threads),
                               "expected 1 to 256, or 0"}));
  }
  options.decode_threads = 0;
  options.prefill_chunk = 0;
  EXPECT_THAT(LlmModel::Open(path, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"prefill_chunk", "0"}));
  options.prefill_chunk = 5000;
  EXPECT_THAT(LlmModel::EstimateMemory(path, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"prefill_chunk", "5000"}));
  options.prefill_chunk = 128;
  options.prefill_activations = static_cast<ActivationPrecision>(3);
  EXPECT_THAT(LlmModel::Open(path, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"prefill_activations is 3", "expected kAuto (0), kInt8 (1)"}));
}

TEST_F(BadInputTest, SessionOptionsOutOfRange) {
  auto model = OpenModel();
  SessionOptions options;
  options.context_length = -5;
  EXPECT_THAT(LlmSession::Create(model, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"context_length", "-5"}));
  options.context_length = TinyConfig().context_length + 1;
  EXPECT_THAT(LlmSession::Create(model, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"context_length", std::to_string(TinyConfig().context_length)}));
  options.context_length = 0;
  options.kv_cache_type = static_cast<KvCacheType>(9);
  EXPECT_THAT(LlmSession::Create(model, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"kv_cache_type", "9"}));
  EXPECT_THAT(LlmSession::Create(nullptr),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"null"}));
}

// Every bad call leaves the session where it was, able to generate what it would have.
class BadCallTest : public SessionTest {
 protected:
  void SetUp() override {
    model_ = OpenModel();
    session_ = NewSession(model_, 32);
    ASSERT_OK(session_->Prefill("good"));
    before_ = session_->position();
    auto fresh = NewSession(model_, 32);
    ASSERT_OK_AND_ASSIGN(GenerateResult result, fresh->Generate("good", GreedyOptions(6)));
    expected_ = result.tokens;
  }

  void TearDown() override {
    EXPECT_EQ(session_->position(), before_);
    ASSERT_OK_AND_ASSIGN(GenerateResult result, session_->Generate("", GreedyOptions(6)));
    EXPECT_EQ(result.tokens, expected_);
  }

  std::shared_ptr<const LlmModel> model_;
  std::unique_ptr<LlmSession> session_;
  int32_t before_ = 0;
  std::vector<int32_t> expected_;
};

TEST_F(BadCallTest, PromptLongerThanTheContext) {
  const std::string prompt =
      "a very long prompt that has a good many more tokens than positions are left in here";
  EXPECT_THAT(session_->Generate(prompt, GreedyOptions(3)),
              MatchesStatus(absl::StatusCode::kResourceExhausted, {"tokens", "room for", "of 32"}));
  EXPECT_THAT(session_->Prefill(prompt),
              MatchesStatus(absl::StatusCode::kResourceExhausted, {"room for"}));
}

TEST_F(BadCallTest, OptionsThatAreNotNumbers) {
  GenerateOptions options = GreedyOptions(3);
  options.sampling.temperature = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(session_->Generate("x", options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"temperature", "nan"}));
}

TEST_F(BadCallTest, ZeroNewTokens) {
  EXPECT_THAT(
      session_->Generate("x", GreedyOptions(0)),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"max_new_tokens", "0", "at least 1"}));
}

TEST_F(BadCallTest, StopTokenAndStopStringThatCantBe) {
  GenerateOptions options = GreedyOptions(3);
  options.stop_tokens = {100000};
  EXPECT_THAT(session_->Generate("x", options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"stop_tokens[0]", "100000"}));
  options = GreedyOptions(3);
  options.stop_strings = {""};
  EXPECT_THAT(session_->Generate("x", options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"stop_strings[0]", "empty"}));
}

TEST_F(BadCallTest, TokensOutsideTheVocabulary) {
  EXPECT_THAT(session_->GenerateFromTokens(std::vector<int32_t>{1, 2, 100000}, GreedyOptions(3),
                                           IgnoreText),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"token 100000", "index 2"}));
  EXPECT_THAT(session_->GenerateFromTokens(std::vector<int32_t>{-1}, GreedyOptions(3), IgnoreText),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"token -1", "index 0"}));
  EXPECT_THAT(model_->Detokenize(std::vector<int32_t>{0, 100000}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"100000", "index 1"}));
}

TEST_F(BadCallTest, RewindOutside) {
  EXPECT_THAT(session_->Rewind(-1), MatchesStatus(absl::StatusCode::kOutOfRange, {"-1"}));
  EXPECT_THAT(session_->Rewind(before_ + 1),
              MatchesStatus(absl::StatusCode::kOutOfRange,
                            {std::to_string(before_ + 1), std::to_string(before_)}));
}

TEST_F(BadCallTest, ChatWithoutATemplate) {
  ModelMetadata metadata = TinyMetadata(TinyConfig());
  metadata.prompt_template = PromptTemplateData();
  metadata.prompt_template.note = "the checkpoint had none";
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const LlmModel> model,
                       LlmModel::Open(WriteModel("plain.tflite", metadata)));
  auto session = NewSession(model);
  EXPECT_FALSE(session->has_prompt_template());
  EXPECT_THAT(session->Chat("hello", GreedyOptions(3), IgnoreText),
              MatchesStatus(absl::StatusCode::kFailedPrecondition,
                            {"no prompt template", "the checkpoint had none"}));
  EXPECT_EQ(session->position(), 0);
  ASSERT_OK(session->Generate("hello", GreedyOptions(3)));
}

TEST_F(BadCallTest, SystemPromptWithoutAPlaceForIt) {
  SessionOptions options;
  options.system_prompt = "Be kind.";
  EXPECT_THAT(LlmSession::Create(model_, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"system_prompt", "tiny"}));
}

TEST_F(BadCallTest, TextThatIsNoUtf8IsTextAllTheSame) {
  ASSERT_OK(session_->Prefill("\xFF\xFE broken \xC3"));
  ASSERT_OK(session_->Rewind(before_));
}

TEST_F(BadInputTest, NothingToContinue) {
  auto session = NewSession(OpenModel());
  EXPECT_THAT(session->GenerateFromTokens({}, GreedyOptions(3), IgnoreText),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"nothing to continue"}));
  ASSERT_OK(session->Generate("now", GreedyOptions(3)));
}

}  // namespace
}  // namespace inkling
