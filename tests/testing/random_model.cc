// The random models of the tests: a config, a byte-level tokenizer, values from a generator of our
// own.

#include "tests/testing/random_model.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "src/format/model_writer.h"
#include "src/format/quantization.h"

namespace inkling {
namespace {

constexpr int32_t kNumBytes = 256;
constexpr int32_t kNumSpecials = 4;
constexpr int64_t kRowsPerWrite = 256;

// splitmix64 (Steele, Lea, Flood, 2014), seeded by FNV-1a of the tensor's name.
class RandomStream {
 public:
  RandomStream(const std::string& name, uint64_t seed) : state_(seed ^ 0xcbf29ce484222325) {
    for (char c : name) state_ = (state_ ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  }

  // Uniform in [-1, 1), a multiple of 2^-23.
  float Next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t bits = state_;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    bits ^= bits >> 31;
    return static_cast<float>(static_cast<int64_t>(bits >> 40) - (1 << 23)) * 0x1p-23f;
  }

 private:
  uint64_t state_;
};

struct Distribution {
  float center;
  float radius;
};

Distribution DistributionOf(const TensorInfo& tensor) {
  // A uniform number in [-r, r) has the variance r^2 / 3.
  switch (tensor.role) {
    case TensorRole::kEmbedding:
      return {0.0f, 1.0f};
    case TensorRole::kHead:
    case TensorRole::kLinear:
      return {0.0f, std::sqrt(3.0f / static_cast<float>(tensor.columns))};
    case TensorRole::kBias:
      return {0.0f, 0.2f};
    case TensorRole::kNorm:
      return absl::EndsWith(tensor.name, ".bias") ? Distribution{0.0f, 0.2f}
                                                  : Distribution{1.0f, 0.3f};
  }
  return {0.0f, 1.0f};
}

class VocabularyBuilder {
 public:
  int32_t Add(const std::string& bytes, PieceType type) {
    if (data_.piece_offsets.empty()) data_.piece_offsets.push_back(0);
    data_.piece_bytes += bytes;
    data_.piece_offsets.push_back(static_cast<uint32_t>(data_.piece_bytes.size()));
    data_.piece_types.push_back(static_cast<uint8_t>(type));
    return static_cast<int32_t>(data_.piece_types.size()) - 1;
  }

  void AddSpecial(const std::string& content) {
    const int32_t id = Add(content, PieceType::kControl);
    data_.added_tokens.push_back({.id = id, .content = content, .special = true, .markup = true});
  }

  void AddMerge(char left, char right) {
    const int32_t result = Add({left, right}, PieceType::kNormal);
    data_.merges.push_back({static_cast<uint8_t>(left), static_cast<uint8_t>(right), result});
  }

  TokenizerData& data() { return data_; }

 private:
  TokenizerData data_;
};

// `type` where it fits, else int8, which always does.
TensorType FittingType(TensorType type, int64_t columns) {
  return TypeFits(type, columns) ? type : TensorType{ElementType::kInt8Channel, 0};
}

TensorType TypeOf(const TensorInfo& tensor, TensorType linear_type, TensorType embedding_type) {
  switch (tensor.role) {
    case TensorRole::kEmbedding:
      return FittingType(embedding_type, tensor.columns);
    case TensorRole::kHead:
    case TensorRole::kLinear:
      return FittingType(linear_type, tensor.columns);
    case TensorRole::kBias:
    case TensorRole::kNorm:
      return {};
  }
  return {};
}

}  // namespace

RopeTableConfig RopeTable(int32_t rotary_dim, double base) {
  RopeTableConfig table;
  for (int32_t i = 0; i < rotary_dim / 2; ++i) {
    table.frequencies.push_back(static_cast<float>(std::pow(base, -2.0 * i / rotary_dim)));
  }
  return table;
}

ModelConfig TinyConfig() {
  ModelConfig config;
  config.vocab_size = 320;
  config.hidden_dim = 32;
  config.num_layers = 2;
  config.context_length = 128;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 8;
  config.feed_forward_dim = 48;
  config.rotary_dim = 8;
  config.rope_tables = {RopeTable(8, 10000.0)};
  config.attention_scale = 1.0f / std::sqrt(8.0f);
  config.layers.resize(2);
  return config;
}

TokenizerData TinyTokenizer(int32_t vocab_size) {
  if (vocab_size < kNumBytes + kNumSpecials) return {};
  VocabularyBuilder builder;
  for (int byte = 0; byte < kNumBytes; ++byte)
    builder.Add({static_cast<char>(byte)}, PieceType::kNormal);
  for (const char* special : {"<bos>", "<eos>", "<turn>", "<end>"}) builder.AddSpecial(special);
  int32_t left_to_add = vocab_size - kNumBytes - kNumSpecials;
  for (char left : std::string(" etaoinshr")) {
    for (char right : std::string("etaoinshrdlu")) {
      if (left_to_add == 0) break;
      builder.AddMerge(left, right);
      --left_to_add;
    }
  }
  for (; left_to_add > 0; --left_to_add) builder.Add("", PieceType::kUnused);
  TokenizerData& tokenizer = builder.data();
  tokenizer.kind = TokenizerKind::kByteLevelBpe;
  tokenizer.word_splits = {{WordSplit::kSpacedWords, 0}};
  tokenizer.bos_id = kNumBytes;
  tokenizer.eos_id = kNumBytes + 1;
  tokenizer.stop_ids = {kNumBytes + 1};
  tokenizer.add_bos = true;
  return tokenizer;
}

std::vector<float> RandomTensor(const TensorInfo& tensor, uint64_t seed) {
  const Distribution distribution = DistributionOf(tensor);
  RandomStream stream(tensor.name, seed);
  std::vector<float> values(static_cast<size_t>(tensor.rows * tensor.columns));
  for (float& value : values) value = distribution.center + distribution.radius * stream.Next();
  return values;
}

ModelMetadata TinyMetadata(const ModelConfig& config) {
  ModelMetadata metadata;
  metadata.config = config;
  metadata.tokenizer = TinyTokenizer(config.vocab_size);
  metadata.provenance = {.source = "random", .generator = "inkling tests", .recipe = ""};
  if (metadata.tokenizer.piece_types.empty()) return metadata;
  PromptTemplateData& prompt_template = metadata.prompt_template;
  prompt_template.name = "tiny";
  prompt_template.note = "made for tests";
  prompt_template.user = {.prefix = "<turn>user\n", .suffix = "<end>\n"};
  prompt_template.model = {.prefix = "<turn>model\n", .suffix = "<end>\n"};
  prompt_template.generation_prompt = "<turn>model\n";
  prompt_template.stop_ids = {kNumBytes + 3};
  return metadata;
}

absl::StatusOr<std::string> WriteRandomModel(const std::string& path, const ModelConfig& config,
                                             TensorType linear_type, TensorType embedding_type,
                                             uint64_t seed) {
  ABSL_RETURN_IF_ERROR(ValidateModelConfig(config));
  const std::vector<TensorInfo> tensors = TensorList(config);
  std::vector<TensorType> types;
  for (const TensorInfo& tensor : tensors)
    types.push_back(TypeOf(tensor, linear_type, embedding_type));
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<ModelWriter> writer,
                        ModelWriter::Create(path, TinyMetadata(config), types));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo& tensor = tensors[i];
    const std::vector<float> values = RandomTensor(tensor, seed);
    for (int64_t row = 0; row < tensor.rows; row += kRowsPerWrite) {
      const int64_t rows = std::min(kRowsPerWrite, tensor.rows - row);
      ABSL_ASSIGN_OR_RETURN(const QuantizedRows quantized,
                            QuantizeRows(absl::MakeConstSpan(values).subspan(
                                             static_cast<size_t>(row * tensor.columns),
                                             static_cast<size_t>(rows * tensor.columns)),
                                         rows, tensor.columns, types[i], ScaleSearch::kMaxAbs));
      ABSL_RETURN_IF_ERROR(writer->WriteRows(i, row, quantized.values, quantized.scales));
    }
  }
  ABSL_RETURN_IF_ERROR(writer->Finish());
  return path;
}

}  // namespace inkling
