// Biases of GGUF files, each of which may be missing by itself, and messages, which name tensors,
// keys and types as the file does.

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/convert.h"
#include "gtest/gtest.h"
#include "src/format/model_reader.h"
#include "src/format/tensor_list.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/converter/gguf_fixture.h"
#include "tests/converter/gguf_from_hugging_face.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

// A Llama with every bias that there can be, as a GGUF file.
class GgufMessagesTest : public testing::Test {
 protected:
  GgufMessagesTest() {
    hugging_face_.config["attention_bias"] = true;
    hugging_face_.config["mlp_bias"] = true;
    for (int layer = 0; layer < 2; ++layer) {
      for (const auto& [part, size] :
           {std::pair{"self_attn.q_proj", 32}, std::pair{"self_attn.k_proj", 16},
            std::pair{"self_attn.v_proj", 16}, std::pair{"self_attn.o_proj", 32},
            std::pair{"mlp.gate_proj", 48}, std::pair{"mlp.up_proj", 48},
            std::pair{"mlp.down_proj", 32}}) {
        hugging_face_.Add(absl::StrCat("model.layers.", layer, ".", part, ".bias"), {size});
      }
    }
    hugging_face_.Write(folder_.File("checkpoint"));
    builder_ = GgufFromHuggingFace(folder_.File("checkpoint"), kGgufF32);
    AddTinyVocabulary(builder_);
  }

  absl::Status Convert(const GgufBuilder& builder) {
    WriteFileBytes(folder_.File("model.gguf"), builder.Bytes());
    ConvertOptions options;
    options.weights = {ElementType::kF32, 0};
    return ConvertCheckpoint(folder_.File("model.gguf"), folder_.File("m.tflite"), options)
        .status();
  }

  std::unique_ptr<ModelReader> Converted(const GgufBuilder& builder) {
    EXPECT_OK(Convert(builder));
    absl::StatusOr<std::unique_ptr<ModelReader>> reader =
        ModelReader::Open(folder_.File("m.tflite"));
    EXPECT_OK(reader);
    return reader.ok() ? *std::move(reader) : nullptr;
  }

  // The builder without some biases in all layers.
  GgufBuilder Without(const std::vector<std::string>& parts) const {
    GgufBuilder builder = builder_;
    for (const std::string& part : parts) {
      for (int layer = 0; layer < 2; ++layer) {
        builder.RemoveTensor(absl::StrCat("blk.", layer, ".", part, ".bias"));
      }
    }
    return builder;
  }

  // The builder without an entry, for another one under its key.
  GgufBuilder WithoutKey(const std::string& key) const {
    GgufBuilder builder = builder_;
    builder.Remove(key);
    return builder;
  }

  TempDir folder_;
  TinyCheckpoint hugging_face_;
  GgufBuilder builder_;
};

TEST_F(GgufMessagesTest, BiasesOfQueriesKeysAndValuesAlone) {
  const std::unique_ptr<ModelReader> all = Converted(builder_);
  const std::unique_ptr<ModelReader> some =
      Converted(Without({"attn_output", "ffn_gate", "ffn_up", "ffn_down"}));
  ASSERT_TRUE(all != nullptr && some != nullptr);
  EXPECT_TRUE(all->config().attention_output_bias && all->config().feed_forward_bias);
  EXPECT_TRUE(some->config().query_key_value_bias);
  EXPECT_FALSE(some->config().attention_output_bias || some->config().feed_forward_bias);
  for (const TensorInfo& info : TensorList(some->config())) {
    EXPECT_EQ(StoredValues(*some, info.name), StoredValues(*all, info.name)) << info.name;
  }
}

// Any set of biases, in any set of layers: what isn't there is zeros.
TEST_F(GgufMessagesTest, EachBiasIsThereOrNotByItself) {
  const std::vector<std::pair<std::string, std::string>> parts = {
      {"attn_q", "attention.q"},         {"attn_k", "attention.k"},
      {"attn_v", "attention.v"},         {"attn_output", "attention.output"},
      {"ffn_gate", "feed_forward.gate"}, {"ffn_up", "feed_forward.up"},
      {"ffn_down", "feed_forward.down"}};
  const std::unique_ptr<ModelReader> all = Converted(builder_);
  ASSERT_NE(all, nullptr);
  for (const auto& [kept, ours] : parts) {
    SCOPED_TRACE(kept);
    std::vector<std::string> others;
    for (const auto& [gguf, unused] : parts) {
      if (gguf != kept) others.push_back(gguf);
    }
    GgufBuilder builder = Without(others);
    builder.RemoveTensor("blk.0." + kept + ".bias");  // the first layer has none at all
    const std::unique_ptr<ModelReader> one = Converted(builder);
    ASSERT_NE(one, nullptr);
    for (const TensorInfo& info : TensorList(one->config())) {
      std::vector<float> expected = StoredValues(*all, info.name);
      if (info.role == TensorRole::kBias && info.name != "layers.1." + ours + ".bias") {
        expected.assign(expected.size(), 0.0f);
      }
      EXPECT_EQ(StoredValues(*one, info.name), expected) << info.name;
    }
    EXPECT_EQ(one->config().query_key_value_bias,
              ours == "attention.q" || ours == "attention.k" || ours == "attention.v");
    EXPECT_EQ(one->config().attention_output_bias, ours == "attention.output");
    EXPECT_EQ(one->config().feed_forward_bias, ours.starts_with("feed_forward"));
  }
  const std::unique_ptr<ModelReader> none = Converted(
      Without({"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}));
  ASSERT_NE(none, nullptr);
  EXPECT_FALSE(none->config().query_key_value_bias || none->config().attention_output_bias ||
               none->config().feed_forward_bias);
}

TEST_F(GgufMessagesTest, TensorsHaveTheFilesNames) {
  GgufBuilder builder = builder_;
  builder.RemoveTensor("blk.1.ffn_norm.weight");
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument, {"no tensor \"blk.1.ffn_norm.weight\""}));
  builder.Tensor("blk.1.ffn_norm.weight", {31}, kGgufF32, std::string(31 * 4, '\0'));
  EXPECT_THAT(Convert(builder), MatchesStatus(StatusCode::kInvalidArgument,
                                              {"\"blk.1.ffn_norm.weight\"", "[32]", "[31]"}));
  builder = builder_;
  builder.RemoveTensor("blk.0.attn_q.weight");
  builder.Tensor("blk.0.attn_q.weight", {31, 32}, kGgufF32, std::string(31 * 32 * 4, '\0'));
  EXPECT_THAT(Convert(builder), MatchesStatus(StatusCode::kInvalidArgument,
                                              {"\"blk.0.attn_q.weight\"", "32 rows", "31"}));
  builder = builder_;
  builder.RemoveTensor("blk.0.attn_q.bias");
  builder.Tensor("blk.0.attn_q.bias", {31}, kGgufF32, std::string(31 * 4, '\0'));
  EXPECT_THAT(Convert(builder), MatchesStatus(StatusCode::kInvalidArgument,
                                              {"\"blk.0.attn_q.bias\"", "32 rows", "31"}));
  builder = builder_;
  builder.RemoveTensor("output_norm.weight");
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument, {"no tensor \"output_norm.weight\""}));
  builder = builder_;
  builder.Tensor("blk.0.attn_norm_2.weight", {32}, kGgufF32, std::string(32 * 4, '\0'));
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"1 tensors", "model.gguf", "blk.0.attn_norm_2.weight"}));
}

TEST_F(GgufMessagesTest, KeysHaveTheFilesNames) {
  GgufBuilder builder = WithoutKey("llama.attention.head_count_kv");
  builder.Uint32("llama.attention.head_count_kv", 0);
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"model.gguf: llama.attention.head_count_kv", "from 1", "found 0"}));
  builder = WithoutKey("llama.rope.freq_base");
  builder.Float32("llama.rope.freq_base", -1.0f);
  EXPECT_THAT(Convert(builder), MatchesStatus(StatusCode::kInvalidArgument,
                                              {"model.gguf: llama.rope.freq_base", "found -1"}));
  builder = WithoutKey("llama.attention.layer_norm_rms_epsilon");
  builder.Float32("llama.attention.layer_norm_rms_epsilon", 0.0f);
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"model.gguf: llama.attention.layer_norm_rms_epsilon", "positive"}));
  builder = builder_;
  builder.Text("llama.rope.scaling.type", "linear");
  builder.Float32("llama.rope.scaling.factor", -2.0f);
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"model.gguf: llama.rope.scaling.factor", "positive", "-2"}));
}

TEST_F(GgufMessagesTest, TypesAreNamed) {
  struct Case {
    const char* key;
    const char* expected;
  };
  for (const Case& bad :
       {Case{"llama.block_count", "uint32"}, Case{"llama.context_length", "uint32"},
        Case{"llama.embedding_length", "uint32"}, Case{"llama.feed_forward_length", "uint32"},
        Case{"llama.attention.head_count", "uint32"},
        Case{"llama.attention.head_count_kv", "uint32"},
        Case{"llama.rope.dimension_count", "uint32"}, Case{"llama.rope.freq_base", "float32"},
        Case{"llama.attention.layer_norm_rms_epsilon", "float32"},
        Case{"llama.attention.causal", "bool"}}) {
    GgufBuilder builder = WithoutKey(bad.key);
    builder.Text(bad.key, "8");
    EXPECT_THAT(Convert(builder),
                MatchesStatus(StatusCode::kInvalidArgument,
                              {absl::StrCat("model.gguf: ", bad.key, ": expected ", bad.expected,
                                            ", found string")}));
    builder = WithoutKey(bad.key);
    builder.Floats(bad.key, {1.5f});
    EXPECT_THAT(Convert(builder), MatchesStatus(StatusCode::kInvalidArgument,
                                                {absl::StrCat(bad.key, ": expected ", bad.expected,
                                                              ", found array of float32")}));
  }
  for (const char* key : {"general.architecture", "general.type", "llama.rope.scaling.type"}) {
    GgufBuilder builder = WithoutKey(key);
    builder.Uint32(key, 7);
    EXPECT_THAT(Convert(builder),
                MatchesStatus(StatusCode::kInvalidArgument,
                              {absl::StrCat(key, ": expected string, found uint32")}));
  }
  GgufBuilder builder = WithoutKey("llama.block_count");
  builder.Float32("llama.block_count", 2.0f);
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"llama.block_count: expected uint32, found float32"}));
  builder = builder_;
  builder.Text("split.count", "2");
  EXPECT_THAT(Convert(builder), MatchesStatus(StatusCode::kInvalidArgument,
                                              {"split.count: expected uint32, found string"}));
}

TEST_F(GgufMessagesTest, TypesOfTheTokenizerAreNamed) {
  GgufBuilder builder = WithoutKey("tokenizer.ggml.tokens");
  builder.Int32s("tokenizer.ggml.tokens", {1, 2});
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"tokenizer.ggml.tokens: expected array of string, found array of "
                             "int32"}));
  builder = WithoutKey("tokenizer.ggml.scores");
  builder.Texts("tokenizer.ggml.scores", {"1"});
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"tokenizer.ggml.scores: expected array of float32, found array of "
                             "string"}));
  builder = WithoutKey("tokenizer.ggml.token_type");
  builder.Uint32("tokenizer.ggml.token_type", 1);
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"tokenizer.ggml.token_type: expected array of int32, found uint32"}));
  builder = WithoutKey("tokenizer.ggml.bos_token_id");
  builder.Text("tokenizer.ggml.bos_token_id", "1");
  EXPECT_THAT(Convert(builder),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"tokenizer.ggml.bos_token_id: expected uint32, found string"}));
}

}  // namespace
}  // namespace inkling
