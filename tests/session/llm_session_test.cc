// Generating text: the ways to say the same thing give the same thing, and every reason to stop
// stops.

#include "inkling/llm_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using LlmSessionTest = SessionTest;

TEST_F(LlmSessionTest, CallbackPiecesConcatenateToTheText) {
  auto model = OpenModel();
  std::string streamed;
  ASSERT_OK_AND_ASSIGN(
      GenerateResult result,
      NewSession(model)->Generate("some words", GreedyOptions(40), [&](absl::string_view text) {
        streamed.append(text.data(), text.size());
        return true;
      }));
  EXPECT_EQ(streamed, result.text);
  EXPECT_EQ(result.tokens.size(), 40u);
  EXPECT_EQ(result.stop_reason, StopReason::kMaxNewTokens);
}

TEST_F(LlmSessionTest, ResultTellsPromptTokensAndPosition) {
  auto model = OpenModel();
  auto session = NewSession(model);
  ASSERT_OK_AND_ASSIGN(GenerateResult result, session->Generate("some words", GreedyOptions(5)));
  const int32_t bos = session->position() - result.num_prompt_tokens - 5;
  EXPECT_EQ(bos, 0);
  EXPECT_GE(result.num_prompt_tokens, *model->CountTokens("some words"));
  EXPECT_EQ(session->remaining_tokens(), session->context_length() - session->position());
  EXPECT_GT(result.prefill_seconds, 0);
  EXPECT_GT(result.decode_seconds, 0);
  EXPECT_GE(result.time_to_first_token_seconds, result.prefill_seconds);
}

TEST_F(LlmSessionTest, PrefillThenGenerateEqualsGenerate) {
  auto model = OpenModel();
  const std::vector<int32_t> expected = FreshTokens(model, "one two three", GreedyOptions(12));
  auto session = NewSession(model);
  ASSERT_OK(session->Prefill("one two three"));
  ASSERT_OK_AND_ASSIGN(GenerateResult result, session->Generate("", GreedyOptions(12)));
  EXPECT_EQ(result.tokens, expected);
}

TEST_F(LlmSessionTest, GeneratingInTwoCallsEqualsOne) {
  auto model = OpenModel();
  const std::vector<int32_t> expected = FreshTokens(model, "one two", GreedyOptions(20));
  auto session = NewSession(model);
  ASSERT_OK_AND_ASSIGN(GenerateResult first, session->Generate("one two", GreedyOptions(8)));
  ASSERT_OK_AND_ASSIGN(GenerateResult second, session->Generate("", GreedyOptions(12)));
  std::vector<int32_t> both = first.tokens;
  both.insert(both.end(), second.tokens.begin(), second.tokens.end());
  EXPECT_EQ(both, expected);
}

TEST_F(LlmSessionTest, PrefillChunkAndThreadsChangeNothing) {
  const std::string prompt = "a prompt that is longer than one chunk of the smallest size";
  std::vector<int32_t> expected;
  for (int32_t chunk : {1, 5, 128}) {
    for (int32_t threads : {1, 2}) {
      ModelOptions options;
      options.num_threads = threads;
      options.prefill_chunk = chunk;
      for (int32_t decode_threads : {0, 1, 3}) {
        options.decode_threads = decode_threads;
        const std::vector<int32_t> tokens =
            FreshTokens(OpenModel(TinyConfig(), options), prompt, GreedyOptions(10));
        if (expected.empty()) expected = tokens;
        EXPECT_EQ(tokens, expected) << chunk << " " << threads << " " << decode_threads;
      }
    }
  }
}

TEST_F(LlmSessionTest, TheSameSeedGivesTheSameText) {
  auto model = OpenModel();
  GenerateOptions options = GreedyOptions(20);
  options.sampling = SamplingOptions();
  options.sampling.temperature = 2;
  options.sampling.seed = 3;
  const std::vector<int32_t> once = FreshTokens(model, "seed", options);
  EXPECT_EQ(FreshTokens(model, "seed", options), once);
  options.sampling.seed = 4;
  EXPECT_NE(FreshTokens(model, "seed", options), once);
}

TEST_F(LlmSessionTest, WithoutASeedTheTextIsAnotherAndCanBeMadeAgain) {
  auto model = OpenModel();
  GenerateOptions options = GreedyOptions(20);
  options.sampling.temperature = 2;
  ASSERT_OK_AND_ASSIGN(const GenerateResult first, NewSession(model)->Generate("seed", options));
  ASSERT_OK_AND_ASSIGN(const GenerateResult other, NewSession(model)->Generate("seed", options));
  EXPECT_NE(first.seed, other.seed);
  EXPECT_NE(first.tokens, other.tokens);
  options.sampling.seed = first.seed;
  ASSERT_OK_AND_ASSIGN(const GenerateResult again, NewSession(model)->Generate("seed", options));
  EXPECT_EQ(again.seed, first.seed);
  EXPECT_EQ(again.tokens, first.tokens);
}

TEST_F(LlmSessionTest, CallsWithoutACallbackGiveTheSameText) {
  auto model = OpenModel();
  const GenerateOptions options = GreedyOptions(9);
  const std::vector<int32_t> prompt = {256, 'a', 'b'};
  ASSERT_OK_AND_ASSIGN(const GenerateResult tokens,
                       NewSession(model)->GenerateFromTokens(prompt, options));
  ASSERT_OK_AND_ASSIGN(const GenerateResult tokens_shown,
                       NewSession(model)->GenerateFromTokens(prompt, options, IgnoreText));
  EXPECT_EQ(tokens.text, tokens_shown.text);
  ASSERT_OK_AND_ASSIGN(const GenerateResult chat, NewSession(model)->Chat("ab", options));
  ASSERT_OK_AND_ASSIGN(const GenerateResult chat_shown,
                       NewSession(model)->Chat("ab", options, IgnoreText));
  EXPECT_EQ(chat.text, chat_shown.text);
}

TEST_F(LlmSessionTest, TokenizeThenGenerateFromTokensEqualsGenerate) {
  auto model = OpenModel();
  auto by_text = NewSession(model);
  auto by_tokens = NewSession(model);
  for (const std::string prompt : {"<turn>one", " two<end>"}) {
    TokenizeOptions tokenize;
    tokenize.add_beginning_of_sequence = true;
    tokenize.parse_special_tokens = true;
    tokenize.continues_text = by_text->position() > 0;
    GenerateOptions options = GreedyOptions(5);
    options.parse_special_tokens = true;
    ASSERT_OK_AND_ASSIGN(const GenerateResult expected, by_text->Generate(prompt, options));
    ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> tokens, model->Tokenize(prompt, tokenize));
    EXPECT_EQ(*model->CountTokens(prompt, tokenize), static_cast<int32_t>(tokens.size()));
    ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                         by_tokens->GenerateFromTokens(tokens, GreedyOptions(5)));
    EXPECT_EQ(result.tokens, expected.tokens);
    EXPECT_EQ(*by_tokens->tokens(), *by_text->tokens());
  }
}

TEST_F(LlmSessionTest, TheBeginningOfSequenceTokenCanBeLeftOut) {
  auto model = OpenModel();
  ASSERT_TRUE(model->beginning_of_sequence_token().has_value());
  const int32_t bos = *model->beginning_of_sequence_token();
  EXPECT_EQ(model->Tokenize("x", {.add_beginning_of_sequence = true})->front(), bos);
  EXPECT_EQ(model->Tokenize("x")->front(), 'x');
  for (const bool add : {false, true}) {
    auto session = NewSession(model);
    ASSERT_OK(session->Prefill("x", {.add_beginning_of_sequence = add}));
    EXPECT_EQ(session->tokens()->front(), add ? bos : 'x') << "Prefill";
    session = NewSession(model);
    GenerateOptions options = GreedyOptions(1);
    options.add_beginning_of_sequence = add;
    ASSERT_OK(session->Generate("x", options));
    EXPECT_EQ(session->tokens()->front(), add ? bos : 'x') << "Generate";
  }
  GenerateOptions options = GreedyOptions(1);
  options.add_beginning_of_sequence = false;
  EXPECT_THAT(NewSession(model)->Generate("", options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"nothing to continue"}));
}

// TinyTokenizer: the 256 bytes, then <bos>, <eos>, <turn> and <end>.
TEST_F(LlmSessionTest, SpecialTokensHaveIdsAndTexts) {
  auto model = OpenModel();
  std::vector<std::string> texts;
  for (const SpecialToken& token : model->special_tokens()) {
    EXPECT_EQ(token.id, 256 + static_cast<int32_t>(texts.size()));
    EXPECT_EQ(*model->TokenText(token.id), token.text);
    EXPECT_EQ(*model->Tokenize(token.text, {.parse_special_tokens = true}),
              std::vector<int32_t>{token.id});
    texts.push_back(token.text);
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"<bos>", "<eos>", "<turn>", "<end>"}));
  EXPECT_EQ(model->beginning_of_sequence_token(), 256);
  EXPECT_EQ(model->end_of_sequence_token(), 257);
  EXPECT_THAT(model->stop_tokens(), ::testing::Contains(257));
  EXPECT_EQ(*model->TokenText(0xC3), "\xC3");
  EXPECT_THAT(model->TokenText(-1), MatchesStatus(absl::StatusCode::kInvalidArgument, {"-1"}));
}

TEST_F(LlmSessionTest, StopTokenEndsAndIsNoPartOfTheSession) {
  auto model = OpenModel();
  const std::vector<int32_t> expected = FreshTokens(model, "stop here", GreedyOptions(10));
  GenerateOptions options = GreedyOptions(10);
  options.stop_tokens = {expected[3]};
  auto session = NewSession(model);
  ASSERT_OK_AND_ASSIGN(GenerateResult result, session->Generate("stop here", options));
  EXPECT_EQ(result.stop_reason, StopReason::kStopToken);
  size_t first = 0;
  while (expected[first] != expected[3]) ++first;
  EXPECT_EQ(result.tokens.size(), first);
  EXPECT_EQ(session->position(), result.num_prompt_tokens + static_cast<int32_t>(first));
}

TEST_F(LlmSessionTest, StopStringEndsTheTextInFrontOfItAndTheSessionWithIt) {
  auto model = OpenModel();
  auto whole = NewSession(model);
  ASSERT_OK_AND_ASSIGN(GenerateResult all, whole->Generate("stop", GreedyOptions(30)));
  // Random weights give short loops of odd text; take a stop string from its middle.
  ASSERT_GT(all.text.size(), 8u);
  size_t begin = all.text.size() / 2;
  while ((static_cast<unsigned char>(all.text[begin]) & 0xC0) == 0x80) --begin;
  size_t end = begin + 1;
  while (end < all.text.size() && (static_cast<unsigned char>(all.text[end]) & 0xC0) == 0x80) ++end;
  GenerateOptions options = GreedyOptions(30);
  options.stop_strings = {all.text.substr(begin, end - begin)};
  auto session = NewSession(model);
  std::string streamed;
  ASSERT_OK_AND_ASSIGN(GenerateResult result,
                       session->Generate("stop", options, [&](absl::string_view text) {
                         streamed.append(text.data(), text.size());
                         return true;
                       }));
  EXPECT_EQ(result.stop_reason, StopReason::kStopString);
  EXPECT_EQ(result.text, all.text.substr(0, all.text.find(options.stop_strings[0])));
  EXPECT_EQ(streamed, result.text);
  EXPECT_EQ(session->position(),
            result.num_prompt_tokens + static_cast<int32_t>(result.tokens.size()));
}

TEST_F(LlmSessionTest, AFullContextIsAReasonNotAnError) {
  auto session = NewSession(OpenModel(), 24);
  ASSERT_OK_AND_ASSIGN(GenerateResult result, session->Generate("fill", GreedyOptions(1000)));
  EXPECT_EQ(result.stop_reason, StopReason::kContextFull);
  EXPECT_EQ(session->position(), 24);
  EXPECT_EQ(session->remaining_tokens(), 0);
  // Nothing is lost: going back makes room again.
  ASSERT_OK(session->Rewind(10));
  ASSERT_OK_AND_ASSIGN(GenerateResult more, session->Generate("", GreedyOptions(3)));
  EXPECT_EQ(more.tokens.size(), 3u);
}

TEST_F(LlmSessionTest, CallbackReturningFalseStops) {
  auto session = NewSession(OpenModel());
  int calls = 0;
  ASSERT_OK_AND_ASSIGN(
      GenerateResult result,
      session->Generate("call", GreedyOptions(50), [&](absl::string_view) { return ++calls < 3; }));
  EXPECT_EQ(result.stop_reason, StopReason::kCallback);
  EXPECT_EQ(calls, 3);
  EXPECT_LT(result.tokens.size(), 50u);
}

TEST_F(LlmSessionTest, LogProbabilitiesAreTheModelsOwn) {
  auto model = OpenModel();
  GenerateOptions options = GreedyOptions(6);
  options.return_log_probabilities = true;
  ASSERT_OK_AND_ASSIGN(GenerateResult result, NewSession(model)->Generate("log", options));
  ASSERT_EQ(result.log_probabilities.size(), result.tokens.size());
  for (float value : result.log_probabilities) {
    EXPECT_LE(value, 0.0f);
    EXPECT_GE(value, -std::log(static_cast<float>(
                         model->vocab_size())));  // greedy: at least as likely as the mean
  }
}

TEST_F(LlmSessionTest, SpecialTokensInTextStayTextUnlessAsked) {
  auto model = OpenModel();
  ASSERT_OK_AND_ASSIGN(std::vector<int32_t> tokens, model->Tokenize("<bos>"));
  EXPECT_GT(tokens.size(), 1u);
}

// TinyTokenizer's <turn> is the piece behind the bytes, <bos> and <eos>.
TEST_F(LlmSessionTest, SpecialTokensInATextAreTokensWhereTheCallSaysSo) {
  constexpr int32_t kBos = 256;
  constexpr int32_t kTurn = 258;
  auto model = OpenModel();
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> spelled, model->Tokenize("<turn>x"));
  const std::vector<int32_t> parsed = {kBos, kTurn, 'x'};
  std::vector<int32_t> plain = {kBos};
  plain.insert(plain.end(), spelled.begin(), spelled.end());
  for (const bool parse : {false, true}) {
    auto session = NewSession(model);
    ASSERT_OK(session->Prefill("<turn>x", {.parse_special_tokens = parse}));
    EXPECT_EQ(*session->tokens(), parse ? parsed : plain) << "Prefill";
    session = NewSession(model);
    GenerateOptions options = GreedyOptions(1);
    options.parse_special_tokens = parse;
    ASSERT_OK(session->Generate("<turn>x", options));
    ASSERT_OK_AND_ASSIGN(std::vector<int32_t> tokens, session->tokens());
    tokens.pop_back();
    EXPECT_EQ(tokens, parse ? parsed : plain) << "Generate";
  }
  auto session = NewSession(model);
  ASSERT_OK(session->Prefill("<turn>x"));
  EXPECT_EQ(*session->tokens(), plain);
}

TEST_F(LlmSessionTest, TokenizeAndDetokenizeAreInverse) {
  auto model = OpenModel();
  const std::string text = "Grüße, 世界! \n two  spaces";
  ASSERT_OK_AND_ASSIGN(std::vector<int32_t> tokens, model->Tokenize(text));
  ASSERT_OK_AND_ASSIGN(std::string back, model->Detokenize(tokens));
  EXPECT_EQ(back, text);
  EXPECT_EQ(*model->CountTokens(text), static_cast<int32_t>(tokens.size()));
}

TEST_F(LlmSessionTest, DescribeNamesWhatRuns) {
  auto model = OpenModel();
  const ModelDescription description = model->Describe();
  EXPECT_EQ(description.vocab_size, TinyConfig().vocab_size);
  EXPECT_EQ(description.num_threads, 1);
  EXPECT_EQ(description.model_id.size(), 32u);
  EXPECT_FALSE(description.kernel_class.empty());
  EXPECT_FALSE(description.simd_target.empty());
  EXPECT_GT(description.packed_weight_bytes, 0);
  EXPECT_GT(description.file_bytes, description.num_parameters * 4);
  EXPECT_THAT(description.architecture, ::testing::HasSubstr("2 layers, hidden 32"));
}

TEST_F(LlmSessionTest, EstimateMatchesWhatOpenUses) {
  const std::string path = WriteModel("model.tflite", TinyConfig());
  ASSERT_OK_AND_ASSIGN(MemoryEstimate estimate, LlmModel::EstimateMemory(path));
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const LlmModel> model, LlmModel::Open(path));
  const ModelDescription description = model->Describe();
  EXPECT_GE(estimate.packed_weights, description.packed_weight_bytes);
  EXPECT_LE(estimate.packed_weights, description.packed_weight_bytes * 1.25 + 65536);
  EXPECT_EQ(estimate.scratch, description.scratch_bytes);
  EXPECT_GT(estimate.kv_cache, 0);
}

}  // namespace
}  // namespace inkling
