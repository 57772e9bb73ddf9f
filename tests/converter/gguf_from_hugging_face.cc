// One table of names and keys per family, written down from llama.cpp's files, and the changes that
// its converter makes to values.

#include "tests/converter/gguf_from_hugging_face.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "converter/checkpoints/checkpoint.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using nlohmann::json;
using Values = std::vector<float>;

const std::map<std::string, std::string> kArchitectures = {
    {"llama", "llama"}, {"gemma", "gemma"}, {"gemma2", "gemma2"}, {"gemma3_text", "gemma3"},
    {"phi", "phi2"},    {"phi3", "phi3"},   {"falcon", "falcon"}, {"stablelm", "stablelm"},
    {"qwen2", "qwen2"}, {"qwen3", "qwen3"},
};

// Hugging Face's part of a tensor's name -> GGUF's, whatever the family, but for two names that
// mean different things: see GgufName.
const std::map<std::string, std::string> kParts = {
    {"model.embed_tokens", "token_embd"},
    {"transformer.word_embeddings", "token_embd"},
    {"model.norm", "output_norm"},
    {"model.final_layernorm", "output_norm"},
    {"transformer.ln_f", "output_norm"},
    {"lm_head", "output"},
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.dense", "attn_output"},
    {"self_attention.dense", "attn_output"},
    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attention.query_key_value", "attn_qkv"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate_up_proj", "ffn_up"},
    {"mlp.fc1", "ffn_up"},
    {"mlp.fc2", "ffn_down"},
    {"mlp.dense_h_to_4h", "ffn_up"},
    {"mlp.dense_4h_to_h", "ffn_down"},
};

class Maker {
 public:
  Maker(const std::string& folder, uint32_t matrix_type)
      : matrix_type_(matrix_type),
        config_(json::parse(ReadFileBytes(folder + "/config.json"), nullptr, false)) {
    absl::StatusOr<std::unique_ptr<Checkpoint>> checkpoint = Checkpoint::Open(folder);
    EXPECT_OK(checkpoint);
    if (checkpoint.ok()) checkpoint_ = *std::move(checkpoint);
    type_ = config_.value("model_type", "");
    const auto found = kArchitectures.find(type_);
    EXPECT_NE(found, kArchitectures.end()) << type_;
    if (found != kArchitectures.end()) arch_ = found->second;
  }

  GgufBuilder Make() {
    if (checkpoint_ == nullptr || arch_.empty()) return builder_;
    hidden_ = config_["hidden_size"];
    heads_ = config_["num_attention_heads"];
    kv_heads_ = type_ == "falcon" ? config_.value("num_kv_heads", 1)
                                  : config_.value("num_key_value_heads", heads_);
    head_dim_ = config_.value("head_dim", hidden_ / heads_);
    builder_.Text("general.architecture", arch_);
    builder_.Text("general.type", "model");
    AddSizes();
    AddNormsAndRotation();
    for (size_t i = 0; i < checkpoint_->tensors().size(); ++i) AddTensor(i);
    return builder_;
  }

 private:
  std::string Key(const std::string& name) const { return arch_ + "." + name; }

  bool IsGemma() const { return absl::StartsWith(arch_, "gemma"); }

  void AddSizes() {
    const int64_t feed_forward =
        type_ == "falcon" ? 4 * hidden_ : int64_t{config_["intermediate_size"]};
    builder_.Uint32(Key("context_length"), config_.value("max_position_embeddings", 2048u));
    builder_.Uint32(Key("embedding_length"), static_cast<uint32_t>(hidden_));
    builder_.Uint32(Key("block_count"), config_["num_hidden_layers"]);
    builder_.Uint32(Key("feed_forward_length"), static_cast<uint32_t>(feed_forward));
    builder_.Uint32(Key("attention.head_count"), static_cast<uint32_t>(heads_));
    builder_.Uint32(Key("attention.head_count_kv"), static_cast<uint32_t>(kv_heads_));
    if (config_.contains("head_dim")) {
      builder_.Uint32(Key("attention.key_length"), static_cast<uint32_t>(head_dim_));
      builder_.Uint32(Key("attention.value_length"), static_cast<uint32_t>(head_dim_));
    }
    if (type_ == "llama") builder_.Uint32(Key("vocab_size"), config_["vocab_size"]);
    if (type_ == "falcon") builder_.Text(Key("tensor_data_layout"), "jploski");
    if (type_ == "stablelm") {
      builder_.Bool(Key("use_parallel_residual"), config_.value("use_parallel_residual", false));
    }
    for (const char* cap : {"attn_logit_softcapping", "final_logit_softcapping"}) {
      if (config_.contains(cap) && config_[cap].is_number()) {
        builder_.Float32(Key(cap), config_[cap]);
      }
    }
    if ((IsGemma() || type_ == "phi3") && config_.contains("sliding_window")) {
      const json& window = config_["sliding_window"];
      builder_.Uint32(Key("attention.sliding_window"),
                      window.is_null() ? 0u : window.get<uint32_t>());
    }
    if (config_.contains("sliding_window_pattern")) {
      builder_.Uint32(Key("attention.sliding_window_pattern"), config_["sliding_window_pattern"]);
    }
  }

  void AddNormsAndRotation() {
    for (const char* name : {"layer_norm_eps", "layer_norm_epsilon"}) {
      if (config_.contains(name)) {
        builder_.Float32(Key("attention.layer_norm_epsilon"), config_[name]);
      }
    }
    if (config_.contains("rms_norm_eps")) {
      builder_.Float32(Key("attention.layer_norm_rms_epsilon"), config_["rms_norm_eps"]);
    }
    // Some families' converters leave the base out; 10000 is meant.
    const bool writes_base = type_ != "gemma" && type_ != "gemma2" && type_ != "phi" &&
                             type_ != "falcon" && type_ != "stablelm";
    if (writes_base) builder_.Float32(Key("rope.freq_base"), config_["rope_theta"]);
    if (type_ == "gemma3_text") {
      builder_.Float32(Key("rope.freq_base_swa"), config_["rope_local_base_freq"]);
    }
    if (config_.contains("partial_rotary_factor") || type_ == "llama" || type_ == "phi3") {
      const double factor = config_.value("partial_rotary_factor", 1.0);
      builder_.Uint32(Key("rope.dimension_count"),
                      static_cast<uint32_t>(factor * head_dim_ + 0.001));
    }
    if (type_ == "phi3") {
      builder_.Uint32(Key("rope.scaling.original_context_length"),
                      config_["original_max_position_embeddings"]);
    }
    const json scaling = config_.value("rope_scaling", json());
    if (!scaling.is_object()) return;
    if (scaling["rope_type"] == "linear") {
      builder_.Text(Key("rope.scaling.type"), "linear");
      builder_.Float32(Key("rope.scaling.factor"), scaling["factor"]);
    } else if (scaling["rope_type"] == "llama3") {
      AddWavelengthDivisors(scaling);
    } else {
      ADD_FAILURE() << scaling.dump();
    }
  }

  // The tensor rope_freqs: what each frequency is divided by, computed in float as by torch.
  void AddWavelengthDivisors(const json& scaling) {
    const float factor = scaling["factor"];
    const float low = scaling["low_freq_factor"];
    const float high = scaling["high_freq_factor"];
    const float original = scaling["original_max_position_embeddings"];
    const float base = config_["rope_theta"];
    Values divisors;
    for (int64_t i = 0; i < head_dim_ / 2; ++i) {
      const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim_);
      const float wavelength = 2.0f * std::numbers::pi_v<float> * std::pow(base, exponent);
      const float smooth = (original / wavelength - low) / (high - low);
      divisors.push_back(wavelength < original / high ? 1.0f
                         : wavelength > original / low
                             ? factor
                             : 1.0f / ((1.0f - smooth) / factor + smooth));
    }
    builder_.Tensor("rope_freqs.weight", {head_dim_ / 2}, kGgufF32, GgufValues(divisors, kGgufF32));
  }

  std::string GgufName(const std::string& name) const {
    std::string rest = name;
    const std::string suffix = absl::EndsWith(rest, ".bias") ? ".bias" : ".weight";
    rest = rest.substr(0, rest.size() - suffix.size());
    std::string prefix;
    for (const std::string& layers :
         {std::string("model.layers."), std::string("transformer.h.")}) {
      if (!absl::StartsWith(rest, layers)) continue;
      const size_t dot = rest.find('.', layers.size());
      prefix = absl::StrCat("blk.", rest.substr(layers.size(), dot - layers.size()), ".");
      rest = rest.substr(dot + 1);
    }
    std::string part;
    if (rest == "post_attention_layernorm") {
      part = type_ == "gemma2" || type_ == "gemma3_text" ? "post_attention_norm" : "ffn_norm";
    } else if (const auto found = kParts.find(rest); found != kParts.end()) {
      part = found->second;
    }
    EXPECT_NE(part, "") << name;
    return prefix + part + suffix;
  }

  void AddTensor(size_t index) {
    const SourceTensor& tensor = checkpoint_->tensors()[index];
    const int64_t rows = tensor.shape.front();
    absl::StatusOr<Values> read = checkpoint_->ReadRows(index, 0, rows);
    ASSERT_OK(read);
    Values values = *std::move(read);
    if (type_ == "llama" && absl::StrContains(tensor.name, "q_proj")) {
      values = Interleaved(values, heads_);
    }
    if (type_ == "llama" && absl::StrContains(tensor.name, "k_proj")) {
      values = Interleaved(values, kv_heads_);
    }
    if (absl::StrContains(tensor.name, "query_key_value")) values = Ungrouped(values);
    if (IsGemma() && absl::EndsWith(tensor.name, "norm.weight")) {
      for (float& value : values) value += 1.0f;
    }
    // llama.cpp scales queries by 1 / sqrt(head size), whatever query_pre_attn_scalar says.
    const bool takes_scale = type_ == "gemma2" ? absl::StrContains(tensor.name, "q_proj")
                                               : absl::StrContains(tensor.name, "q_norm");
    if (takes_scale && config_.contains("query_pre_attn_scalar")) {
      const double scalar = config_["query_pre_attn_scalar"];
      const float factor = static_cast<float>(std::sqrt(static_cast<double>(head_dim_) / scalar));
      for (float& value : values) value *= factor;
    }
    const uint32_t type = tensor.shape.size() == 1 || takes_scale ? kGgufF32 : matrix_type_;
    builder_.Tensor(GgufName(tensor.name), tensor.shape, type, GgufValues(values, type));
  }

  // Rows of a head as pairs: torch's reshape(heads, 2, half, columns).swapaxes(1, 2).
  Values Interleaved(const Values& values, int64_t heads) const {
    const size_t columns = values.size() / static_cast<size_t>(heads * head_dim_);
    const size_t half = static_cast<size_t>(head_dim_) / 2;
    Values result;
    for (size_t head = 0; head < static_cast<size_t>(heads); ++head) {
      for (size_t pair = 0; pair < half; ++pair) {
        for (size_t side = 0; side < 2; ++side) {
          const size_t row = head * 2 * half + side * half + pair;
          const auto begin = values.begin() + static_cast<ptrdiff_t>(row * columns);
          result.insert(result.end(), begin, begin + static_cast<ptrdiff_t>(columns));
        }
      }
    }
    return result;
  }

  // Falcon's groups (queries of a key/value head, its key, its value) as all queries, keys, values.
  Values Ungrouped(const Values& values) const {
    const int64_t queries = heads_ / kv_heads_;
    const int64_t group = queries + 2;
    const size_t head_values = static_cast<size_t>(head_dim_) *
                               (values.size() / static_cast<size_t>(kv_heads_ * group * head_dim_));
    Values result;
    const auto take = [&](int64_t first, int64_t count) {
      for (int64_t g = 0; g < kv_heads_; ++g) {
        for (int64_t h = g * group + first; h < g * group + first + count; ++h) {
          const auto begin =
              values.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(h) * head_values);
          result.insert(result.end(), begin, begin + static_cast<ptrdiff_t>(head_values));
        }
      }
    };
    take(0, queries);
    take(queries, 1);
    take(queries + 1, 1);
    return result;
  }

  uint32_t matrix_type_;
  json config_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::string type_;
  std::string arch_;
  int64_t hidden_ = 0;
  int64_t heads_ = 0;
  int64_t kv_heads_ = 0;
  int64_t head_dim_ = 0;
  GgufBuilder builder_;
};

}  // namespace

GgufBuilder GgufFromHuggingFace(const std::string& folder, uint32_t matrix_type) {
  return Maker(folder, matrix_type).Make();
}

}  // namespace inkling
