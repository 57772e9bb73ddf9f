// MediaPipe LLM files that are wrong, damaged or of another kind, and what is read besides the
// weights: parameters, tokenizer, template.

#include "converter/checkpoints/mediapipe/mediapipe_file.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/checkpoints/mediapipe/llm_parameters.h"
#include "converter/checkpoints/mediapipe/mediapipe_tokenizer.h"
#include "converter/convert.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/mediapipe_fixture.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;
using testing::ElementsAre;

const nlohmann::json kSizes = LittleMediapipeSizes(8);

class MediapipeFileTest : public testing::Test {
 protected:
  // A complete little file: Gemma with int8 and, for one matrix, int4.
  static MediapipeFixture Fixture() { return LittleMediapipeGemma({}, 8); }

  absl::StatusOr<ConvertSummary> Convert(const std::string& bytes) {
    WriteFileBytes(folder_.File("model.bin"), bytes);
    return ConvertCheckpoint(folder_.File("model.bin"), folder_.File("out.tflite"),
                             ConvertOptions());
  }
  absl::StatusOr<ConvertSummary> Convert(const MediapipeFixture& file) {
    return Convert(file.Bytes());
  }
  // With other parameters.
  absl::StatusOr<ConvertSummary> ConvertWith(const MediapipeParameters& values,
                                             nlohmann::json sizes = kSizes) {
    MediapipeFixture file = Fixture();
    file.parameters = MediapipeLlmParameters(sizes, values).bytes();
    return Convert(file);
  }

  TempDir folder_;
};

TEST_F(MediapipeFileTest, ALittleFileConverts) {
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary, Convert(Fixture()));
  ASSERT_EQ(summary.notes.size(), 2);
  EXPECT_EQ(summary.notes[0], "values and scales taken as they are, int4: attention.v");
  EXPECT_TRUE(absl::StrContains(summary.notes[1], "int8: attention.k, attention.output"));
  EXPECT_EQ(summary.prompt_template, "none (plain text): the file has no prompt template");
}

TEST_F(MediapipeFileTest, OtherTfliteFilesAreNamed) {
  ASSERT_OK(WriteRandomModel(folder_.File("inkling.tflite"), TinyConfig(), {}, {}, 1));
  EXPECT_THAT(Checkpoint::Open(folder_.File("inkling.tflite")),
              MatchesStatus(StatusCode::kInvalidArgument, {"Inkling model file", "already"}));
  MediapipeFixture file = Fixture();
  file.has_parameters = false;
  EXPECT_THAT(Convert(file), MatchesStatus(StatusCode::kUnimplemented,
                                           {"odml.infra.proto.LlmParameters", "made from"}));
  file = Fixture();
  file.backend = "npu";
  EXPECT_THAT(Convert(file), MatchesStatus(StatusCode::kUnimplemented, {"\"npu\"", "cpu or gpu"}));
  file = Fixture();
  file.model_type = 100;
  EXPECT_THAT(Convert(file),
              MatchesStatus(StatusCode::kUnimplemented, {"LlmModelType", "GEMMA_2B", "found 100"}));
  EXPECT_THAT(Convert(std::string("\x1c\0\0\0TFL3and so on", 17)),
              MatchesStatus(StatusCode::kInvalidArgument, {"flatbuffer", "damaged"}));
}

TEST_F(MediapipeFileTest, WrongTensorsAreNamed) {
  const std::string name = "params.lm.transformer.x_layers_0.self_attention.q.w";
  const auto fails = [&](const MediapipeFixture& file, StatusCode code,
                         const std::vector<std::string>& message) {
    EXPECT_THAT(Convert(file), MatchesStatus(code, message)) << message.back();
    EXPECT_EQ(folder_.List(), std::vector<std::string>{"model.bin"});
  };
  MediapipeFixture file = Fixture();
  file.Tensor(name).bytes.pop_back();
  fails(file, StatusCode::kInvalidArgument, {name, "[4, 4] needs 16 bytes, found 15"});
  file = Fixture();
  file.Tensor(name).shape = {4, -4};
  fails(file, StatusCode::kInvalidArgument, {name, "sizes above 0"});
  file = Fixture();
  file.Tensor(name).shape = {1 << 30, 1 << 30, 1 << 30};
  fails(file, StatusCode::kInvalidArgument, {name, "overflows"});
  file = Fixture();
  file.Tensor(name).type = wire::TensorType::FLOAT16;
  fails(file, StatusCode::kUnimplemented, {name, "FLOAT32, INT8 or INT4, found 1"});
  file = Fixture();
  file.Tensor(name).type = wire::TensorType::INT4;
  file.Tensor(name).shape = {32, 1};
  fails(file, StatusCode::kInvalidArgument, {name, "even number of columns"});
  file = Fixture();
  file.Remove(name);
  fails(file, StatusCode::kInvalidArgument, {"self_attn.q_proj.weight"});
  file = Fixture();
  file.tensors.push_back(file.tensors.back());
  fails(file, StatusCode::kInvalidArgument, {"final_ln.scale", "twice"});
  file = Fixture();
  file.Remove(name + "_quantized_scale");
  fails(file, StatusCode::kInvalidArgument, {name, "4 scales", "found none"});
  file = Fixture();
  file.Tensor(name + "_quantized_scale").shape = {2};
  file.Tensor(name + "_quantized_scale").bytes.resize(8);
  fails(file, StatusCode::kInvalidArgument, {name, "4 scales", "found 8 bytes"});
  file = Fixture();
  file.Tensor(name + "_quantized_scale").bytes = std::string(16, '\0');
  fails(file, StatusCode::kInvalidArgument, {"layers.0.attention.q.weight", "scale 0", "positive"});
  file = Fixture();
  file.AddFloats(name + "_quantized_zp", {4}, {0, 0, 0, 0});
  fails(file, StatusCode::kUnimplemented, {"_quantized_zp", "asymmetric"});
  file = Fixture();
  file.AddFloats("params.lm.surprise", {1}, {0});
  fails(file, StatusCode::kInvalidArgument, {"params.lm.surprise", "doesn't use"});
}

TEST_F(MediapipeFileTest, ParametersThatNothingComputesAreRefused) {
  MediapipeParameters values;
  values.mask = 2;
  EXPECT_THAT(ConvertWith(values), MatchesStatus(StatusCode::kUnimplemented,
                                                 {"GEMMA_2B", "attention_mask_type", "found 2"}));
  values = {};
  values.activation = 3;
  EXPECT_THAT(ConvertWith(values),
              MatchesStatus(StatusCode::kUnimplemented, {"activation: expected 1, found 3"}));
  values = {};
  values.norm = 3;
  EXPECT_THAT(ConvertWith(values), MatchesStatus(StatusCode::kUnimplemented, {"pre_norm"}));
  values = {};
  values.scale = 1;
  EXPECT_THAT(ConvertWith(values),
              MatchesStatus(StatusCode::kUnimplemented, {"attention_scale_type", "found 1"}));
  values = {};
  values.attention_soft_cap = 50;
  EXPECT_THAT(ConvertWith(values),
              MatchesStatus(StatusCode::kUnimplemented, {"attention soft_cap_value", "found 50"}));
  values = {};
  values.window = 512;
  EXPECT_THAT(ConvertWith(values),
              MatchesStatus(StatusCode::kUnimplemented, {"sliding_window_size", "found 512"}));
  for (const char* size : {"vocab_size", "hidden_size", "num_hidden_layers", "head_dim"}) {
    nlohmann::json sizes = kSizes;
    sizes[size] = 0;
    EXPECT_THAT(ConvertWith({}, sizes),
                MatchesStatus(StatusCode::kInvalidArgument, {"expected 1 to", "found 0"}));
    sizes[size] = uint64_t{1} << 40;
    EXPECT_FALSE(ConvertWith({}, sizes).ok());
  }
  // Of the transformer: laurel, and a field from the future.
  for (const uint32_t field : {34u, 99u}) {
    const std::string message =
        ProtobufWriter().Bytes(1, ProtobufWriter().Number(field, 1).bytes()).bytes();
    EXPECT_THAT(ReadLlmParameters(message),
                MatchesStatus(StatusCode::kUnimplemented, {field == 34 ? "laurel" : "99"}));
  }
  EXPECT_OK(
      ReadLlmParameters(ProtobufWriter().Bytes(1, ProtobufWriter().Number(34, 0).bytes()).bytes()));
}

TEST_F(MediapipeFileTest, ParametersAreReadFieldByField) {
  ProtobufWriter message = MediapipeLlmParameters(kSizes, {});
  message.Bytes(18, std::string("\x01\x96\x01", 3)).Number(18, 7).Bytes(7, "\x01");
  ASSERT_OK_AND_ASSIGN(const LlmParameters parameters, ReadLlmParameters(message.bytes()));
  EXPECT_EQ(parameters.vocab_size, 6);
  EXPECT_EQ(parameters.start_token_id, 2);
  EXPECT_THAT(parameters.stop_tokens, ElementsAre("<eos>"));
  EXPECT_THAT(parameters.stop_token_ids, ElementsAre(1, 150, 7));
  EXPECT_TRUE(parameters.bytes_to_unicode);
  EXPECT_EQ(parameters.transformer.hidden_dimension, 8);
  EXPECT_EQ(parameters.transformer.num_kv_heads, 1);
  EXPECT_THAT(ReadLlmParameters(ProtobufWriter().Bytes(18, "\x80").bytes()),
              MatchesStatus(StatusCode::kInvalidArgument, {"stop_token_ids"}));
  EXPECT_THAT(ReadLlmParameters(ProtobufWriter().Bytes(1, "\x1A").bytes()),
              MatchesStatus(StatusCode::kInvalidArgument, {"transformer_parameters"}));
}

absl::StatusOr<ImportedTokenizer> Import(const ProtobufWriter& message,
                                         const std::string& model = TinySentencePiece()) {
  absl::StatusOr<LlmParameters> parameters = ReadLlmParameters(message.bytes());
  if (!parameters.ok()) return parameters.status();
  return ImportMediapipeTokenizer("model.bin", model, *parameters, "");
}

TEST(MediapipeTokenizerTest, IdsComeFromTheParameters) {
  ProtobufWriter message;
  message.Number(4, 2).Bytes(5, "<eos>").Bytes(5, "<end_of_turn>").Bytes(5, "The end");
  ASSERT_OK_AND_ASSIGN(ImportedTokenizer imported, Import(message));
  EXPECT_EQ(imported.tokenizer.bos_id, 2);
  EXPECT_TRUE(imported.tokenizer.add_bos);
  EXPECT_THAT(imported.tokenizer.stop_ids, ElementsAre(1, 4));
  ASSERT_FALSE(imported.notes.empty());
  EXPECT_EQ(imported.notes[0], "the stop token 'The end' is no token of the vocabulary");
  ASSERT_OK_AND_ASSIGN(imported, Import(ProtobufWriter().Bytes(6, "<start_of_turn>")));
  EXPECT_EQ(imported.tokenizer.bos_id, 3);
  ASSERT_OK_AND_ASSIGN(imported, Import(ProtobufWriter()));
  EXPECT_FALSE(imported.tokenizer.add_bos);
  EXPECT_THAT(Import(ProtobufWriter().Number(4, 6)),
              MatchesStatus(StatusCode::kInvalidArgument, {"model.bin", "6 pieces, found 6"}));
  EXPECT_THAT(Import(ProtobufWriter().Bytes(6, "<s>")),
              MatchesStatus(StatusCode::kInvalidArgument, {"found \"<s>\""}));
}

TEST(MediapipeTokenizerTest, VocabulariesThatCantBeReadSayWhatToGive) {
  EXPECT_THAT(Import(ProtobufWriter(), ""),
              MatchesStatus(StatusCode::kNotFound, {"spm_vocab_model", "tokenizer.json"}));
  EXPECT_THAT(Import(ProtobufWriter().Number(7, 1)),
              MatchesStatus(StatusCode::kUnimplemented, {"GPT-2", "tokenizer.json"}));
  EXPECT_THAT(Import(ProtobufWriter(), "damaged"),
              MatchesStatus(StatusCode::kInvalidArgument, {"spm_vocab_model", "tokenizer.json"}));
}

TEST(MediapipeTokenizerTest, TemplatesOfBothKinds) {
  const std::string user = "<start_of_turn>user\n";
  const std::string model = "<start_of_turn>model\n";
  const std::string end = "<end_of_turn>\n";
  ProtobufWriter whole;
  whole.Number(4, 2).Bytes(8, ProtobufWriter().Bytes(2, user).Bytes(3, end + model).bytes());
  ProtobufWriter roles;
  roles.Bytes(1, ProtobufWriter().Bytes(2, user).Bytes(3, end).bytes());
  roles.Bytes(2, ProtobufWriter().Bytes(2, model).Bytes(3, end).bytes());
  ProtobufWriter by_role;
  by_role.Number(4, 2).Bytes(17, roles.bytes());
  for (const ProtobufWriter& message : {whole, by_role}) {
    ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported, Import(message));
    const PromptTemplateData& data = imported.prompt_template;
    EXPECT_EQ(data.name, "mediapipe");
    EXPECT_EQ(data.session_prefix, "<bos>");
    EXPECT_EQ(data.user.prefix, user);
    EXPECT_EQ(data.user.suffix, end);
    EXPECT_EQ(data.model.prefix, model);
    EXPECT_EQ(data.generation_prompt, model);
    EXPECT_EQ(data.model.suffix, end);
    EXPECT_EQ(data.system_placement, SystemPlacement::kNone);
    for (const AddedToken& token : imported.tokenizer.added_tokens) {
      EXPECT_TRUE(token.markup || token.content != "<start_of_turn>");
    }
  }
}

// Falcon's start token is an ordinary piece: a template can't write it as a word.
TEST(MediapipeTokenizerTest, AStartTokenThatIsTextStaysOutOfTemplates) {
  ProtobufWriter message;
  message.Number(4, 5).Bytes(8, ProtobufWriter().Bytes(2, "Q: ").Bytes(3, "\nA: ").bytes());
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported, Import(message));
  EXPECT_EQ(imported.tokenizer.bos_id, 5);
  EXPECT_TRUE(imported.tokenizer.add_bos);
  EXPECT_EQ(imported.prompt_template.session_prefix, "");
  ASSERT_FALSE(imported.notes.empty());
  EXPECT_EQ(
      imported.notes[0],
      "conversations don't begin with the start token 'a', which is an ordinary piece of text");
}

TEST_F(MediapipeFileTest, EveryPrefixIsAnError) {
  const std::string bytes = Fixture().Bytes();
  for (size_t length = 0; length < bytes.size(); length += 101) {
    EXPECT_FALSE(Convert(bytes.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(Convert(bytes.substr(0, bytes.size() - 1)).ok());
}

// One damaged byte in the flatbuffer, the parameters or the tokenizer: an error, or a file that
// reads otherwise, but nothing outside the file.
TEST_F(MediapipeFileTest, AnyDamagedByteIsSafe) {
  MediapipeFixture file = Fixture();
  const std::string bytes = file.Bytes();
  const size_t end = bytes.find(file.Tensor("params.lm.softmax.logits_ffn.w").bytes);
  ASSERT_NE(end, std::string::npos);
  for (size_t i = 8; i < end; i += 11) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    WriteFileBytes(folder_.File("model.bin"), damaged);
    const absl::StatusOr<std::unique_ptr<Checkpoint>> read =
        Checkpoint::Open(folder_.File("model.bin"));
    if (!read.ok()) continue;
    (void)(*read)->ImportTokenizer("");
    for (size_t t = 0; t < (*read)->tensors().size(); ++t) {
      const SourceTensor& tensor = (*read)->tensors()[t];
      EXPECT_OK((*read)->ReadRows(t, 0, tensor.shape.empty() ? 1 : tensor.shape[0]));
    }
  }
}

}  // namespace
}  // namespace inkling
