// What tensors say where a config says less or something else, through whole conversions: heads
// that aren't the embedding, biases that aren't there, names that training tools left.

#include "converter/plan/tensor_evidence.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/checkpoints/wrapper_names.h"
#include "converter/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr char kEmbedding[] = "model.embed_tokens.weight";
constexpr char kHead[] = "lm_head.weight";

TinyCheckpoint TiedCheckpoint() {
  TinyCheckpoint checkpoint;
  checkpoint.config["tie_word_embeddings"] = true;
  return checkpoint;
}

TEST(TiedHeadTest, AHeadWithOtherValuesIsUsed) {
  const ConvertedModel untied{TinyCheckpoint()};
  const ConvertedModel converted{TiedCheckpoint()};
  ASSERT_TRUE(untied.ok() && converted.ok());
  ExpectSameModel(converted, untied);
  EXPECT_FALSE(converted.config().tied_head);
  EXPECT_THAT(
      converted.summary().notes,
      Contains(HasSubstr("lm_head.weight has other values than model.embed_tokens.weight")));
  EXPECT_THAT(untied.summary().notes, Not(Contains(HasSubstr("other values"))));
  ExpectDecoderAgreesWithReference(converted);
}

// One value is enough, wherever it lies.
TEST(TiedHeadTest, OneValueMakesTheDifference) {
  for (const size_t place : {size_t{0}, size_t{4321}, size_t{320 * 32 - 1}}) {
    TinyCheckpoint checkpoint = TiedCheckpoint();
    checkpoint.Tensor(kHead).values = checkpoint.Tensor(kEmbedding).values;
    checkpoint.Tensor(kHead).values[place] += 0.25f;
    const ConvertedModel converted{checkpoint};
    ASSERT_TRUE(converted.ok());
    EXPECT_FALSE(converted.config().tied_head) << place;
    EXPECT_EQ(converted.Values("head.weight"), checkpoint.Tensor(kHead).values);
  }
}

TEST(TiedHeadTest, EqualValuesAreTied) {
  TinyCheckpoint checkpoint = TiedCheckpoint();
  checkpoint.Tensor(kHead).values = checkpoint.Tensor(kEmbedding).values;
  checkpoint.Tensor(kHead).dtype = "F32";  // the same numbers
  const ConvertedModel equal{checkpoint};
  checkpoint.Remove(kHead);
  const ConvertedModel without{checkpoint};
  ASSERT_TRUE(equal.ok() && without.ok());
  EXPECT_TRUE(equal.config().tied_head);
  ExpectSameModel(equal, without);
  EXPECT_THAT(equal.summary().notes, Contains(HasSubstr("left out: lm_head.weight (redundant)")));
}

TEST(TiedHeadTest, ComparingCanBeCancelled) {
  const TempDir folder;
  TiedCheckpoint().Write(folder.File("checkpoint"));
  ConvertOptions options;
  std::string compared;
  options.progress = [&](const ConvertProgress& progress) {
    compared = std::string(progress.tensor_name);
    return false;
  };
  EXPECT_THAT(ConvertCheckpoint(folder.File("checkpoint"), folder.File("m.tflite"), options),
              MatchesStatus(StatusCode::kCancelled));
  EXPECT_EQ(compared, kHead);
  EXPECT_FALSE(std::filesystem::exists(folder.File("m.tflite")));
}

TEST(TiedHeadTest, AHeadWithoutItsEmbeddingIsBoth) {
  TinyCheckpoint checkpoint = TiedCheckpoint();
  checkpoint.Remove(kHead);
  const ConvertedModel expected{checkpoint};
  checkpoint.Rename(kEmbedding, kHead);
  const ConvertedModel converted{checkpoint};
  ASSERT_TRUE(expected.ok() && converted.ok());
  ExpectSameModel(converted, expected);
}

TEST(TiedHeadTest, AHeadOfAnotherShapeIsNamed) {
  TinyCheckpoint checkpoint = TiedCheckpoint();
  checkpoint.Remove(kHead);
  checkpoint.Add(kHead, {321, 32});
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"lm_head.weight", "expected shape [320, 32]", "found [321, 32]"}));
}

TEST(TiedHeadTest, WithoutAHeadAnUntiedModelIsRefused) {
  TinyCheckpoint checkpoint;
  checkpoint.Remove(kHead);
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"no tensor \"lm_head.weight\"", "tie_word_embeddings"}));
}

// Biases of TinyCheckpoint's two layers.
void AddBiases(TinyCheckpoint& checkpoint, const std::string& part, int64_t size) {
  for (int layer = 0; layer < 2; ++layer) {
    checkpoint.Add(absl::StrCat("model.layers.", layer, ".", part, ".bias"), {size});
  }
}

TEST(AbsentBiasTest, OutputBiasesMayBeMissing) {
  TinyCheckpoint checkpoint;
  checkpoint.config["attention_bias"] = true;
  AddBiases(checkpoint, "self_attn.q_proj", 32);
  AddBiases(checkpoint, "self_attn.k_proj", 16);
  AddBiases(checkpoint, "self_attn.v_proj", 16);
  const ConvertedModel converted{checkpoint};
  ASSERT_TRUE(converted.ok());
  EXPECT_TRUE(converted.config().query_key_value_bias);
  EXPECT_FALSE(converted.config().attention_output_bias);
  EXPECT_THAT(converted.summary().notes,
              Contains(HasSubstr("no layer has "
                                 "model.layers.0.self_attn.o_proj.bias")));
  ExpectDecoderAgreesWithReference(converted);
  TinyCheckpoint qwen = checkpoint;  // whose form it is
  qwen.config["model_type"] = "qwen2";
  qwen.config["architectures"] = {"Qwen2ForCausalLM"};
  qwen.config.erase("attention_bias");
  const ConvertedModel expected{qwen};
  ASSERT_TRUE(expected.ok());
  ExpectSameModel(converted, expected);
}

TEST(AbsentBiasTest, AnyOneMayBeThereAlone) {
  struct Case {
    const char* part;
    int64_t size;
    const char* ours;
  };
  for (const Case& one :
       {Case{"self_attn.q_proj", 32, "attention.q"}, Case{"self_attn.v_proj", 16, "attention.v"},
        Case{"self_attn.o_proj", 32, "attention.output"}}) {
    SCOPED_TRACE(one.part);
    TinyCheckpoint checkpoint;
    checkpoint.config["attention_bias"] = true;
    AddBiases(checkpoint, one.part, one.size);
    const ConvertedModel converted{checkpoint};
    ASSERT_TRUE(converted.ok());
    const std::string ours = one.ours;
    EXPECT_EQ(converted.config().attention_output_bias, ours == "attention.output");
    EXPECT_EQ(converted.Values("layers.1." + ours + ".bias"),
              FixtureValues("model.layers.1." + std::string(one.part) + ".bias", one.size));
    if (ours != "attention.output") {
      EXPECT_EQ(converted.Values("layers.1.attention.k.bias"), std::vector<float>(16, 0.0f));
    }
    ExpectDecoderAgreesWithReference(converted);
  }
  TinyCheckpoint gated;
  gated.config["mlp_bias"] = true;
  AddBiases(gated, "mlp.down_proj", 32);
  const ConvertedModel converted{gated};
  ASSERT_TRUE(converted.ok());
  EXPECT_EQ(converted.Values("layers.0.feed_forward.up.bias"), std::vector<float>(48, 0.0f));
  ExpectDecoderAgreesWithReference(converted);
}

TEST(AbsentBiasTest, DamageIsStillNamed) {
  TinyCheckpoint checkpoint;
  checkpoint.config["attention_bias"] = true;  // and none is there
  EXPECT_THAT(ConvertStatus(checkpoint), MatchesStatus(StatusCode::kInvalidArgument,
                                                       {"model.layers.0.self_attn.q_proj.bias"}));
  AddBiases(checkpoint, "self_attn.q_proj", 32);
  checkpoint.Remove("model.layers.1.self_attn.q_proj.bias");
  EXPECT_THAT(ConvertStatus(checkpoint), MatchesStatus(StatusCode::kInvalidArgument,
                                                       {"model.layers.1.self_attn.q_proj.bias"}));
  checkpoint = TinyCheckpoint();  // which says nothing of biases
  AddBiases(checkpoint, "self_attn.q_proj", 32);
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument, {"2 tensors", "q_proj.bias"}));
}

TinyCheckpoint Prefixed(const std::string& prefix) {
  TinyCheckpoint checkpoint;
  for (FixtureTensor& tensor : checkpoint.tensors) tensor.name = prefix + tensor.name;
  return checkpoint;
}

TEST(WrapperNamesTest, PrefixesOfAllNamesAreTakenOff) {
  const ConvertedModel expected{TinyCheckpoint()};
  ASSERT_TRUE(expected.ok());
  for (const char* prefix :
       {"_orig_mod.", "module.", "pretrained_model.", "base_model.model.", "module._orig_mod.",
        "_orig_mod.module.", "module.module.", "pretrained_model.base_model.model."}) {
    SCOPED_TRACE(prefix);
    const ConvertedModel converted{Prefixed(prefix)};
    ASSERT_TRUE(converted.ok());
    ExpectSameModel(converted, expected);
    EXPECT_THAT(converted.summary().notes, Contains(HasSubstr(prefix)));
  }
}

// Indexes have the names of the files.
TEST(WrapperNamesTest, ShardsHavePrefixesToo) {
  const TempDir folder;
  Prefixed("_orig_mod.").WriteShards(folder.File("safetensors"), 3);
  Prefixed("_orig_mod.").WritePytorchShards(folder.File("pytorch"), 3);
  for (const char* name : {"safetensors", "pytorch"}) {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> read,
                         Checkpoint::Open(folder.File(name)));
    for (const SourceTensor& tensor : read->tensors()) {
      EXPECT_EQ(GivenName(tensor), "_orig_mod." + tensor.name);
    }
    EXPECT_EQ(read->NameInFile("lm_head.weight"), "_orig_mod.lm_head.weight");
  }
}

TEST(WrapperNamesTest, PrefixesOfSomeNamesStay) {
  TinyCheckpoint checkpoint = Prefixed("module.");
  checkpoint.Rename("module.model.norm.weight", "model.norm.weight");
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument, {"no tensor"}));
}

// Messages have the names of the file.
TEST(WrapperNamesTest, MessagesKeepThePrefix) {
  TinyCheckpoint checkpoint = Prefixed("module._orig_mod.");
  checkpoint.Remove("module._orig_mod.model.norm.weight");
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"no tensor \"module._orig_mod.model.norm.weight\""}));
  checkpoint.Add("module._orig_mod.model.norm.weight", {31});
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"tensor \"module._orig_mod.model.norm.weight\"", "[31]"}));
  checkpoint = Prefixed("module.");
  checkpoint.Add("module.surplus", {3});
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument, {"1 tensors", "module.surplus"}));
}

TEST(WrapperNamesTest, OnlySoManyPrefixesAreTakenOff) {
  std::vector<SourceTensor> tensors(1);
  for (int i = 0; i < 100; ++i) tensors[0].name += "module.";
  EXPECT_OK(TakeOffWrapperPrefixes(tensors));
  EXPECT_EQ(tensors[0].name.size(), 92 * std::string("module.").size());
}

TEST(WrapperNamesTest, TwoNamesMayNotBecomeOne) {
  std::vector<SourceTensor> tensors(2);
  tensors[0].name = "module.v_head.weight";
  tensors[1].name = "v_head.weight";
  EXPECT_THAT(TakeOffWrapperPrefixes(tensors),
              MatchesStatus(StatusCode::kInvalidArgument, {"v_head.weight", "expected it once"}));
}

TEST(OtherHeadTest, HeadsForOtherTasksAreLeftOut) {
  const ConvertedModel expected{TinyCheckpoint()};
  ASSERT_TRUE(expected.ok());
  for (const char* name : {"v_head.summary.weight", "score.weight", "value_head.weight",
                           "classifier.weight", "reward_head.weight", "v_head.0.weight",
                           "regression_layer.weight", "ilql_heads.v_head.0.weight"}) {
    SCOPED_TRACE(name);
    for (const char* prefix : {"", "pretrained_model.", "module."}) {
      TinyCheckpoint checkpoint = Prefixed(prefix);
      checkpoint.Add(name, {1, 32});  // beside what is wrapped
      const ConvertedModel beside{checkpoint};
      ASSERT_TRUE(beside.ok());
      ExpectSameModel(beside, expected);
      EXPECT_THAT(beside.summary().notes, Contains(HasSubstr("head for another task")));
      checkpoint.Rename(name, prefix + std::string(name));
      const ConvertedModel inside{checkpoint};
      ASSERT_TRUE(inside.ok());
      ExpectSameModel(inside, expected);
    }
  }
}

// A name that may be the head for text isn't left out.
TEST(OtherHeadTest, OtherNamesStay) {
  for (const char* name : {"head.weight", "output.weight", "lm_head.bias", "model.score.weight"}) {
    EXPECT_EQ(OtherHead(name), "") << name;
    TinyCheckpoint checkpoint;
    checkpoint.Add(name, {1, 32});
    EXPECT_THAT(ConvertStatus(checkpoint), MatchesStatus(StatusCode::kInvalidArgument, {name}));
  }
}

TEST(OtherHeadTest, AModelThatOnlyScoresIsRefused) {
  TinyCheckpoint checkpoint;
  checkpoint.config["architectures"] = {"LlamaForSequenceClassification"};
  checkpoint.Remove(kHead);
  checkpoint.Add("score.weight", {1, 32});
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"lm_head.weight", "score.weight", "scores texts"}));
  // Tied to its embedding, it can write.
  checkpoint.config["tie_word_embeddings"] = true;
  const ConvertedModel converted{checkpoint};
  ASSERT_TRUE(converted.ok());
  EXPECT_THAT(converted.summary().notes, Contains(HasSubstr("score.*")));
}

TEST(OtherHeadTest, FactorsOfAdaptersAreRefused) {
  for (const char* name : {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
                           "model.layers.0.self_attn.q_proj.lora_B.default.weight"}) {
    TinyCheckpoint checkpoint;
    checkpoint.Add(name, {4, 32});
    EXPECT_THAT(ConvertStatus(checkpoint),
                MatchesStatus(StatusCode::kUnimplemented, {name, "LoRA", "merge_and_unload"}));
  }
}

}  // namespace
}  // namespace inkling
