// Checkpoints whose models are known: one family's checkpoint rewritten in another's form, or in
// another form of its own, has to give the same model, bit for bit. For families without reference
// numbers of their own this ties them to one that has some; what differs on purpose (a window, a
// layer that doesn't rotate) is run against the reference decoder.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "converter/files/json_text.h"
#include "gtest/gtest.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;
using nlohmann::json;

TinyCheckpoint Golden(const std::string& name) {
  return TinyCheckpoint::Read(std::string(INKLING_TEST_DATA_DIR) + "/golden/" + name);
}

// A checkpoint in Llama's form that says it is of another family in that form.
TinyCheckpoint LlamaAs(const std::string& model_type, const std::string& architecture) {
  TinyCheckpoint checkpoint = Golden("llama");
  checkpoint.config["model_type"] = model_type;
  checkpoint.config["architectures"] = {architecture};
  return checkpoint;
}

std::string Layer(int64_t layer, const std::string& rest) {
  return absl::StrCat("model.layers.", layer, ".", rest);
}

int64_t NumLayers(const TinyCheckpoint& checkpoint) {
  return checkpoint.config["num_hidden_layers"].get<int64_t>();
}

TEST(EqualCheckpointTest, MistralWithoutAWindowIsLlama) {
  TinyCheckpoint mistral = LlamaAs("mistral", "MistralForCausalLM");
  mistral.config["sliding_window"] = nullptr;
  const ConvertedModel plain(mistral);
  ExpectSameModel(plain, ConvertedModel(Golden("llama")));
  EXPECT_EQ(plain.summary().family, "mistral");

  mistral.config["sliding_window"] = 12;
  const ConvertedModel windowed(mistral);
  ASSERT_TRUE(windowed.ok());
  for (const LayerConfig& layer : windowed.config().layers) EXPECT_EQ(layer.window, 12);
  EXPECT_EQ(windowed.Values("layers.1.attention.k.weight"),
            plain.Values("layers.1.attention.k.weight"));
  ExpectDecoderAgreesWithReference(windowed);
}

TEST(EqualCheckpointTest, SmolLm3ThatRotatesEverywhereIsLlama) {
  TinyCheckpoint smollm3 = LlamaAs("smollm3", "SmolLM3ForCausalLM");
  smollm3.config["no_rope_layers"] = std::vector<int>(NumLayers(smollm3), 1);
  ExpectSameModel(ConvertedModel(smollm3), ConvertedModel(Golden("llama")));

  smollm3.config.erase("no_rope_layers");
  smollm3.config["no_rope_layer_interval"] = 2;
  const ConvertedModel alternating(smollm3);
  ASSERT_TRUE(alternating.ok());
  for (size_t i = 0; i < alternating.config().layers.size(); ++i) {
    EXPECT_EQ(alternating.config().layers[i].rope_table, i % 2 == 0 ? 0 : -1) << i;
  }
  ExpectDecoderAgreesWithReference(alternating);
}

TinyCheckpoint LlamaAsPhi3() {
  TinyCheckpoint phi3 = LlamaAs("phi3", "Phi3ForCausalLM");
  for (int64_t i = 0; i < NumLayers(phi3); ++i) {
    phi3.Join({Layer(i, "self_attn.q_proj.weight"), Layer(i, "self_attn.k_proj.weight"),
               Layer(i, "self_attn.v_proj.weight")},
              Layer(i, "self_attn.qkv_proj.weight"));
    phi3.Join({Layer(i, "mlp.gate_proj.weight"), Layer(i, "mlp.up_proj.weight")},
              Layer(i, "mlp.gate_up_proj.weight"));
  }
  return phi3;
}

TEST(EqualCheckpointTest, Phi3IsLlamaWithJoinedTensors) {
  const ConvertedModel model(LlamaAsPhi3());
  ExpectSameModel(model, ConvertedModel(Golden("llama")));
  EXPECT_EQ(model.summary().family, "phi3");
}

TEST(EqualCheckpointTest, Phi3TurnsLongContextsByTheirOwnTable) {
  TinyCheckpoint phi3 = LlamaAsPhi3();
  const size_t pairs = ConvertedModel(phi3).config().rope_tables[0].frequencies.size();
  phi3.config["max_position_embeddings"] = 4096;
  phi3.config["original_max_position_embeddings"] = 64;
  json& scaling = phi3.config["rope_scaling"];
  scaling = {{"type", "longrope"},
             {"short_factor", std::vector<double>(pairs, 1.0)},
             {"long_factor", std::vector<double>(pairs, 1.0)}};
  for (size_t i = 0; i < pairs; ++i) {
    scaling["short_factor"][i] = 1.0 + 0.125 * static_cast<double>(i);
    scaling["long_factor"][i] = 1.5 + static_cast<double>(i);
  }
  const ConvertedModel model(phi3);
  ExpectDecoderAgreesWithReference(model, 64);  // the short table's last
  ExpectDecoderAgreesWithReference(model, 65);
}

// As AutoModel saves it; the tied head is no loss.
TEST(EqualCheckpointTest, FalconWithoutItsPrefixIsFalcon) {
  TinyCheckpoint falcon = Golden("falcon_rw");
  const ConvertedModel expected(falcon);
  for (FixtureTensor& tensor : falcon.tensors) {
    tensor.name = std::string(absl::StripPrefix(tensor.name, "transformer."));
  }
  ExpectSameModel(ConvertedModel(falcon), expected);
}

// Phi as its first checkpoints and their fine-tunes have it.
TEST(EqualCheckpointTest, PhiBeforeTransformersHadItIsPhi) {
  const TinyCheckpoint phi = Golden("phi");
  TinyCheckpoint first = phi;
  first.config = {{"architectures", {"PhiForCausalLM"}},
                  {"model_type", "phi-msft"},
                  {"activation_function", "gelu_new"},
                  {"layer_norm_epsilon", phi.config["layer_norm_eps"]},
                  {"n_embd", phi.config["hidden_size"]},
                  {"n_head", phi.config["num_attention_heads"]},
                  {"n_head_kv", nullptr},
                  {"n_inner", phi.config["intermediate_size"]},
                  {"n_layer", phi.config["num_hidden_layers"]},
                  {"n_positions", phi.config["max_position_embeddings"]},
                  {"rotary_dim", 16},
                  {"tie_word_embeddings", false},
                  {"vocab_size", phi.config["vocab_size"]}};
  const std::vector<std::pair<std::string, std::string>> kRenamed = {
      {"model.embed_tokens.", "transformer.embd.wte."},
      {"model.final_layernorm.", "lm_head.ln."},
      {"lm_head.weight", "lm_head.linear.weight"},
      {"lm_head.bias", "lm_head.linear.bias"},
      {"model.layers.", "transformer.h."},
      {".input_layernorm.", ".ln."},
      {".self_attn.dense.", ".mixer.out_proj."}};
  for (int64_t i = 0; i < NumLayers(phi); ++i) {
    for (const char* kind : {"weight", "bias"}) {
      first.Join({Layer(i, absl::StrCat("self_attn.q_proj.", kind)),
                  Layer(i, absl::StrCat("self_attn.k_proj.", kind)),
                  Layer(i, absl::StrCat("self_attn.v_proj.", kind))},
                 Layer(i, absl::StrCat("mixer.Wqkv.", kind)));
    }
  }
  for (FixtureTensor& tensor : first.tensors) {
    tensor.name = absl::StrReplaceAll(tensor.name, kRenamed);
  }
  const ConvertedModel model(first);
  ExpectSameModel(model, ConvertedModel(phi));
  EXPECT_EQ(model.summary().family, "phi");
  first.config["n_inner"] = nullptr;  // four times the hidden size, which is another
  EXPECT_THAT(ConvertStatus(first), MatchesStatus(StatusCode::kInvalidArgument, {"mlp.fc1"}));
}

// Gemma 3 that sees images: its config inside another, `text_prefix` for its tensors' "model.", and
// others beside.
TinyCheckpoint Wrapped(const TinyCheckpoint& text, const std::string& text_prefix,
                       const std::string& other_prefix) {
  TinyCheckpoint wrapped = text;
  wrapped.config = {{"architectures", {"Gemma3ForConditionalGeneration"}},
                    {"model_type", "gemma3"},
                    {"text_config", text.config},
                    {"vision_config", {{"hidden_size", 8}}}};
  for (FixtureTensor& tensor : wrapped.tensors) {
    tensor.name = absl::StrCat(text_prefix, absl::StripPrefix(tensor.name, "model."));
  }
  wrapped.Add(other_prefix + "vision_tower.vision_model.embeddings.patch_embedding.weight",
              {4, 3, 2, 2});
  wrapped.Add(other_prefix + "vision_tower.vision_model.post_layernorm.bias", {8});
  wrapped.Add(other_prefix + "multi_modal_projector.mm_input_projection_weight", {8, 64});
  return wrapped;
}

TEST(EqualCheckpointTest, Gemma3BesideAVisionTowerIsGemma3) {
  const TinyCheckpoint gemma3 = Golden("gemma3");
  const ConvertedModel expected(gemma3);
  // As transformers 4.50 saves it, and as later ones do.
  for (const TinyCheckpoint& wrapped : {Wrapped(gemma3, "language_model.model.", ""),
                                        Wrapped(gemma3, "model.language_model.", "model.")}) {
    const ConvertedModel model(wrapped);
    ExpectSameModel(model, expected);
    EXPECT_EQ(model.summary().family, "gemma3");
    EXPECT_THAT(model.summary().notes,
                testing::Contains(testing::HasSubstr("left out: vision_tower.* (2 tensors")));
  }
}

// config_v5.json says of the same tensors what config.json says, nested or not.
TEST(EqualCheckpointTest, Gemma3InBothSpellings) {
  TinyCheckpoint gemma3 = Golden("gemma3");
  const ConvertedModel expected(gemma3);
  ASSERT_OK_AND_ASSIGN(gemma3.config, ReadJsonFile(std::string(INKLING_TEST_DATA_DIR) +
                                                   "/golden/gemma3/config_v5.json"));
  ExpectSameModel(ConvertedModel(gemma3), expected);
  ExpectSameModel(ConvertedModel(Wrapped(gemma3, "model.language_model.", "model.")), expected);
}

TEST(EqualCheckpointTest, ATensorOfAnUnknownPartIsRefused) {
  TinyCheckpoint wrapped = Wrapped(Golden("gemma3"), "model.language_model.", "model.");
  wrapped.Add("model.audio_tower.conv.weight", {4, 4});
  EXPECT_THAT(ConvertStatus(wrapped),
              MatchesStatus(StatusCode::kInvalidArgument, {"1 tensors", "audio_tower", "gemma3"}));
}

}  // namespace
}  // namespace inkling
