// LoRA adapters of MediaPipe's: a file that its own converter wrote, number by number, and files of
// the same form made of adapters whose effect is known.
//
// golden/lora/mediapipe_gemma_2b.bin was written by the converter in mediapipe 0.10.35 for GEMMA_2B
// with rank 4. Its numbers are those of WrittenValue, so that it is small when it is packed.

#include <gtest/gtest.h>

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
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "converter/convert.h"
#include "converter/files/input_file.h"
#include "converter/lora/lora_conversion.h"
#include "converter/lora/mediapipe_adapter.h"
#include "converter/lora/peft_adapter.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "inkling/lora_adapter.h"
#include "src/format/lora_file.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/mediapipe_fixture.h"
#include "tests/golden/golden_data.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

std::string Golden(const std::string& name) {
  return absl::StrCat(INKLING_TEST_DATA_DIR, "/golden/", name);
}

absl::StatusOr<SourceAdapter> Read(const std::string& path, MediapipeOutputProjection projection) {
  absl::StatusOr<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.status();
  return ReadMediapipeAdapter(*file, projection);
}

// What was given to MediaPipe's converter as number (row, column) of the `matrix`-th matrix (A of
// q, B of q, A of k, ...) of a layer. Each is a float16.
float WrittenValue(int64_t layer, int64_t matrix, int64_t row, int64_t column) {
  return static_cast<float>((7 * row + 3 * column + 5 * layer + 11 * matrix) % 29 - 14) / 64;
}

std::vector<float> WrittenMatrix(int64_t layer, int64_t matrix, int64_t rows, int64_t columns) {
  std::vector<float> values;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column)
      values.push_back(WrittenValue(layer, matrix, row, column));
  }
  return values;
}

// The transpose of a matrix of `rows` rows, whose numbers MediaPipe then takes for those of a
// matrix of as many rows again.
std::vector<float> Reshaped(absl::Span<const float> values, int64_t rows) {
  const size_t columns = values.size() / static_cast<size_t>(rows);
  std::vector<float> out(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    out[i % columns * static_cast<size_t>(rows) + i / columns] = values[i];
  return out;
}

struct Module {
  const char* name;
  int64_t inputs;
  int64_t outputs;
};

TEST(MediapipeLoraTest, ReadsWhatMediapipesConverterWrote) {
  constexpr Module kModules[] = {{"self_attn.q_proj", 2048, 2048},
                                 {"self_attn.k_proj", 2048, 256},
                                 {"self_attn.v_proj", 2048, 256},
                                 {"self_attn.o_proj", 2048, 2048}};
  for (const auto projection :
       {MediapipeOutputProjection::kMeant, MediapipeOutputProjection::kAsRun}) {
    ASSERT_OK_AND_ASSIGN(const SourceAdapter adapter,
                         Read(Golden("lora/mediapipe_gemma_2b.bin"), projection));
    EXPECT_EQ(adapter.base_name, "GEMMA_2B");
    EXPECT_EQ(adapter.notes.size(), 2);
    size_t num_found = 0;
    for (int64_t layer = 0; layer < 18; ++layer) {
      for (int64_t m = 0; m < 4; ++m) {
        const Module& expected = kModules[m];
        const std::string name = absl::StrCat("model.layers.", layer, ".", expected.name);
        const auto found = std::find_if(adapter.modules.begin(), adapter.modules.end(),
                                        [&](const SourceModule& it) { return it.name == name; });
        ASSERT_NE(found, adapter.modules.end()) << name;
        ++num_found;
        EXPECT_EQ(found->rank, 4);
        EXPECT_EQ(found->factor, 1);
        EXPECT_EQ(found->num_inputs, expected.inputs);
        EXPECT_EQ(found->num_outputs, expected.outputs);
        std::vector<float> down = WrittenMatrix(layer, 2 * m, 4, expected.inputs);
        std::vector<float> up = WrittenMatrix(layer, 2 * m + 1, expected.outputs, 4);
        if (m == 3 && projection == MediapipeOutputProjection::kAsRun) {
          down = Reshaped(down, 4);
          up = Reshaped(up, expected.outputs);
        }
        EXPECT_TRUE(found->down == down) << name;
        EXPECT_TRUE(found->up == up) << name;
      }
    }
    EXPECT_EQ(num_found, adapter.modules.size());
  }
}

// A file of MediaPipe's form for the golden Gemma, of updates under PEFT's names.
class MediapipeFormTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ConvertOptions options;
    options.weights = TensorType{ElementType::kF32, 0};
    ASSERT_OK(ConvertCheckpoint(Golden("gemma"), Base(), options));
  }
  std::string Base() const { return temp_.File("base.tflite"); }
  std::string Out() const { return temp_.File("adapter.tflite"); }

  static MediapipeFixture File(const std::vector<SourceModule>& modules) {
    MediapipeFixture file;
    file.form.gpu = true;
    file.backend = "gpu";
    file.parameters = MediapipeLlmParameters(TinyCheckpoint::Read(Golden("gemma")).config,
                                             GoldenMediapipeParameters("gemma"))
                          .bytes();
    file.lora_rank = static_cast<uint32_t>(modules.front().rank);
    for (const SourceModule& module : modules) Add(module, file);
    return file;
  }

  static void Add(const SourceModule& module, MediapipeFixture& file) {
    const bool is_output = absl::EndsWith(module.name, "o_proj");
    const size_t number = std::string("model.layers.").size();
    const std::string stem =
        absl::StrCat("params.lm.transformer.x_layers_", module.name.substr(number, 1),
                     ".self_attention.", is_output ? "post" : module.name.substr(number + 12, 1));
    const auto add = [&](const char* ending, std::vector<float> values, int64_t rows) {
      if (is_output) values = Reshaped(values, rows);
      const std::vector<float> tiles = MediapipeTiles(
          values, rows, static_cast<int64_t>(values.size()) / rows, /*padding=*/9.0f);
      const std::string bytes =
          ValueBytesOf({"", "F16", {static_cast<int64_t>(tiles.size())}, tiles});
      file.tensors.push_back(
          {stem + ending, wire::TensorType::FLOAT32, {static_cast<int32_t>(bytes.size())}, bytes});
    };
    add(is_output ? ".w_prime_right" : ".w_prime_left", module.down, module.rank);
    add(is_output ? ".w_prime_left" : ".w_prime_right", module.up, module.num_outputs);
  }

  // Updates of all four matrices of attention, of a rank that doesn't fill its tiles.
  static std::vector<SourceModule> Everywhere() {
    std::vector<SourceModule> modules;
    for (int layer = 0; layer < 3; ++layer) {
      for (const Module& shape :
           {Module{"q", 64, 128}, Module{"k", 64, 32}, Module{"v", 64, 32}, Module{"o", 128, 64}}) {
        SourceModule module;
        module.name = absl::StrCat("model.layers.", layer, ".self_attn.", shape.name, "_proj");
        module.rank = 6;
        module.num_inputs = shape.inputs;
        module.num_outputs = shape.outputs;
        module.down = FixtureValues(module.name + "A", module.rank * module.num_inputs);
        module.up = FixtureValues(module.name + "B", module.rank * module.num_outputs);
        modules.push_back(std::move(module));
      }
    }
    return modules;
  }

  absl::StatusOr<LoraSummary> Convert(const std::string& bytes, const LoraOptions& options = {}) {
    WriteFileBytes(temp_.File("adapter.bin"), bytes);
    return ConvertLora(temp_.File("adapter.bin"), Out(), Base(), options);
  }

  void Fails(const std::string& bytes, StatusCode code, const std::vector<std::string>& message) {
    EXPECT_THAT(Convert(bytes), MatchesStatus(code, message));
    EXPECT_FALSE(std::filesystem::exists(Out()));
  }

  TempDir temp_;
};

TEST_F(MediapipeFormTest, GivesTheLogitsOfThePeftAdapter) {
  ASSERT_OK_AND_ASSIGN(const SourceAdapter peft, ReadPeftAdapter(Golden("lora/gemma")));
  ASSERT_OK(Convert(File(peft.modules).Bytes()));
  ASSERT_OK_AND_ASSIGN(const auto model, LlmModel::Open(Base()));
  ASSERT_OK_AND_ASSIGN(const auto adapter, LoraAdapter::Load(model, Out()));
  ASSERT_OK_AND_ASSIGN(const auto prompts, ReadGoldenPrompts(Golden("lora/gemma/golden.json")));
  const float weight = static_cast<float>(peft.modules[0].factor);  // which MediaPipe has lost
  EXPECT_EQ(weight, 2.0f);
  for (const GoldenPrompt& prompt : prompts) {
    SessionOptions options;
    options.kv_cache_type = KvCacheType::kFloat32;
    options.adapters = {{adapter, weight}};
    ASSERT_OK_AND_ASSIGN(const auto session, LlmSession::Create(model, options));
    std::vector<float> logits;
    GenerateOptions generate;
    generate.max_new_tokens = static_cast<int32_t>(prompt.greedy.size());
    generate.sampling.temperature = 0;
    generate.ignore_model_stop_tokens = true;
    generate.logits_processor = [&](absl::Span<const int32_t>, absl::Span<float> found) {
      if (logits.empty()) logits.assign(found.begin(), found.end());
    };
    ASSERT_OK_AND_ASSIGN(const auto result, session->GenerateFromTokens(prompt.tokens, generate));
    EXPECT_EQ(result.tokens, prompt.greedy) << prompt.name;
    ASSERT_EQ(logits.size(), prompt.last_logits.size());
    float largest = 0;
    for (size_t i = 0; i < logits.size(); ++i)
      largest = std::max(largest, std::fabs(logits[i] - prompt.last_logits[i]));
    EXPECT_LE(largest, 1e-3f) << prompt.name << ": matrices rounded to float16";
  }
}

TEST_F(MediapipeFormTest, AttentionsOutputIsReadAsTheOptionSays) {
  const std::vector<SourceModule> modules = Everywhere();
  for (const bool as_run : {false, true}) {
    LoraOptions options;
    if (as_run) options.mediapipe_output_projection = MediapipeOutputProjection::kAsRun;
    ASSERT_OK_AND_ASSIGN(const LoraSummary summary, Convert(File(modules).Bytes(), options));
    EXPECT_EQ(summary.format, "MediaPipe");
    EXPECT_EQ(summary.num_matrices, modules.size());
    EXPECT_EQ(summary.lowest_rank, 6);
    ASSERT_EQ(summary.notes.size(), 2);
    EXPECT_TRUE(absl::StrContains(summary.notes[0], "alpha"));
    EXPECT_EQ(absl::StrContains(summary.notes[1], "as-run reads"), !as_run);
    ASSERT_OK_AND_ASSIGN(const LoraFile file, ReadLoraFile(Out()));
    for (const SourceModule& module : modules) {
      const std::string weight = absl::StrCat(
          "layers.", module.name.substr(13, 1), ".attention.",
          absl::StrContains(module.name, "o_proj") ? "output" : module.name.substr(25, 1),
          ".weight");
      const LoraMatrix* matrix = file.Find(weight);
      ASSERT_NE(matrix, nullptr) << weight;
      const bool reshaped = as_run && absl::StrContains(module.name, "o_proj");
      EXPECT_EQ(matrix->down, reshaped ? Reshaped(module.down, 6) : module.down) << weight;
      EXPECT_EQ(matrix->up, reshaped ? Reshaped(module.up, module.num_outputs) : module.up)
          << weight;
    }
  }
}

TEST_F(MediapipeFormTest, WrongFilesAreNamed) {
  const MediapipeFixture good = File(Everywhere());
  const std::string query = "params.lm.transformer.x_layers_0.self_attention.q.w_prime_left";
  MediapipeFixture file = good;
  file.Remove(query);
  Fails(file.Bytes(), StatusCode::kInvalidArgument, {query, "other half"});
  file = good;
  file.lora_rank = 0;
  Fails(file.Bytes(), StatusCode::kInvalidArgument, {"lora_rank: expected 1 to 4096, found 0"});
  file = good;
  file.lora_rank = 12;
  Fails(file.Bytes(), StatusCode::kInvalidArgument, {"w_prime_left", "lora_rank 12", "found 1024"});
  file = good;
  file.Tensor(query).bytes.pop_back();
  Fails(file.Bytes(), StatusCode::kInvalidArgument, {query, "needs 1024 bytes, found 1023"});
  file = good;
  file.Tensor(query).name = "params.lm.transformer.x_layers_0.ff_layer.ffn_layer1.w_prime_left";
  Fails(file.Bytes(), StatusCode::kUnimplemented, {"ffn_layer1.w_prime_left", "have no others"});
  file = good;
  file.Tensor(query).name += "_and_more";
  Fails(file.Bytes(), StatusCode::kUnimplemented, {"_and_more", "have no others"});
  file = good;
  file.model_type = 11;
  Fails(file.Bytes(), StatusCode::kUnimplemented, {"PHI_2", "expected one for Gemma"});
  file = good;
  file.form.gpu = false;
  file.backend = "cpu";
  for (MediapipeFixtureTensor& tensor : file.tensors) tensor.shape[0] /= 4;
  Fails(file.Bytes(), StatusCode::kUnimplemented, {"backend", "found cpu"});
  file = good;
  file.shares_bytes = true;
  std::stable_sort(file.tensors.begin(), file.tensors.end(),
                   [](const auto& a, const auto& b) { return a.bytes.size() > b.bytes.size(); });
  Fails(file.Bytes(), StatusCode::kInvalidArgument, {"tensors", "at most the file's"});
  file = good;
  file.tensors.clear();
  Fails(file.Bytes(), StatusCode::kInvalidArgument, {"tensors", "none"});
  const std::string bytes = good.Bytes();
  for (const size_t size : {bytes.size() - 1, bytes.size() / 2, size_t{1000}, size_t{20}})
    EXPECT_FALSE(Convert(bytes.substr(0, size)).ok()) << size;
  Fails(LittleMediapipeGemma({.gpu = true}, 8).Bytes(), StatusCode::kInvalidArgument,
        {"expected an adapter", "without --lora"});
  Fails("no adapter at all", StatusCode::kInvalidArgument, {"LoRA file of MediaPipe's"});
}

TEST_F(MediapipeFormTest, OtherModelsAndOptionsAreNamed) {
  const MediapipeFixture good = File(Everywhere());
  ASSERT_OK(WriteRandomModel(temp_.File("other.tflite"), TinyConfig(), {}, {}, 1));
  WriteFileBytes(temp_.File("adapter.bin"), good.Bytes());
  EXPECT_THAT(ConvertLora(temp_.File("adapter.bin"), Out(), temp_.File("other.tflite")),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"doesn't fit the base model", "trained on GEMMA_2B"}));
  EXPECT_THAT(LlmModel::Open(temp_.File("adapter.bin")),
              MatchesStatus(StatusCode::kInvalidArgument, {"LoRA adapter of MediaPipe", "--lora"}));
  ASSERT_OK(Convert(good.Bytes()));
  EXPECT_THAT(ConvertLora(Out(), temp_.File("again"), Base()),
              MatchesStatus(StatusCode::kInvalidArgument, {"converted already"}));
  EXPECT_THAT(ConvertLora(Base(), temp_.File("again"), Base()),
              MatchesStatus(StatusCode::kInvalidArgument, {"converted already"}));
  EXPECT_THAT(ConvertLora(Golden("lora/gemma"), temp_.File("again"), Base(),
                          {MediapipeOutputProjection::kAsRun}),
              MatchesStatus(StatusCode::kInvalidArgument, {"--mediapipe-output-projection"}));
  EXPECT_FALSE(std::filesystem::exists(temp_.File("again")));
}

// Damage never crashes, and what is read is as large as the file says.
TEST_F(MediapipeFormTest, DamagedBytesAreErrorsOrOtherNumbers) {
  const std::string bytes = File(Everywhere()).Bytes();
  for (size_t i = 0; i < 12000; i += 23) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x41);
    WriteFileBytes(temp_.File("damaged.bin"), damaged);
    const auto adapter = Read(temp_.File("damaged.bin"), MediapipeOutputProjection::kMeant);
    if (!adapter.ok()) {
      EXPECT_TRUE(absl::StrContains(adapter.status().message(), "damaged.bin")) << i;
      continue;
    }
    for (const SourceModule& module : adapter->modules) {
      EXPECT_EQ(module.down.size(), static_cast<size_t>(module.rank * module.num_inputs));
      EXPECT_EQ(module.up.size(), static_cast<size_t>(module.rank * module.num_outputs));
    }
  }
}

}  // namespace
}  // namespace inkling
