// Files that MediaPipe's own converters wrote, for cpu and gpu, with random weights: ids, logits
// and greedy tokens of a float pass over the weights in them (expected.json). No tokenizer is
// given: the vocabularies inside have to do.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "converter/convert.h"
#include "gtest/gtest.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "nlohmann/json.hpp"
#include "src/format/model_metadata.h"
#include "src/format/model_reader.h"
#include "src/text/tokenizer.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

// Two correct float passes differ by 1e-5; exchanged rows or a lost scale by more than 0.1.
constexpr double kLogitTolerance = 1e-4;
constexpr int32_t kContext = 128;

std::string Folder() { return std::string(INKLING_TEST_DATA_DIR) + "/golden/mediapipe/"; }

nlohmann::json Expected() {
  return nlohmann::json::parse(ReadFileBytes(Folder() + "expected.json"));
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  const nlohmann::json expected = Expected();
  for (const auto& item : expected.items()) names.push_back(item.key());
  return names;
}

class MediapipeGoldenTest : public testing::TestWithParam<std::string> {
 protected:
  absl::StatusOr<ConvertSummary> Convert(std::optional<TensorType> weights) {
    ConvertOptions options;
    options.weights = weights;
    return ConvertCheckpoint(Folder() + GetParam() + ".bin", ModelPath(), options);
  }
  std::string ModelPath() const { return folder_.File("model.tflite"); }
  nlohmann::json Prompts() const { return Expected()[GetParam()]["prompts"]; }

  TempDir folder_;
};

int32_t ArgMax(absl::Span<const float> row) {
  return static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

TEST_P(MediapipeGoldenTest, IdsAndLogitsAreTheFilesOwn) {
  ASSERT_OK(Convert(kF32Type));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader, ModelReader::Open(ModelPath()));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<const Tokenizer> tokenizer,
                       Tokenizer::Create(reader->metadata().tokenizer));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<CpuDecoder> decoder,
                       CpuDecoder::Create(*reader, {.num_threads = 1, .prefill_rows = kContext}));
  const size_t vocab_size = static_cast<size_t>(reader->config().vocab_size);
  for (const nlohmann::json& prompt : Prompts()) {
    SCOPED_TRACE(prompt["text"].get<std::string>());
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<CpuKvCache> cache,
                         CpuKvCache::Create(reader->config(), {.capacity = kContext,
                                                               .max_chunk = kContext,
                                                               .element = KvElement::kF32}));
    ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids,
                         tokenizer->Encode(prompt["text"].get<std::string>(),
                                           {.added_ids = AddedIds::kAsVocabularySays}));
    EXPECT_EQ(ids, prompt["input_ids"].get<std::vector<int32_t>>());
    std::vector<float> row = RunAll(*decoder, *cache, ids, kContext);
    ASSERT_EQ(row.size(), ids.size() * vocab_size);
    row.erase(row.begin(), row.end() - static_cast<ptrdiff_t>(vocab_size));
    EXPECT_LE(MaxDifference(row, prompt["last_logits"].get<std::vector<float>>()), kLogitTolerance);
    const std::vector<int32_t> greedy = prompt["greedy_ids"].get<std::vector<int32_t>>();
    std::vector<int32_t> found;
    while (found.size() < greedy.size()) {
      found.push_back(ArgMax(row));
      row = RunAll(*decoder, *cache, {found.back()}, 1);
    }
    EXPECT_EQ(found, greedy);
    // Behind the prompt, because a text of its own has no space in front.
    std::vector<int32_t> all = ids;
    all.insert(all.end(), greedy.begin(), greedy.end());
    ASSERT_OK_AND_ASSIGN(const std::string text, tokenizer->Decode(all, {}));
    EXPECT_TRUE(absl::EndsWith(text, prompt["greedy_text"].get<std::string>())) << text;
  }
}

TEST_P(MediapipeGoldenTest, WeightsAreTakenAsTheyAre) {
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary, Convert(std::nullopt));
  EXPECT_TRUE(absl::StrContains(summary.notes[0], "taken as they are")) << summary.notes[0];
  for (const TensorKindSummary& kind : summary.kinds) EXPECT_EQ(kind.relative_error, 0.0);
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<const LlmModel> model, LlmModel::Open(ModelPath()));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<LlmSession> session, LlmSession::Create(model));
  GenerateOptions options;
  options.max_new_tokens = 8;
  options.ignore_model_stop_tokens = true;
  std::string text;
  ASSERT_OK(
      session->Generate("the mouse sat by the river", options, [&text](absl::string_view part) {
        text += part;
        return true;
      }));
  EXPECT_FALSE(text.empty());
}

INSTANTIATE_TEST_SUITE_P(Files, MediapipeGoldenTest, testing::ValuesIn(Names()),
                         [](const testing::TestParamInfo<std::string>& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace inkling
