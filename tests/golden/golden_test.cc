// Golden checkpoints: converted to f32, run at several chunk sizes and thread counts, compared with
// the logits, hidden rows and greedy tokens that Hugging Face transformers computed in float32.
//
// Correct float32 engines differ by 1e-5 to 8e-5 in these logits; a wrong epsilon, a wrong GELU or
// a wrong rotation moves them by 2e-3 and more. See golden.json of each folder for the tool and its
// own checks.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/convert.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "gtest/gtest.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/cpu_kv_cache.h"
#include "src/format/model_reader.h"
#include "src/text/tokenizer.h"
#include "tests/converter/gguf_fixture.h"
#include "tests/converter/gguf_from_hugging_face.h"
#include "tests/golden/golden_data.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

constexpr float kLogitTolerance = 1e-3f;
constexpr int32_t kMaxChunk = 128;
constexpr size_t kChunks[] = {1, 5, 128};

void ExpectNear(absl::Span<const float> found, absl::Span<const float> expected, const char* what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  float largest = 0.0f;
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_TRUE(std::isfinite(found[i])) << what << " at " << i;
    largest = std::max(largest, std::fabs(found[i] - expected[i]));
  }
  EXPECT_LE(largest, kLogitTolerance) << what;
}

int32_t ArgMax(absl::Span<const float> row) {
  return static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

double LogProbability(absl::Span<const float> row, int32_t token) {
  const double highest = *std::max_element(row.begin(), row.end());
  double sum = 0.0;
  for (const float logit : row) sum += std::exp(logit - highest);
  return row[static_cast<size_t>(token)] - highest - std::log(sum);
}

// A converted checkpoint with one decoder over it, fed in chunks of `chunk`.
class GoldenRun {
 public:
  GoldenRun(const ModelReader& reader, size_t chunk, int32_t num_threads) : chunk_(chunk) {
    absl::StatusOr<std::unique_ptr<CpuDecoder>> decoder = CpuDecoder::Create(
        reader, {.num_threads = num_threads, .prefill_rows = kMaxChunk, .decode_rows = 4});
    EXPECT_OK(decoder);
    if (decoder.ok()) decoder_ = *std::move(decoder);
    absl::StatusOr<std::unique_ptr<CpuKvCache>> cache = CpuKvCache::Create(
        reader.config(), {.capacity = 512, .max_chunk = kMaxChunk, .element = KvElement::kF32});
    EXPECT_OK(cache);
    if (cache.ok()) cache_ = *std::move(cache);
  }

  bool ok() const { return decoder_ != nullptr && cache_ != nullptr; }
  void Restart() { ASSERT_OK(cache_->Rewind(0)); }

  std::vector<float> AllLogits(absl::Span<const int32_t> tokens) {
    return Run(tokens, decoder_->config().vocab_size);
  }
  std::vector<float> Hidden(absl::Span<const int32_t> tokens) { return Run(tokens, 0); }

 private:
  // Logits of every row, or with a vocabulary of 0 the hidden rows.
  std::vector<float> Run(absl::Span<const int32_t> tokens, int32_t vocab) {
    const size_t width = static_cast<size_t>(vocab > 0 ? vocab : decoder_->config().hidden_dim);
    std::vector<float> rows(tokens.size() * width);
    for (size_t first = 0; first < tokens.size(); first += chunk_) {
      const absl::Span<const int32_t> part = tokens.subspan(first, chunk_);
      const absl::Span<float> output =
          absl::MakeSpan(rows).subspan(first * width, part.size() * width);
      const absl::Status status =
          vocab > 0
              ? decoder_->Forward(
                    {.tokens = part, .cache = *cache_, .rows = OutputRows::kAll, .output = output})
              : decoder_->Forward({.tokens = part,
                                   .cache = *cache_,
                                   .rows = OutputRows::kAll,
                                   .kind = OutputKind::kHidden,
                                   .output = output});
      EXPECT_OK(status);
    }
    return rows;
  }

  size_t chunk_;
  std::unique_ptr<CpuDecoder> decoder_;
  std::unique_ptr<KvCache> cache_;
};

void CheckPrompt(GoldenRun& run, const GoldenPrompt& prompt) {
  SCOPED_TRACE(prompt.name);
  run.Restart();
  const size_t vocab = prompt.last_logits.size();
  const std::vector<float> logits = run.AllLogits(prompt.tokens);
  const auto row = [&](size_t i) { return absl::MakeSpan(logits).subspan(i * vocab, vocab); };
  ExpectNear(row(prompt.tokens.size() - 1), prompt.last_logits, "last logits");
  for (size_t i = 0; i < prompt.argmax_all_positions.size(); ++i) {
    EXPECT_EQ(ArgMax(row(i)), prompt.argmax_all_positions[i]) << "position " << i;
  }
  for (size_t i = 0; i < prompt.token_log_probs.size(); ++i) {
    EXPECT_NEAR(LogProbability(row(i), prompt.tokens[i + 1]), prompt.token_log_probs[i],
                kLogitTolerance)
        << "position " << i;
  }
  std::vector<int32_t> greedy;
  int32_t next = ArgMax(row(prompt.tokens.size() - 1));
  while (greedy.size() < prompt.greedy.size()) {
    greedy.push_back(next);
    next = ArgMax(run.AllLogits({next}));
  }
  EXPECT_EQ(greedy, prompt.greedy);
}

// What a folder may leave out for its size: hidden rows of the second prompt, logits of the third.
void CheckArrays(GoldenRun& run, const std::string& folder,
                 const std::vector<GoldenPrompt>& prompts) {
  if (const std::string path = folder + "/hidden_states_p1.npy"; std::filesystem::exists(path)) {
    // [layers + 1, 7, hidden]: the last entry is what follows the final norm.
    ASSERT_OK_AND_ASSIGN(const NpyArray hidden, ReadNpy(path));
    run.Restart();
    const std::vector<float> found = run.Hidden(prompts[1].tokens);
    ASSERT_EQ(hidden.shape.size(), 3u);
    ExpectNear(found, absl::MakeSpan(hidden.values).last(found.size()), "hidden rows of len7");
  }
  if (const std::string path = folder + "/logits_all_p2.npy"; std::filesystem::exists(path)) {
    ASSERT_OK_AND_ASSIGN(const NpyArray logits, ReadNpy(path));
    run.Restart();
    ExpectNear(run.AllLogits(prompts[2].tokens), logits.values, "logits of len33");
  }
}

// Converts `checkpoint` and checks everything that the golden files of `folder` hold, at each chunk
// size and thread count.
void CheckCheckpoint(const std::string& checkpoint, const std::string& folder,
                     absl::Span<const size_t> chunks, absl::Span<const int32_t> thread_counts) {
  const TempDir temp;
  const std::string path = temp.File("model.tflite");
  ConvertOptions options;
  options.weights = {ElementType::kF32, 0};
  ASSERT_OK(ConvertCheckpoint(checkpoint, path, options));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader, ModelReader::Open(path));
  ASSERT_OK_AND_ASSIGN(const std::vector<GoldenPrompt> prompts,
                       ReadGoldenPrompts(folder + "/golden.json"));
  ASSERT_FALSE(prompts.empty());

  for (const size_t chunk : chunks) {
    for (const int32_t threads : thread_counts) {
      SCOPED_TRACE("chunk " + std::to_string(chunk) + ", threads " + std::to_string(threads));
      GoldenRun run(*reader, chunk, threads);
      ASSERT_TRUE(run.ok());
      for (const GoldenPrompt& prompt : prompts) CheckPrompt(run, prompt);

      CheckArrays(run, folder, prompts);
    }
  }
}

std::string NameOf(const testing::TestParamInfo<const char*>& info) { return info.param; }

class GoldenCheckpointTest : public testing::TestWithParam<const char*> {};

TEST_P(GoldenCheckpointTest, F32EqualsTheReferenceImplementation) {
  const std::string folder = std::string(INKLING_TEST_DATA_DIR) + "/golden/" + GetParam();
  CheckCheckpoint(folder, folder, kChunks, {1, 2});
}

// The model that this repository ships, against examples/models/golden.py.
TEST(GoldenOwnModelTest, F32EqualsTheReferenceImplementation) {
  CheckCheckpoint(std::string(INKLING_SOURCE_DIR) + "/examples/models/inkling-tiny",
                  std::string(INKLING_TEST_DATA_DIR) + "/golden/inkling_tiny", kChunks, {1, 2});
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, GoldenCheckpointTest,
                         testing::Values("falcon_rw", "gemma", "gemma2", "gemma3", "llama",
                                         "llama3", "phi", "qwen2", "qwen3", "stablelm"),
                         NameOf);

// More of them, too large to be part of the repository. stories260k is a trained model.
class SharedGoldenCheckpointTest : public testing::TestWithParam<const char*> {};

TEST_P(SharedGoldenCheckpointTest, F32EqualsTheReferenceImplementation) {
  const std::string folder = std::string(INKLING_SHARED_DIR) + "/golden/" + GetParam();
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  CheckCheckpoint(folder, folder, kChunks, {1, 2});
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, SharedGoldenCheckpointTest,
                         testing::Values("falcon_7b", "gemma3_linear", "llama_sharded", "phi3",
                                         "smollm", "stories260k"),
                         NameOf);

// The same checkpoints as GGUF files: logits, and the ids of the golden text.
struct GgufGolden {
  const char* name;
  const char* pre;  // tokenizer.ggml.pre; empty for a SentencePiece vocabulary
};

// The folder of a golden checkpoint, here or among those that are not part of the repository.
std::string GoldenFolder(const std::string& name) {
  const std::string folder = std::string(INKLING_TEST_DATA_DIR) + "/golden/" + name;
  return std::filesystem::exists(folder) ? folder
                                         : std::string(INKLING_SHARED_DIR) + "/golden/" + name;
}

class GgufGoldenTest : public testing::TestWithParam<GgufGolden> {};

TEST_P(GgufGoldenTest, EqualsTheReferenceImplementation) {
  const std::string folder = GoldenFolder(GetParam().name);
  // The families with one vocabulary have it as a SentencePiece model in one folder only.
  const bool is_gemma = GetParam().name[0] == 'g';
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  // The golden weights are bf16 or f16 numbers, so that one of both holds them exactly.
  const bool is_half = std::string(GetParam().name) == "phi";
  for (const uint32_t type : {kGgufF32, is_half ? kGgufF16 : kGgufBf16}) {
    const TempDir temp;
    GgufBuilder builder = GgufFromHuggingFace(folder, type);
    AddGgufTokenizer(is_gemma ? GoldenFolder("gemma") : folder, GetParam().pre, builder);
    WriteFileBytes(temp.File("model.gguf"), builder.Bytes());
    CheckCheckpoint(temp.File("model.gguf"), folder, {128}, {1});

    ASSERT_OK_AND_ASSIGN(ImportedTokenizer imported, ImportTokenizerFile(temp.File("model.gguf")));
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<const Tokenizer> tokenizer,
                         Tokenizer::Create(std::move(imported.tokenizer)));
    ASSERT_OK_AND_ASSIGN(const std::vector<GoldenPrompt> prompts,
                         ReadGoldenPrompts(folder + "/golden.json"));
    EncodeOptions options;
    options.added_ids = AddedIds::kAsVocabularySays;
    ASSERT_FALSE(prompts.back().text.empty());
    EXPECT_EQ(*tokenizer->Encode(prompts.back().text, options), prompts.back().tokens);
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, GgufGoldenTest,
                         testing::Values(GgufGolden{"falcon_7b", "falcon"}, GgufGolden{"gemma", ""},
                                         GgufGolden{"gemma2", ""}, GgufGolden{"gemma3", ""},
                                         GgufGolden{"gemma3_linear", ""}, GgufGolden{"llama", ""},
                                         GgufGolden{"llama3", "llama-bpe"},
                                         GgufGolden{"phi", "phi-2"}, GgufGolden{"phi3", ""},
                                         GgufGolden{"qwen2", "qwen2"}, GgufGolden{"qwen3", "qwen2"},
                                         GgufGolden{"smollm", "smollm"},
                                         GgufGolden{"stablelm", "olmo"}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace inkling
