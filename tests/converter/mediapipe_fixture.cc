// The names follow MediaPipe's own converter (safetensors_converter.py, pytorch_converter.py): a
// chain of replacements, on purpose not the tables that the reader under test has.

#include "tests/converter/mediapipe_fixture.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "flatbuffers/flatbuffers.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr uint32_t kFalcon = 5;
constexpr uint32_t kStableLm = 8;
constexpr uint32_t kPhi = 11;
constexpr uint32_t kGemma2 = 18;

bool IsPostNormGemma(uint32_t model_type) { return model_type >= kGemma2; }

std::string MediapipeName(std::string name, uint32_t model_type, bool has_head, bool gpu) {
  const auto replace = [&name](absl::string_view from, absl::string_view to) {
    absl::StrReplaceAll({{from, to}}, &name);
  };
  replace("model.layers.", "params.lm.transformer.x_layers_");
  replace("transformer.h.", "params.lm.transformer.x_layers_");
  const bool norm = absl::StrContains(name, "norm") || absl::StrContains(name, "ln_f");
  if (IsPostNormGemma(model_type)) {
    replace("post_attention_layernorm", "post_layer_norm");
    replace("pre_feedforward_layernorm", "ff_layer.pre_layer_norm");
    replace("post_feedforward_layernorm", "ff_layer.post_layer_norm");
    replace("self_attn.q_norm", "self_attention.q_norm");
    replace("self_attn.k_norm", "self_attention.k_norm");
  } else if (gpu && (model_type == kStableLm || model_type == kFalcon)) {
    replace("post_attention_layernorm", "post_layer_norm");
  } else {
    replace("post_attention_layernorm", "ff_layer.pre_layer_norm");
  }
  replace("input_layernorm", "pre_layer_norm");
  replace("mlp.up_proj", "ff_layer.ffn_layer1");
  replace("mlp.gate_proj", "ff_layer.ffn_layer1_gate");
  replace("mlp.down_proj", "ff_layer.ffn_layer2");
  replace("mlp.fc1", "ff_layer.ffn_layer1");
  replace("mlp.fc2", "ff_layer.ffn_layer2");
  replace("mlp.dense_h_to_4h", "ff_layer.ffn_layer1");
  replace("mlp.dense_4h_to_h", "ff_layer.ffn_layer2");
  replace("self_attn.q_proj", "self_attention.q");
  replace("self_attn.k_proj", "self_attention.k");
  replace("self_attn.v_proj", "self_attention.v");
  replace("self_attn.o_proj", "self_attention.post");
  replace("self_attn.dense", "self_attention.post");
  replace("self_attention.dense", "self_attention.post");
  const absl::string_view embedding =
      has_head ? "params.lm.token_embedding" : "params.lm.softmax.logits_ffn";
  replace("model.embed_tokens", embedding);
  replace("transformer.word_embeddings", embedding);
  replace("lm_head", "params.lm.softmax.logits_ffn");
  replace("model.norm", "params.lm.final_ln");
  replace("model.final_layernorm", "params.lm.final_ln");
  replace("transformer.ln_f", "params.lm.final_ln");
  const bool linear = (model_type == kPhi || model_type == kFalcon) &&
                      !absl::StrContains(name, "token_embedding") && !norm;
  if (norm) {
    replace(".weight", ".scale");
  } else {
    replace(".weight", linear ? ".linear.w" : ".w");
    replace(".bias", ".bias.b");
  }
  return name;
}

// Rows of q, k or v (part 0, 1, 2) of a fused matrix whose heads are `run` rows each.
std::vector<float> FusedPart(const std::vector<float>& values, size_t row_size, size_t run,
                             size_t part) {
  std::vector<float> rows;
  for (size_t row = part * run; row * row_size < values.size(); row += 3 * run) {
    rows.insert(rows.end(), values.begin() + static_cast<ptrdiff_t>(row * row_size),
                values.begin() + static_cast<ptrdiff_t>((row + run) * row_size));
  }
  return rows;
}

// The inverse for all three parts.
std::vector<float> Fused(const std::vector<std::vector<float>>& parts, size_t run_size) {
  std::vector<float> values;
  for (size_t begin = 0; begin < parts[0].size(); begin += run_size) {
    for (const std::vector<float>& part : parts) {
      values.insert(values.end(), part.begin() + static_cast<ptrdiff_t>(begin),
                    part.begin() + static_cast<ptrdiff_t>(begin + run_size));
    }
  }
  return values;
}

template <typename Number>
std::string NumberBytes(absl::Span<const Number> values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Number));
}

std::string FloatBytes(absl::Span<const float> values) { return NumberBytes(values); }

// Quantised values from `lowest` on as bytes, or as nibbles with 8 added.
std::string QuantBytes(absl::Span<const float> quants, bool int8, int added) {
  std::string bytes;
  for (size_t i = 0; i < quants.size(); i += int8 ? 1 : 2) {
    const int quant = static_cast<int>(quants[i]) + added;
    const int next = int8 ? 0 : static_cast<int>(quants[i + 1]) + added;
    bytes += static_cast<char>(int8 ? quant : quant | next << 4);
  }
  return bytes;
}

// A row's scale and zero point.
struct Rounding {
  float scale = 1;
  float zero_point = 0;
};

Rounding RoundingOf(absl::Span<const float> row, float highest, bool asymmetric) {
  const auto [least, most] = std::minmax_element(row.begin(), row.end());
  if (asymmetric) {
    const float scale = *most == *least ? 1.0f : (*most - *least) / (2 * highest + 1);
    return {scale, -highest - 1 - *least / scale};
  }
  const float largest = std::max(std::fabs(*least), std::fabs(*most));
  return {largest == 0 ? 1.0f : largest / highest, 0};
}

}  // namespace

ProtobufWriter& ProtobufWriter::Number(uint32_t field, uint64_t value) {
  Varint(field << 3);
  Varint(value);
  return *this;
}

ProtobufWriter& ProtobufWriter::Float(uint32_t field, float value) {
  Varint(field << 3 | 5);
  bytes_ += FloatBytes(absl::MakeConstSpan(&value, 1));
  return *this;
}

ProtobufWriter& ProtobufWriter::Bytes(uint32_t field, absl::string_view bytes) {
  Varint(field << 3 | 2);
  Varint(bytes.size());
  bytes_ += bytes;
  return *this;
}

void ProtobufWriter::Varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
  bytes_ += static_cast<char>(value);
}

std::vector<float> MediapipeTiles(absl::Span<const float> values, int64_t rows, int64_t columns,
                                  float padding) {
  const int64_t row_tiles = (rows + 3) / 4;
  const int64_t column_tiles = (columns + 3) / 4;
  std::vector<float> tiles(static_cast<size_t>(row_tiles * column_tiles * 16), padding);
  for (int64_t o = 0; o < rows; ++o) {
    for (int64_t i = 0; i < columns; ++i) {
      const int64_t place = ((i / 4 * row_tiles + o / 4) * 4 + i % 4) * 4 + o % 4;
      tiles[static_cast<size_t>(place)] = values[static_cast<size_t>(o * columns + i)];
    }
  }
  return tiles;
}

void MediapipeFixture::AddFloats(const std::string& name, const std::vector<int64_t>& shape,
                                 absl::Span<const float> values) {
  std::string bytes = FloatBytes(values);
  std::vector<int32_t> stored_shape(shape.begin(), shape.end());
  if (form.gpu) {
    if (shape.size() == 2) bytes = FloatBytes(MediapipeTiles(values, shape[0], shape[1], 9.0f));
    stored_shape = {static_cast<int32_t>(bytes.size())};
  }
  tensors.push_back({name, wire::TensorType::FLOAT32, stored_shape, bytes});
}

std::vector<float> MediapipeFixture::AddQuantized(const std::string& name, wire::TensorType type,
                                                  int64_t rows, int64_t columns,
                                                  absl::Span<const float> values) {
  const bool int8 = type == wire::TensorType::INT8;
  const float highest = int8 ? 127.0f : 7.0f;
  std::vector<float> quants;
  std::vector<float> weights;
  std::vector<float> scales;
  std::vector<float> zero_points;
  std::vector<int32_t> sums(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) {
    const absl::Span<const float> from =
        values.subspan(static_cast<size_t>(row * columns), static_cast<size_t>(columns));
    const Rounding rounding = RoundingOf(from, highest, form.asymmetric);
    scales.push_back(rounding.scale);
    zero_points.push_back(rounding.zero_point);
    for (const float weight : from) {
      // + 0: a quantised value isn't -0.
      const float quant = std::nearbyint(weight / rounding.scale + rounding.zero_point) + 0.0f;
      quants.push_back(std::clamp(quant, -highest - 1, highest));
      weights.push_back((quants.back() - rounding.zero_point) * rounding.scale);
      sums[static_cast<size_t>(row)] += static_cast<int32_t>(quants.back());
    }
  }
  std::string bytes =
      form.gpu ? QuantBytes(MediapipeTiles(quants, rows, columns, 3.0f), int8, int8 ? 128 : 8)
               : QuantBytes(quants, int8, int8 ? 0 : 8);
  std::vector<int32_t> shape = {static_cast<int32_t>(rows), static_cast<int32_t>(columns)};
  if (form.gpu) shape = {static_cast<int32_t>(bytes.size())};
  tensors.push_back({name, type, shape, bytes});
  if (form.sums) {
    tensors.push_back({name + ".sum_i",
                       static_cast<wire::TensorType>(2),
                       {static_cast<int32_t>(4 * rows)},
                       NumberBytes(absl::MakeConstSpan(sums))});
  }
  AddFloats(name + "_quantized_scale", {rows}, scales);
  if (form.asymmetric) AddFloats(name + "_quantized_zp", {rows}, zero_points);
  return weights;
}

MediapipeFixtureTensor& MediapipeFixture::Tensor(const std::string& name) {
  for (MediapipeFixtureTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  ADD_FAILURE() << "the fixture has no tensor " << name;
  return tensors.front();
}

void MediapipeFixture::Remove(const std::string& name) {
  std::erase_if(tensors, [&](const MediapipeFixtureTensor& tensor) { return tensor.name == name; });
}

std::string MediapipeFixture::Bytes() const {
  // All buffers, behind the flatbuffer, each at a multiple of the alignment. The flatbuffer's
  // length doesn't depend on the numbers as long as none is 0, so it is made twice.
  std::vector<std::string> contents = {parameters, tokenizer, backend};
  for (const MediapipeFixtureTensor& tensor : tensors) contents.push_back(tensor.bytes);
  const auto aligned = [this](uint64_t size) {
    return (size + alignment - 1) / alignment * alignment;
  };
  uint64_t start = alignment;
  while (true) {
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<wire::Buffer>> buffers = {wire::CreateBuffer(builder)};
    uint64_t offset = start;
    for (const std::string& content : contents) {
      buffers.push_back(wire::CreateBuffer(builder, 0, offset, content.size()));
      const bool is_shared = shares_bytes && buffers.size() > 4;  // behind the three entries
      if (!is_shared) offset += aligned(content.size());
    }
    std::vector<flatbuffers::Offset<wire::Tensor>> tables;
    for (size_t i = 0; i < tensors.size(); ++i) {
      tables.push_back(wire::CreateTensorDirect(builder, &tensors[i].shape, tensors[i].type,
                                                static_cast<uint32_t>(i + 4),
                                                tensors[i].name.c_str()));
    }
    const std::vector<flatbuffers::Offset<wire::SubGraph>> subgraphs = {
        wire::CreateSubGraphDirect(builder, &tables)};
    std::vector<flatbuffers::Offset<wire::Metadata>> metadata = {
        wire::CreateMetadataDirect(builder, "odml.infra.LlmModelType", model_type),
        wire::CreateMetadataDirect(builder, "backend", 3)};
    if (has_parameters) {
      metadata.push_back(wire::CreateMetadataDirect(builder, "odml.infra.proto.LlmParameters", 1));
    }
    if (lora_rank > 0) {
      metadata.push_back(wire::CreateMetadataDirect(builder, "lora_rank", lora_rank));
    }
    if (!tokenizer.empty()) {
      metadata.push_back(wire::CreateMetadataDirect(builder, "spm_vocab_model", 2));
    }
    wire::FinishModelBuffer(
        builder, wire::CreateModelDirect(builder, 3, nullptr, &subgraphs, nullptr, &buffers,
                                         nullptr, &metadata));
    std::string file(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
    const uint64_t needed = aligned(file.size());
    if (needed == start) {
      if (shares_bytes) contents.resize(4);
      for (const std::string& content : contents) {
        file.resize(aligned(file.size()));
        file += content;
      }
      return file;
    }
    start = needed;
  }
}

MediapipeParameters GoldenMediapipeParameters(absl::string_view golden) {
  MediapipeParameters values;
  if (golden == "gemma2") {
    values.attention_soft_cap = 4.0f;
    values.final_soft_cap = 10.0f;
    values.window = 8;
  } else if (golden == "gemma3") {
    values.window = 8;
    values.local_layers = 2;
    values.rope_wavelength = 1e6f;
  } else if (golden != "gemma") {
    values.norm = 3;  // LAYER_NORM
    values.start_token = 0;
    if (golden == "stablelm") values.activation = 2;  // SILU
  }
  return values;
}

ProtobufWriter MediapipeLlmParameters(const nlohmann::json& config,
                                      const MediapipeParameters& values) {
  const auto size = [&config](const char* name, uint64_t missing) {
    return config.contains(name) ? config[name].get<uint64_t>() : missing;
  };
  const uint64_t hidden = size("hidden_size", 0);
  const uint64_t heads = size("num_attention_heads", 1);
  ProtobufWriter attention;
  attention.Number(1, 1).Number(2, 1).Number(3, values.mask);
  attention.Float(4, values.attention_soft_cap).Number(5, values.scale);
  if (values.window > 0) attention.Number(6, values.window).Number(7, 1);
  ProtobufWriter transformer;
  transformer.Number(1, 1).Number(2, 512).Number(3, hidden);
  transformer.Number(4, size("intermediate_size", size("ffn_hidden_size", 4 * hidden)));
  transformer.Number(5, size("head_dim", hidden / heads)).Number(6, heads);
  transformer.Number(7, size("num_hidden_layers", 0));
  transformer.Number(9, size("num_key_value_heads", 0));
  transformer.Bytes(11, ProtobufWriter().Number(1, 1).Number(2, values.activation).bytes());
  transformer.Bytes(12, ProtobufWriter().Number(1, 1).Float(2, values.final_soft_cap).bytes());
  transformer.Number(13, values.norm).Number(15, values.norm).Bytes(16, attention.bytes());
  transformer.Number(18, 1);
  if (values.unnamed_fields) transformer.Number(23, 1).Number(24, 1);
  if (values.local_layers > 0) transformer.Number(19, values.local_layers);
  if (values.rope_wavelength > 0) transformer.Float(32, values.rope_wavelength);
  if (values.rope_scaling > 0) transformer.Float(33, values.rope_scaling);
  ProtobufWriter parameters;
  parameters.Bytes(1, transformer.bytes()).Number(2, size("vocab_size", 0));
  parameters.Number(4, values.start_token).Bytes(5, "<eos>");
  return parameters;
}

MediapipeFixture MediapipeFile(const Checkpoint& checkpoint, uint32_t model_type,
                               const MediapipeParameters& values, MediapipeWeights weights,
                               MediapipeForm form, std::vector<FixtureTensor>* stored) {
  const nlohmann::json& config = checkpoint.config();
  MediapipeFixture file;
  file.form = form;
  if (form.gpu) file.backend = "gpu";
  file.model_type = model_type;
  file.parameters = MediapipeLlmParameters(config, values).bytes();
  const auto add = [&](const std::string& name, std::vector<int64_t> shape,
                       const std::vector<float>& numbers) {
    if (shape.size() == 2 && weights != MediapipeWeights::kF32) {
      const bool int8 = weights == MediapipeWeights::kInt8;
      return file.AddQuantized(name, int8 ? wire::TensorType::INT8 : wire::TensorType::INT4,
                               shape[0], shape[1], numbers);
    }
    // As the runtime's LayerNorm wants them.
    const bool layer_norm = values.norm == 3 && (absl::StrContains(name, "layer_norm") ||
                                                 absl::StrContains(name, "final_ln"));
    if (layer_norm && !form.gpu) shape.insert(shape.begin(), 2, 1);
    file.AddFloats(name, shape, numbers);
    return numbers;
  };
  const bool has_head =
      std::any_of(checkpoint.tensors().begin(), checkpoint.tensors().end(),
                  [](const SourceTensor& tensor) { return tensor.name == "lm_head.weight"; });
  for (size_t i = 0; i < checkpoint.tensors().size(); ++i) {
    const SourceTensor& tensor = checkpoint.tensors()[i];
    absl::StatusOr<std::vector<float>> numbers = checkpoint.ReadRows(i, 0, tensor.shape[0]);
    EXPECT_OK(numbers);
    std::vector<float> kept;
    if (!absl::StrContains(tensor.name, "query_key_value")) {
      kept =
          add(MediapipeName(tensor.name, model_type, has_head, form.gpu), tensor.shape, *numbers);
    } else {
      const size_t heads = config["num_attention_heads"].get<size_t>();
      const size_t rows = static_cast<size_t>(tensor.shape[0]);
      const size_t row_size = numbers->size() / rows;
      std::vector<int64_t> shape = tensor.shape;
      shape[0] /= 3;
      std::vector<std::vector<float>> parts;
      for (size_t part = 0; part < 3; ++part) {
        const std::string name =
            absl::StrReplaceAll(tensor.name, {{"query_key_value", std::string(1, "qkv"[part])}});
        parts.push_back(add(MediapipeName(name, model_type, has_head, form.gpu), shape,
                            FusedPart(*numbers, row_size, rows / heads / 3, part)));
      }
      kept = Fused(parts, row_size * (rows / heads / 3));
    }
    if (stored != nullptr) stored->push_back({tensor.name, "F32", tensor.shape, kept});
  }
  return file;
}

std::string TinySentencePiece(const std::string& last, bool names_ends) {
  ProtobufWriter model;
  const std::vector<std::pair<std::string, uint64_t>> pieces = {
      {"<unk>", 2},           {"<eos>", 3},         {"<bos>", 3},
      {"<start_of_turn>", 4}, {"<end_of_turn>", 4}, {last, 1}};
  for (const auto& [text, type] : pieces) {
    model.Bytes(1, ProtobufWriter().Bytes(1, text).Float(2, 0.0f).Number(3, type).bytes());
  }
  ProtobufWriter trainer;
  trainer.Number(3, 2);
  if (names_ends) trainer.Bytes(46, "<bos>").Bytes(47, "<eos>");
  return model.Bytes(2, trainer.bytes()).bytes();
}

nlohmann::json LittleMediapipeSizes(int64_t feed_forward) {
  return {{"vocab_size", 6},        {"hidden_size", 4},         {"intermediate_size", feed_forward},
          {"num_hidden_layers", 1}, {"num_attention_heads", 2}, {"num_key_value_heads", 1},
          {"head_dim", 2}};
}

MediapipeFixture LittleMediapipeGemma(MediapipeForm form, int64_t feed_forward) {
  MediapipeFixture file;
  file.form = form;
  file.backend = form.gpu ? "gpu" : "cpu";
  file.parameters = MediapipeLlmParameters(LittleMediapipeSizes(feed_forward), {}).bytes();
  file.tokenizer = TinySentencePiece();
  const std::string layer = "params.lm.transformer.x_layers_0.";
  const auto matrix = [&](const std::string& name, int64_t rows, int64_t columns,
                          wire::TensorType type = wire::TensorType::INT8) {
    file.AddQuantized(name, type, rows, columns, FixtureValues(name, rows * columns));
  };
  matrix("params.lm.softmax.logits_ffn.w", 6, 4);
  matrix(layer + "self_attention.q.w", 4, 4);
  matrix(layer + "self_attention.k.w", 2, 4);
  matrix(layer + "self_attention.v.w", 2, 4, wire::TensorType::INT4);
  matrix(layer + "self_attention.post.w", 4, 4);
  matrix(layer + "ff_layer.ffn_layer1.w", feed_forward, 4);
  matrix(layer + "ff_layer.ffn_layer1_gate.w", feed_forward, 4);
  matrix(layer + "ff_layer.ffn_layer2.w", 4, feed_forward);
  for (const std::string& name :
       {layer + "pre_layer_norm.scale", layer + "ff_layer.pre_layer_norm.scale",
        std::string("params.lm.final_ln.scale")}) {
    file.AddFloats(name, {4}, FixtureValues(name, 4));
  }
  return file;
}

std::string MediapipeBundleBytes(const std::vector<ZipPart>& entries, bool only_zip64) {
  return std::string(4, '\0') + ZipBytes(entries, only_zip64, 4);
}

}  // namespace inkling
