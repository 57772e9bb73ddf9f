// Writes what the fuzz targets start from: small valid files of every format, made by the fixtures
// of the tests or copied from the golden data. Usage: fuzz_seeds FOLDER; one subfolder for each
// target.

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/quantize/importance_file.h"
#include "gtest/gtest.h"
#include "inkling/llm_session.h"
#include "src/compute/linear.h"
#include "src/compute/packed_weights.h"
#include "src/compute/packed_weights_file.h"
#include "tests/compute/owned_weight.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/gguf_fixture.h"
#include "tests/converter/mediapipe_fixture.h"
#include "tests/converter/pytorch_fixture.h"
#include "tests/fuzz/fuzzed_session.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

namespace fs = std::filesystem;

class SeedFolder {
 public:
  explicit SeedFolder(std::string root) : root_(std::move(root)) {}

  // The path of a seed of `target`, in a folder that exists.
  std::string Path(const std::string& target, const std::string& name) const {
    const fs::path folder = fs::path(root_) / target;
    fs::create_directories(folder);
    return (folder / name).string();
  }

  void Write(const std::string& target, const std::string& name, const std::string& bytes) const {
    WriteFileBytes(Path(target, name), bytes);
  }

 private:
  std::string root_;
};

std::vector<FixtureTensor> TwoTensors() {
  std::vector<FixtureTensor> tensors;
  for (const std::string dtype : {"F32", "BF16"}) {
    const std::string name = absl::StrCat("model.", dtype, ".weight");
    tensors.push_back({name, dtype, {3, 4}, FixtureValues(name, 12)});
  }
  return tensors;
}

void WriteModelFiles(const SeedFolder& seeds) {
  ModelConfig config = TinyConfig();
  config.num_layers = 1;
  config.layers.resize(1);
  constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
  constexpr TensorType kBlock32 = {ElementType::kInt4Block, 32};
  for (const TensorType type : {kInt8, kBlock32}) {
    EXPECT_OK(WriteRandomModel(
        seeds.Path("model_file",
                   TensorTypeName(type).substr(0, 4) == "int8" ? "int8.tflite" : "int4.tflite"),
        config, type, kInt8, 1));
  }
}

void WritePackedWeights(const SeedFolder& seeds) {
  absl::StatusOr<std::unique_ptr<PackedWeights>> packed = PackedWeights::Create(int64_t{1} << 20);
  ASSERT_OK(packed);
  for (const TensorType type : AllTensorTypes()) {
    const OwnedWeight weight = MakeWeight(std::string(TensorTypeName(type)), 16, 128, type, 1);
    EXPECT_OK(Linear::Create(weight.view, nullptr, **packed));
  }
  const std::string id(32, '0');
  EXPECT_OK(SavePackedWeights(**packed, seeds.Path("packed_weights", "all_types"), id, id));
}

void WriteSessions(const SeedFolder& seeds) {
  const std::shared_ptr<const LlmModel> model = FuzzedSessionModel();
  ASSERT_NE(model, nullptr);
  ASSERT_OK_AND_ASSIGN(auto session, LlmSession::Create(model, FuzzedSessionOptions()));
  EXPECT_OK(session->Save(seeds.Path("session_file", "empty")));
  GenerateOptions options;
  options.max_new_tokens = 4;
  options.sampling.temperature = 0;
  EXPECT_OK(session->Chat("Hi", options));
  EXPECT_OK(session->Chat("A text that is longer than the window", options));
  EXPECT_OK(session->Save(seeds.Path("session_file", "two_turns")));
}

void WriteGguf(const SeedFolder& seeds) {
  GgufBuilder builder;
  builder.Text("general.architecture", "llama");
  builder.Uint32("llama.context_length", 64);
  builder.Uint32("llama.embedding_length", 32);
  builder.Uint32("llama.block_count", 1);
  builder.Uint32("llama.feed_forward_length", 32);
  builder.Uint32("llama.attention.head_count", 4);
  builder.Uint32("llama.attention.head_count_kv", 2);
  builder.Float32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  AddTinyVocabulary(builder);
  const std::vector<float> values = FixtureValues("token_embd.weight", 32 * 32);
  builder.Tensor("token_embd.weight", {32, 32}, kGgufF32, GgufValues(values, kGgufF32));
  builder.Tensor("blk.0.attn_q.weight", {32, 32}, kGgufQ4, GgufValues(values, kGgufQ4));
  builder.Tensor("blk.0.attn_output.weight", {32, 32}, kGgufQ8, GgufValues(values, kGgufQ8));
  seeds.Write("gguf", "version3", builder.Bytes());
  builder.version = 2;
  seeds.Write("gguf", "version2", builder.Bytes());
}

void WriteMediapipe(const SeedFolder& seeds, const std::string& golden) {
  const nlohmann::json sizes = {
      {"vocab_size", 6},        {"hidden_size", 4},         {"intermediate_size", 8},
      {"num_hidden_layers", 1}, {"num_attention_heads", 2}, {"num_key_value_heads", 1},
      {"head_dim", 2}};
  const std::string parameters = MediapipeLlmParameters(sizes, MediapipeParameters()).bytes();
  seeds.Write("llm_parameters", "gemma", parameters);
  const auto write = [&](const std::string& seed, MediapipeForm form) {
    MediapipeFixture file;
    file.form = form;
    if (form.gpu) file.backend = "gpu";
    file.parameters = parameters;
    file.tokenizer = ReadFileBytes(golden + "/gemma/tokenizer.model");
    const std::string name = "params.lm.softmax.logits_ffn.w";
    file.AddQuantized(name, wire::TensorType::INT8, 6, 4, FixtureValues(name, 24));
    file.AddQuantized("params.lm.transformer.x_layers_0.self_attention.v.w", wire::TensorType::INT4,
                      2, 4, FixtureValues("v", 8));
    file.AddFloats("params.lm.final_ln.scale", {4}, FixtureValues("scale", 4));
    seeds.Write("mediapipe", seed, file.Bytes());
    return file;
  };
  write("little.bin", {});
  write("gpu.bin", {.gpu = true, .sums = true});
  const MediapipeFixture file = write("asymmetric.bin", {.gpu = true, .asymmetric = true});
  const std::string metadata = ProtobufWriter().Bytes(6, "<bos>").Bytes(5, "<eos>").bytes();
  seeds.Write("llm_parameters", "metadata", metadata);
  for (const bool zip64 : {false, true}) {
    seeds.Write("mediapipe", zip64 ? "zip64.task" : "bundle.task",
                MediapipeBundleBytes({{"TF_LITE_PREFILL_DECODE", file.Bytes(), 0, 0},
                                      {"TOKENIZER_MODEL", file.tokenizer, 0, 0},
                                      {"METADATA", metadata, 0, 0}},
                                     zip64));
  }
  MediapipeFixture adapter;
  adapter.form.gpu = true;
  adapter.backend = "gpu";
  adapter.parameters = parameters;
  adapter.lora_rank = 2;
  for (const char* half : {"left", "right"}) {
    // Tiles of [2, 4] or [4, 2] in float16, as many bytes as eight floats.
    adapter.AddFloats(
        absl::StrCat("params.lm.transformer.x_layers_0.self_attention.q.w_prime_", half), {8},
        FixtureValues(half, 8));
  }
  seeds.Write("mediapipe_adapter", "query.bin", adapter.Bytes());
  // With a vocabulary of GPT-2's characters for bytes.
  seeds.Write("mediapipe", "stablelm.bin",
              ReadFileBytes(golden + "/mediapipe/stablelm_3b-cpu-int4.bin"));
}

void WritePytorch(const SeedFolder& seeds) {
  seeds.Write("pytorch", "two_tensors", PytorchBytes(TwoTensors()));
  const std::vector<PickledTensor> tensors = {{"a", "FloatStorage", "0", 12, 0, {3, 4}, {4, 1}},
                                              {"b", "BFloat16Storage", "1", 12, 2, {2, 2}, {4, 1}}};
  seeds.Write("pickle", "state_dict", StateDictPickle(tensors));
  std::vector<PickledTensor> wrapped;
  for (const TensorWrapper wrapper :
       {TensorWrapper::kType, TensorWrapper::kParameter, TensorWrapper::kParameterWithState}) {
    wrapped.push_back(
        {absl::StrCat("w", wrapped.size()), "FloatStorage", "0", 12, 0, {3, 4}, {4, 1}});
    wrapped.back().wrapper = wrapper;
  }
  const std::string pickle = StateDictPickle(wrapped);
  seeds.Write("pickle", "wrapped", pickle);
  seeds.Write("pytorch", "wrapped", ZipBytes(ArchiveParts(pickle, {{"0", std::string(48, '\0')}})));
}

// One layer: vocabulary 3, hidden 4, feed-forward 4, 2 heads, 1 kv head, context 8.
void WriteLlama2c(const SeedFolder& seeds) {
  const int32_t sizes[] = {4, 4, 1, 2, 1, 3, 8};
  constexpr int kEmbedding = 3 * 4;
  constexpr int kLayer = 2 * 4 + 2 * 4 * 4 + 2 * 2 * 4 + 3 * 4 * 4;
  constexpr int kFinalNormAndRotation = 4 + 8 * 2;
  const std::vector<float> values =
      FixtureValues("llama2c", kEmbedding + kLayer + kFinalNormAndRotation);
  seeds.Write(
      "llama2c", "one_layer",
      std::string(reinterpret_cast<const char*>(sizes), sizeof(sizes)) +
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
}

void WriteImportanceFiles(const SeedFolder& seeds) {
  ImportanceData data;
  data.inputs["layers.0.attention.q.weight"] = {32, 8, FixtureValues("inputs", 256)};
  data.outputs["layers.0.attention.q.weight"] = {1.0, 0.5, 9.0};
  EXPECT_OK(WriteImportance(seeds.Path("importance", "one_matrix"), data));
}

// Golden files that are small enough, by what their names end with.
void CopyGolden(const SeedFolder& seeds, const std::string& golden) {
  for (const auto& entry : fs::recursive_directory_iterator(golden)) {
    const std::string path = entry.path().string();
    const std::string name = absl::StrCat(entry.path().parent_path().filename().string(), "_",
                                          entry.path().filename().string());
    if (!entry.is_regular_file()) continue;
    if (absl::EndsWith(path, "/config.json") || absl::EndsWith(path, "/config_v5.json")) {
      seeds.Write("config_json", name, ReadFileBytes(path));
    } else if (absl::EndsWith(path, "/tokenizer.json")) {
      seeds.Write("tokenizer_json", name, ReadFileBytes(path));
    } else if (absl::EndsWith(path, "/tokenizer.model")) {
      seeds.Write("sentencepiece", name, ReadFileBytes(path));
    } else if (absl::EndsWith(path, ".jinja")) {
      seeds.Write("jinja", name, ReadFileBytes(path));
    }
  }
}

void WriteTexts(const SeedFolder& seeds) {
  const std::string text =
      " Hello  w\xc3\xb6rld, it's 12345 <s>\t\xe4\xb8\xad\xe6\x96\x87 e\xcc\x81 "
      "\xf0\x9f\x98\x80\r\n\n  <|im_end|> x";
  for (int choice = 0; choice < 8; ++choice) {
    const char axes = static_cast<char>(choice + 32 * choice);
    seeds.Write("encode", absl::StrCat("vocabulary", choice), axes + text);
  }
  seeds.Write(
      "prompt_template", "chatml",
      "\x02<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n<|im_start|>system");
}

void WriteGrammars(const SeedFolder& seeds) {
  seeds.Write("json_schema", "object",
              R"(0{"type":"object","properties":{"a":{"type":"string","maxLength":
      9,"minLength":1},"b":{"type":"array","items":{"type":"integer","minimum":-3,"maximum":12.5},"maxItems":
      4}},"required":["b"],"additionalProperties":{"type":"boolean"},"minProperties":1})");
  seeds.Write("json_schema", "tree", R"(2{"$ref":"#/$defs/t","$defs":{"t":{"type":["object","null"],
      "properties":{"n":{"$ref":"#/$defs/t"},"v":{"enum":[1,"one",null,{"x":[]}]}},"required":["v"]}}})");
  seeds.Write("json_schema", "branches",
              R"(1{"oneOf":[{"type":"string","pattern":"^a[b-d]{2,9}|\\d+$"},
      {"type":"string","format":"date-time","not":{}},{"allOf":[{"type":"number"},{"exclusiveMinimum":1e2}]},
      {"anyOf":[{"const":1},true]},{"prefixItems":[{"type":"string","format":"email"},false]}],"title":"t"})");
  seeds.Write("grammar", "regex", R"(0^(?:[a-z\u00e9]{1,40}|\d+(\.[^\s"]*?)?)(?<x>\x41|\W)+$)");
  seeds.Write("grammar", "ebnf",
              "1root ::= \"[\" (item (\",\" item)*)? \"]\" # list\nitem ::= [a-z_]{1,9} | root | "
              "\"\\u00e9\" .? \"\\x30\"+\n");
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) {
    std::cerr << "usage: fuzz_seeds FOLDER\n";
    return 2;
  }
  const inkling::SeedFolder seeds(argv[1]);
  const std::string golden = INKLING_TEST_DATA_DIR "/golden";
  inkling::WriteModelFiles(seeds);
  inkling::WritePackedWeights(seeds);
  inkling::WriteSessions(seeds);
  inkling::WriteGguf(seeds);
  inkling::WriteMediapipe(seeds, golden);
  inkling::WritePytorch(seeds);
  inkling::WriteLlama2c(seeds);
  inkling::WriteImportanceFiles(seeds);
  inkling::CopyGolden(seeds, golden);
  inkling::WriteTexts(seeds);
  inkling::WriteGrammars(seeds);
  seeds.Write("safetensors", "two_tensors", inkling::SafetensorsBytes(inkling::TwoTensors()));
  seeds.Write("llama2c_tokenizer", "tiny", inkling::TinyTokenizerFile());
  return testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed() ? 1 : 0;
}
