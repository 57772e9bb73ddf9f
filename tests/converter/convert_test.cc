// Whole conversions: what stands in the file is what stood in the checkpoint, the summary's numbers
// are the file's, and a failure leaves nothing behind.

#include "converter/convert.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "src/format/model_reader.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

constexpr TensorType kF32 = {ElementType::kF32, 0};
constexpr TensorType kF16 = {ElementType::kF16, 0};
constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kInt4Block32 = {ElementType::kInt4Block, 32};

ConvertOptions Weights(TensorType type) {
  ConvertOptions options;
  options.weights = type;
  return options;
}

class ConvertTest : public testing::Test {
 protected:
  std::string CheckpointFolder() const { return folder_.File("checkpoint"); }
  std::string Output() const { return folder_.File("out.tflite"); }

  std::unique_ptr<ModelReader> Open() const {
    absl::StatusOr<std::unique_ptr<ModelReader>> reader = ModelReader::Open(Output());
    EXPECT_OK(reader);
    return reader.ok() ? *std::move(reader) : nullptr;
  }

  TempDir folder_;
  TinyCheckpoint checkpoint_;
};

TEST_F(ConvertTest, FloatWeightsArriveExactly) {
  checkpoint_.Write(CheckpointFolder());
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary,
                       ConvertCheckpoint(CheckpointFolder(), Output(), Weights(kF32)));
  const std::unique_ptr<ModelReader> reader = Open();
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(reader->tensors().size(), checkpoint_.tensors.size());
  EXPECT_EQ(StoredValues(*reader, "embedding.weight"),
            checkpoint_.Tensor("model.embed_tokens.weight").values);
  EXPECT_EQ(StoredValues(*reader, "layers.1.attention.k.weight"),
            checkpoint_.Tensor("model.layers.1.self_attn.k_proj.weight").values);
  EXPECT_EQ(StoredValues(*reader, "layers.0.feed_forward_norm.weight"),
            checkpoint_.Tensor("model.layers.0.post_attention_layernorm.weight").values);
  EXPECT_EQ(StoredValues(*reader, "layers.1.feed_forward.down.weight"),
            checkpoint_.Tensor("model.layers.1.mlp.down_proj.weight").values);
  EXPECT_EQ(StoredValues(*reader, "head.weight"), checkpoint_.Tensor("lm_head.weight").values);
  EXPECT_EQ(reader->metadata().provenance.source, "checkpoint");
  EXPECT_EQ(reader->metadata().tokenizer.piece_types.size(), 260);
  EXPECT_EQ(summary.family, "llama");
  EXPECT_DOUBLE_EQ(summary.bits_per_weight, 32.0);
  for (const TensorKindSummary& kind : summary.kinds) EXPECT_EQ(kind.relative_error, 0.0);
  EXPECT_EQ(folder_.List(), (std::vector<std::string>{"checkpoint", "out.tflite"}));
}

TEST_F(ConvertTest, GemmaNormsHaveOneAdded) {
  checkpoint_.config["model_type"] = "gemma";
  checkpoint_.config["architectures"] = {"GemmaForCausalLM"};
  checkpoint_.config["head_dim"] = 8;
  checkpoint_.Write(CheckpointFolder());
  ASSERT_OK(ConvertCheckpoint(CheckpointFolder(), Output(), Weights(kF32)));
  const std::unique_ptr<ModelReader> reader = Open();
  ASSERT_NE(reader, nullptr);
  std::vector<float> expected = checkpoint_.Tensor("model.norm.weight").values;
  for (float& value : expected) value += 1.0f;
  EXPECT_EQ(StoredValues(*reader, "final_norm.weight"), expected);
  EXPECT_EQ(StoredValues(*reader, "layers.0.attention.q.weight"),
            checkpoint_.Tensor("model.layers.0.self_attn.q_proj.weight").values);
}

TEST_F(ConvertTest, ShardsAndOneFileGiveTheSameModel) {
  checkpoint_.Write(CheckpointFolder());
  ASSERT_OK(ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()));
  checkpoint_.WriteShards(folder_.File("sharded/checkpoint"), 4);
  ASSERT_OK(ConvertCheckpoint(folder_.File("sharded/checkpoint"), folder_.File("sharded.tflite"),
                              ConvertOptions()));
  EXPECT_EQ(ReadFileBytes(Output()), ReadFileBytes(folder_.File("sharded.tflite")));
}

TEST_F(ConvertTest, SummaryCountsWhatIsInTheFile) {
  checkpoint_.Write(CheckpointFolder());
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary,
                       ConvertCheckpoint(CheckpointFolder(), Output(), Weights(kInt4Block32)));
  const std::unique_ptr<ModelReader> reader = Open();
  ASSERT_NE(reader, nullptr);
  int64_t weights = 0;
  int64_t bytes = 0;
  for (const TensorView& view : reader->tensors()) {
    weights += view.info.rows * view.info.columns;
    bytes += view.value_bytes + view.scale_bytes;
  }
  EXPECT_EQ(summary.num_weights, weights);
  EXPECT_EQ(summary.input_bytes, 2 * weights);  // BF16
  EXPECT_DOUBLE_EQ(summary.bits_per_weight, 8.0 * bytes / weights);
  EXPECT_EQ(summary.file_bytes, std::filesystem::file_size(Output()));

  // The error of one kind, computed again from the file.
  double error = 0;
  double norm = 0;
  for (const char* layer : {"0", "1"}) {
    const std::vector<float> stored =
        StoredValues(*reader, std::string("layers.") + layer + ".attention.q.weight");
    const std::vector<float>& original =
        checkpoint_.Tensor(std::string("model.layers.") + layer + ".self_attn.q_proj.weight")
            .values;
    ASSERT_EQ(stored.size(), original.size());
    for (size_t i = 0; i < stored.size(); ++i) {
      error += std::pow(static_cast<double>(original[i]) - stored[i], 2);
      norm += std::pow(static_cast<double>(original[i]), 2);
    }
  }
  for (const TensorKindSummary& kind : summary.kinds) {
    if (kind.kind != "attention.q") continue;
    EXPECT_EQ(kind.type, kInt4Block32);
    EXPECT_EQ(kind.num_tensors, 2);
    EXPECT_EQ(kind.stored_bytes, 2 * (32 * 16 + 32 * 2));
    EXPECT_NEAR(kind.relative_error, std::sqrt(error / norm), 1e-9);
    EXPECT_GT(kind.relative_error, 0.0);
    EXPECT_LT(kind.relative_error, 0.12);
  }
}

TEST_F(ConvertTest, TypesFollowTheOptions) {
  checkpoint_.Write(CheckpointFolder());
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary,
                       ConvertCheckpoint(CheckpointFolder(), Output(), Weights(kInt4Block32)));
  std::unique_ptr<ModelReader> reader = Open();
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(reader->Find("layers.0.attention.q.weight")->type, kInt4Block32);
  EXPECT_EQ(reader->Find("embedding.weight")->type, kInt8);
  EXPECT_EQ(reader->Find("head.weight")->type, kInt8);
  EXPECT_EQ(reader->Find("final_norm.weight")->type, kF32);
  // 48 inputs don't divide into blocks of 32.
  EXPECT_EQ(reader->Find("layers.0.feed_forward.down.weight")->type, kInt8);
  ASSERT_EQ(summary.fallbacks.size(), 1);
  EXPECT_NE(summary.fallbacks[0].find("feed_forward.down"), std::string::npos);
  EXPECT_NE(summary.fallbacks[0].find("48 columns"), std::string::npos);

  ConvertOptions options = Weights({ElementType::kInt4Channel, 0});
  options.head = kF16;
  ASSERT_OK(ConvertCheckpoint(CheckpointFolder(), Output(), options));
  reader = Open();
  EXPECT_EQ(reader->Find("layers.0.feed_forward.down.weight")->type, options.weights);
  EXPECT_EQ(reader->Find("embedding.weight")->type, kInt8);
  EXPECT_EQ(reader->Find("head.weight")->type, kF16);
  ASSERT_OK(ConvertCheckpoint(CheckpointFolder(), Output(), Weights(kF16)));
  EXPECT_EQ(Open()->Find("embedding.weight")->type, kF16);
}

TEST_F(ConvertTest, TiedHeadIsOneTensorUnlessTwoTypesAreAskedFor) {
  checkpoint_.config["tie_word_embeddings"] = true;  // lm_head.weight is there all the same
  checkpoint_.Tensor("lm_head.weight").values =
      checkpoint_.Tensor("model.embed_tokens.weight").values;
  checkpoint_.Write(CheckpointFolder());
  ConvertOptions options;
  options.head = kF16;
  ASSERT_OK_AND_ASSIGN(const ConvertSummary one,
                       ConvertCheckpoint(CheckpointFolder(), Output(), options));
  std::unique_ptr<ModelReader> reader = Open();
  EXPECT_TRUE(reader->config().tied_head);
  EXPECT_EQ(reader->Find("head.weight"), nullptr);
  EXPECT_EQ(reader->Find("embedding.weight")->type, kF16);
  ASSERT_FALSE(one.notes.empty());
  EXPECT_NE(one.notes.back().find("lm_head.weight"), std::string::npos);

  options.embedding = kF32;
  ASSERT_OK_AND_ASSIGN(const ConvertSummary two,
                       ConvertCheckpoint(CheckpointFolder(), Output(), options));
  reader = Open();
  EXPECT_FALSE(reader->config().tied_head);
  EXPECT_FALSE(two.config.tied_head);
  EXPECT_EQ(reader->Find("embedding.weight")->type, kF32);
  EXPECT_EQ(reader->Find("head.weight")->type, kF16);
  EXPECT_EQ(StoredValues(*reader, "head.weight"), StoredValues(*reader, "embedding.weight"));
}

TEST_F(ConvertTest, WrapperPrefixesAreFound) {
  checkpoint_.Write(CheckpointFolder());
  ASSERT_OK(ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()));
  const std::string expected = ReadFileBytes(Output());
  const std::vector<FixtureTensor> original = checkpoint_.tensors;
  for (const char* prefix : {"", "language_model.model.", "model.language_model."}) {
    checkpoint_.tensors = original;
    for (FixtureTensor& tensor : checkpoint_.tensors) {
      if (tensor.name.rfind("model.", 0) == 0) tensor.name = prefix + tensor.name.substr(6);
    }
    checkpoint_.Write(CheckpointFolder());
    ASSERT_OK(ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()));
    EXPECT_EQ(ReadFileBytes(Output()), expected) << "prefix \"" << prefix << '"';
  }
}

// Each change to a good checkpoint must fail with this message and leave the folder as it was.
TEST_F(ConvertTest, FailuresAreNamedAndLeaveNothingBehind) {
  const auto fails = [this](const TinyCheckpoint& bad, StatusCode code,
                            const std::vector<std::string>& message) {
    bad.Write(CheckpointFolder());
    EXPECT_THAT(ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()),
                MatchesStatus(code, message));
    EXPECT_EQ(folder_.List(), std::vector<std::string>{"checkpoint"}) << message[0];
  };
  TinyCheckpoint bad;
  bad.Remove("model.layers.1.mlp.up_proj.weight");
  fails(bad, StatusCode::kInvalidArgument,
        {"model.layers.1.mlp.up_proj.weight", "layers.1.feed_forward.up.weight"});
  bad = TinyCheckpoint();
  bad.tensors.push_back({"model.layers.0.self_attn.q_proj.bias", "F32", {1}, {0.5f}});
  fails(bad, StatusCode::kInvalidArgument,
        {"self_attn.q_proj.bias", "doesn't use", "change its output"});
  bad = TinyCheckpoint();
  bad.Tensor("lm_head.weight").shape = {32, 320};
  fails(bad, StatusCode::kInvalidArgument, {"lm_head.weight", "[320, 32]", "[32, 320]"});
  bad = TinyCheckpoint();
  bad.Tensor("lm_head.weight").values[33] = NAN;  // row 1, found after the file was begun
  fails(bad, StatusCode::kInvalidArgument, {"head.weight"});
  bad = TinyCheckpoint();
  bad.config["vocab_size"] = 100;
  fails(bad, StatusCode::kInvalidArgument, {"embed_tokens", "[100, 32]", "[320, 32]"});
  bad = TinyCheckpoint();
  bad.config["model_type"] = "unheard-of";
  fails(bad, StatusCode::kUnimplemented, {"unheard-of", "llama"});
}

// Weights that other tools have quantised are refused by the tool's name.
TEST_F(ConvertTest, ForeignQuantizationIsNamed) {
  struct Case {
    nlohmann::json config;           // joined with the checkpoint's
    std::vector<std::string> added;  // tensors beside its own
    std::vector<std::string> message;
  };
  const std::string q = "model.layers.0.self_attn.q_proj";
  const std::vector<Case> cases = {
      {{{"quantization_config", {{"quant_method", "gptq"}, {"bits", 4}}}},
       {},
       {"gptq", "original"}},
      {{{"quantization_config", {{"quant_method", "awq"}}}}, {}, {"quantization_config", "awq"}},
      {{{"compression_config", {{"quant_method", "compressed-tensors"}}}}, {}, {"compressed-"}},
      {{{"quantization", {{"group_size", 64}, {"bits", 4}}}}, {}, {"MLX", "GGUF"}},
      {{{"quantization_config", {{"bits", 4}}}}, {}, {"doesn't name"}},
      {{}, {q + ".qweight", q + ".scales"}, {"GPTQ or AWQ", q + ".qweight"}},
      {{{"quantization_config", {{"quant_method", "bitsandbytes"}}}},
       {q + ".weight.absmax"},
       {"bitsandbytes"}},
      {{}, {q + ".SCB"}, {"bitsandbytes"}},
      {{}, {q + ".weight_scale_inv"}, {"FP8"}},
      {{}, {q + ".scales", q + ".biases"}, {"MLX"}},
  };
  for (const Case& item : cases) {
    TinyCheckpoint bad;
    bad.config.update(item.config.is_null() ? nlohmann::json::object() : item.config);
    for (const std::string& name : item.added) bad.tensors.push_back({name, "F32", {1}, {0.5f}});
    bad.Write(CheckpointFolder());
    EXPECT_THAT(ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()),
                MatchesStatus(StatusCode::kUnimplemented, item.message))
        << item.config;
  }
  // Plain weights beside a config that asks for quantising them when they are loaded.
  TinyCheckpoint plain;
  plain.config["quantization_config"] = {{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}};
  plain.Write(CheckpointFolder());
  EXPECT_OK(ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()));
}

// Added tokens that the embedding has no rows for are left out; other pieces are an error.
TEST_F(ConvertTest, TokensWithoutRowsAreLeftOut) {
  const std::string golden = std::string(INKLING_TEST_DATA_DIR) + "/golden/qwen2";
  std::filesystem::copy(golden, CheckpointFolder());
  const std::string path = CheckpointFolder() + "/tokenizer.json";
  const nlohmann::json published = nlohmann::json::parse(ReadFileBytes(path));
  const int32_t rows =
      nlohmann::json::parse(ReadFileBytes(CheckpointFolder() + "/config.json"))["vocab_size"];
  ASSERT_OK(ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()));

  nlohmann::json extended = published;
  // Added tokens get the next ids behind the vocabulary: it must fill all rows.
  const int32_t pieces = static_cast<int32_t>(extended["model"]["vocab"].size());
  const int32_t added = static_cast<int32_t>(extended["added_tokens"].size());
  nlohmann::json& vocab = extended["model"]["vocab"];
  for (const auto& token : extended["added_tokens"]) vocab[token["content"]] = token["id"];
  for (int32_t id = pieces + added; id < rows; ++id) vocab["filler" + std::to_string(id)] = id;
  for (int32_t i = 0; i < 2; ++i) {
    extended["added_tokens"].push_back({{"id", rows + i},
                                        {"content", "<image_" + std::to_string(i) + ">"},
                                        {"special", true},
                                        {"normalized", false}});
  }
  WriteFileBytes(path, extended.dump());
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary,
                       ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()));
  EXPECT_THAT(summary.notes, testing::Contains(testing::HasSubstr("2 tokens beyond the")));
  EXPECT_THAT(summary.notes, testing::Contains(testing::HasSubstr("<image_0>, <image_1>")));
  const std::unique_ptr<ModelReader> reader = Open();
  ASSERT_NE(reader, nullptr);
  for (const AddedToken& token : reader->metadata().tokenizer.added_tokens) {
    EXPECT_LT(token.id, rows) << token.content;
  }

  extended["model"]["vocab"]["neverheardof"] = rows;
  WriteFileBytes(path, extended.dump());
  EXPECT_THAT(ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"at most vocab_size", std::to_string(rows + 3)}));
}

TEST_F(ConvertTest, CancelLeavesNothingBehind) {
  checkpoint_.Write(CheckpointFolder());
  ConvertOptions options;
  int calls = 0;
  options.progress = [&calls](const ConvertProgress& progress) {
    EXPECT_LE(progress.done_bytes, progress.total_bytes);
    return ++calls < 5;
  };
  EXPECT_THAT(ConvertCheckpoint(CheckpointFolder(), Output(), options),
              MatchesStatus(StatusCode::kCancelled));
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(folder_.List(), std::vector<std::string>{"checkpoint"});
}

TEST_F(ConvertTest, ProgressReachesTheEnd) {
  checkpoint_.Write(CheckpointFolder());
  ConvertOptions options;
  ConvertProgress last;
  options.progress = [&last](const ConvertProgress& progress) {
    EXPECT_GE(progress.done_bytes, last.done_bytes);
    last = progress;
    return true;
  };
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary,
                       ConvertCheckpoint(CheckpointFolder(), Output(), options));
  EXPECT_EQ(last.done_bytes, summary.input_bytes);
  EXPECT_EQ(last.total_bytes, summary.input_bytes);
  EXPECT_EQ(last.tensor_index + 1, last.num_tensors);
}

TEST_F(ConvertTest, RefusesFoldersAndItsOwnInputs) {
  checkpoint_.Write(CheckpointFolder());
  EXPECT_THAT(ConvertCheckpoint(CheckpointFolder(), CheckpointFolder(), ConvertOptions()),
              MatchesStatus(StatusCode::kFailedPrecondition, {"folder"}));
  const std::string weights = CheckpointFolder() + "/model.safetensors";
  const std::string before = ReadFileBytes(weights);
  EXPECT_THAT(ConvertCheckpoint(CheckpointFolder(), weights, ConvertOptions()),
              MatchesStatus(StatusCode::kFailedPrecondition, {"replace a file of the checkpoint"}));
  EXPECT_EQ(ReadFileBytes(weights), before);
  EXPECT_FALSE(
      ConvertCheckpoint(CheckpointFolder(), folder_.File("no/such/folder/out"), ConvertOptions())
          .ok());
  std::filesystem::remove(CheckpointFolder() + "/tokenizer.bin");
  EXPECT_THAT(ConvertCheckpoint(CheckpointFolder(), Output(), ConvertOptions()),
              MatchesStatus(StatusCode::kNotFound));
  WriteFileBytes(folder_.File("tokens"), TinyTokenizerFile());
  ConvertOptions options;
  options.tokenizer_path = folder_.File("tokens");
  EXPECT_OK(ConvertCheckpoint(CheckpointFolder(), Output(), options));
}

TEST_F(ConvertTest, GoldenCheckpointsConvert) {
  const std::string golden = std::string(INKLING_SHARED_DIR) + "/golden/";
  if (!std::filesystem::exists(golden)) GTEST_SKIP() << golden << " is not here";
  for (const char* name :
       {"falcon_7b", "falcon_rw", "gemma", "gemma2", "gemma3", "llama", "llama3", "llama_sharded",
        "phi", "phi3", "qwen2", "qwen3", "smollm", "stablelm", "stories260k"}) {
    for (const TensorType type : {kInt8, kInt4Block32}) {
      ASSERT_OK(ConvertCheckpoint(golden + name, Output(), Weights(type))) << name;
      EXPECT_NE(Open(), nullptr);
    }
  }
}

}  // namespace
}  // namespace inkling
