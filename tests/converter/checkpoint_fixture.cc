// Writes the formats from their documentation, independently of the readers under test.

#include "tests/converter/checkpoint_fixture.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "gtest/gtest.h"
#include "src/format/quantization.h"
#include "tests/converter/pytorch_fixture.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using nlohmann::json;

template <typename T>
void Append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendValue(std::string& bytes, float value, const std::string& dtype) {
  if (dtype == "F32") Append(bytes, value);
  if (dtype == "F16") Append(bytes, FloatToHalf(value));
  if (dtype == "BF16") Append(bytes, FloatToBfloat16(value));
}

void WriteFolderFiles(const std::string& folder, const json& config) {
  std::filesystem::create_directories(folder);
  WriteFileBytes(folder + "/config.json", config.dump());
  WriteFileBytes(folder + "/tokenizer.bin", TinyTokenizerFile());
}

// STEM-1SUFFIX, STEM-2SUFFIX, ... and their index.
void WriteWeightShards(const TinyCheckpoint& checkpoint, const std::string& folder,
                       size_t num_shards, const std::string& stem, const std::string& suffix,
                       std::string (*file_bytes)(const std::vector<FixtureTensor>&)) {
  std::vector<std::vector<FixtureTensor>> shards(num_shards);
  json weight_map = json::object();
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const size_t shard = i * num_shards / checkpoint.tensors.size();
    shards[shard].push_back(checkpoint.tensors[i]);
    weight_map[checkpoint.tensors[i].name] = absl::StrCat(stem, "-", shard + 1, suffix);
  }
  for (size_t shard = 0; shard < num_shards; ++shard) {
    WriteFileBytes(absl::StrCat(folder, "/", stem, "-", shard + 1, suffix),
                   file_bytes(shards[shard]));
  }
  WriteFileBytes(folder + "/" + stem + suffix + ".index.json",
                 json{{"weight_map", weight_map}}.dump());
}

}  // namespace

std::string SafetensorsWithHeader(const std::string& header, size_t data_bytes) {
  std::string file;
  Append(file, static_cast<uint64_t>(header.size()));
  return file + header + std::string(data_bytes, '\0');
}

std::string ValueBytesOf(const FixtureTensor& tensor) {
  std::string bytes;
  for (const float value : tensor.values) AppendValue(bytes, value, tensor.dtype);
  return bytes;
}

std::string SafetensorsBytes(const std::vector<FixtureTensor>& tensors) {
  json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const FixtureTensor& tensor : tensors) {
    const size_t begin = data.size();
    data += ValueBytesOf(tensor);
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  return SafetensorsWithHeader(header.dump(), 0) + data;
}

std::vector<float> FixtureValues(const std::string& name, int64_t count) {
  uint64_t state = 0xCBF29CE484222325u;  // FNV-1a of the name seeds a linear congruence
  for (const char c : name) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    // Seven bits and a sign: exact in BF16.
    values.push_back(static_cast<float>(static_cast<int64_t>(state >> 57) - 64) / 256.0f);
  }
  return values;
}

TinyCheckpoint::TinyCheckpoint()
    : config({{"architectures", {"LlamaForCausalLM"}},
              {"model_type", "llama"},
              {"hidden_act", "silu"},
              {"hidden_size", 32},
              {"intermediate_size", 48},
              {"num_hidden_layers", 2},
              {"num_attention_heads", 4},
              {"num_key_value_heads", 2},
              {"vocab_size", 320},
              {"max_position_embeddings", 128},
              {"rms_norm_eps", 1e-5},
              {"rope_theta", 10000.0},
              {"tie_word_embeddings", false}}) {
  Add("model.embed_tokens.weight", {320, 32});
  for (int layer = 0; layer < 2; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    Add(prefix + "input_layernorm.weight", {32});
    Add(prefix + "self_attn.q_proj.weight", {32, 32});
    Add(prefix + "self_attn.k_proj.weight", {16, 32});
    Add(prefix + "self_attn.v_proj.weight", {16, 32});
    Add(prefix + "self_attn.o_proj.weight", {32, 32});
    Add(prefix + "post_attention_layernorm.weight", {32});
    Add(prefix + "mlp.gate_proj.weight", {48, 32});
    Add(prefix + "mlp.up_proj.weight", {48, 32});
    Add(prefix + "mlp.down_proj.weight", {32, 48});
  }
  Add("model.norm.weight", {32});
  Add("lm_head.weight", {320, 32});
}

TinyCheckpoint TinyCheckpoint::Read(const std::string& folder) {
  TinyCheckpoint result;
  result.tensors.clear();
  absl::StatusOr<std::unique_ptr<Checkpoint>> checkpoint = Checkpoint::Open(folder);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  if (!checkpoint.ok()) return result;
  result.config = (*checkpoint)->config();
  for (size_t i = 0; i < (*checkpoint)->tensors().size(); ++i) {
    const SourceTensor& tensor = (*checkpoint)->tensors()[i];
    absl::StatusOr<std::vector<float>> values = (*checkpoint)->ReadRows(i, 0, tensor.shape[0]);
    EXPECT_TRUE(values.ok()) << values.status();
    if (values.ok()) {
      result.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, *std::move(values)});
    }
  }
  return result;
}

FixtureTensor& TinyCheckpoint::Tensor(const std::string& name) {
  for (FixtureTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  ADD_FAILURE() << "the fixture has no tensor " << name;
  return tensors.front();
}

FixtureTensor& TinyCheckpoint::Add(const std::string& name, std::vector<int64_t> shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return tensors.emplace_back(
      FixtureTensor{name, "BF16", std::move(shape), FixtureValues(name, count)});
}

void TinyCheckpoint::Rename(const std::string& from, const std::string& to) {
  Tensor(from).name = to;
}

void TinyCheckpoint::Join(const std::vector<std::string>& parts, const std::string& joined) {
  FixtureTensor whole = Tensor(parts.front());
  whole.name = joined;
  for (size_t i = 1; i < parts.size(); ++i) {
    const FixtureTensor& part = Tensor(parts[i]);
    whole.shape[0] += part.shape[0];
    whole.values.insert(whole.values.end(), part.values.begin(), part.values.end());
  }
  for (const std::string& part : parts) Remove(part);
  tensors.push_back(std::move(whole));
}

void TinyCheckpoint::Remove(const std::string& name) {
  std::erase_if(tensors, [&](const FixtureTensor& tensor) { return tensor.name == name; });
}

void TinyCheckpoint::Write(const std::string& folder) const {
  WriteFolderFiles(folder, config);
  WriteFileBytes(folder + "/model.safetensors", SafetensorsBytes(tensors));
}

void TinyCheckpoint::WritePytorch(const std::string& folder) const {
  WriteFolderFiles(folder, config);
  WriteFileBytes(folder + "/pytorch_model.bin", PytorchBytes(tensors));
}

void TinyCheckpoint::WriteShards(const std::string& folder, size_t num_shards) const {
  WriteFolderFiles(folder, config);
  WriteWeightShards(*this, folder, num_shards, "model", ".safetensors", SafetensorsBytes);
}

void TinyCheckpoint::WritePytorchShards(const std::string& folder, size_t num_shards) const {
  WriteFolderFiles(folder, config);
  WriteWeightShards(*this, folder, num_shards, "pytorch_model", ".bin", PytorchBytes);
}

std::string TinyTokenizerFile() {
  std::string file;
  Append(file, int32_t{8});
  const auto add = [&file](const std::string& piece) {
    Append(file, 0.0f);
    Append(file, static_cast<int32_t>(piece.size()));
    file += piece;
  };
  for (const char* piece : {"<unk>", "\n<s>\n", "\n</s>\n"}) add(piece);
  for (int byte = 0; byte < 256; ++byte) add("<0x00>");
  add("a");
  return file;
}

}  // namespace inkling
