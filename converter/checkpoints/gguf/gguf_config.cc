// Metadata key by key. Defaults for missing keys are llama.cpp's, and every field is written out,
// so that no default of a Hugging Face class comes in.

#include "converter/checkpoints/gguf/gguf_config.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "converter/files/config_fields.h"

namespace inkling {
namespace {

using nlohmann::json;

constexpr double kDefaultTheta = 10000.0;
constexpr int32_t kMaxHeads = 1 << 16;

class ConfigBuilder {
 public:
  ConfigBuilder(const json& metadata, const GgufFamily& family,
                absl::Span<const GgufTensor> tensors, const GgufRopeDivisors& divisors,
                const std::string& file, FieldSpelling& spelling)
      : metadata_(metadata),
        family_(family),
        divisors_(divisors),
        file_(file),
        spelling_(spelling),
        fields_(metadata, file, &spelling) {
    num_tensors_ = static_cast<int64_t>(tensors.size());
    for (const GgufTensor& entry : tensors) {
      names_.insert(entry.tensor.name);
      layer_parts_.insert(WithoutLayer(entry.tensor.name));
      if (entry.tensor.name == "token_embd.weight") vocab_size_ = entry.tensor.shape.front();
    }
  }

  absl::StatusOr<json> Build() {
    config_["model_type"] = family_.model_type;
    config_["architectures"] = json::array({family_.class_name});
    config_["vocab_size"] = vocab_size_;
    spelling_.keys["vocab_size"] = "rows of the tensor token_embd.weight";
    config_["tie_word_embeddings"] = !names_.contains("output.weight");
    for (const GgufConstant& constant : family_.constants) {
      config_[constant.field] = json::parse(constant.json, nullptr, false);
    }
    for (const GgufPresence& presence : family_.presences) {
      json& field = config_[presence.field];
      field = field == true || layer_parts_.contains(presence.tensor);
    }
    for (const GgufField& field : family_.fields) CopyField(field);
    ReadSizes();
    ReadRotation();
    ReadWindows();
    if (family_.grouped_qkv) ReadGroups();
    CheckOtherKeys();
    ABSL_RETURN_IF_ERROR(fields_.status());
    return std::move(config_);
  }

 private:
  std::string Key(absl::string_view suffix) const {
    return absl::StrCat(family_.architecture, ".", suffix);
  }

  // "attn_q.bias" of "blk.3.attn_q.bias"; other names as they are.
  static absl::string_view WithoutLayer(absl::string_view name) {
    absl::string_view part = name;
    if (!absl::ConsumePrefix(&part, "blk.")) return name;
    const size_t dot = part.find('.');
    return dot == absl::string_view::npos ? name : part.substr(dot + 1);
  }

  // A field of config.json, and the key without "ARCHITECTURE." that it comes from.
  json& Field(const std::string& field, absl::string_view suffix) {
    spelling_.keys[field] = Key(suffix);
    return config_[field];
  }

  bool Has(absl::string_view suffix) const { return fields_.Has(Key(suffix)); }

  void CopyField(const GgufField& field) {
    if (Has(field.key)) {
      Field(std::string(field.field), field.key) = metadata_[Key(field.key)];
    } else if (field.required) {
      fields_.Reject(Key(field.key), "a value", "nothing");
    }
  }

  // A size that must be there: a number, or one for each layer if they are equal.
  int32_t Size(absl::string_view suffix) {
    const std::string key = Key(suffix);
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) {
      fields_.Reject(key, "a whole number", "nothing");
      return 1;
    }
    if (!found->is_array()) return fields_.Size(key, 1);
    for (const json& item : *found) {
      if (item == found->front()) continue;
      fields_.Reject(key, "the same number for every layer", "several numbers");
      return 1;
    }
    if (found->empty()) {
      fields_.Reject(key, "a whole number", "an empty list");
      return 1;
    }
    const json one = {{key, found->front()}};
    ConfigFields fields(one, file_, &spelling_);
    const int32_t size = fields.Size(key, 1);
    fields_.Merge(fields);
    return size;
  }

  void ReadSizes() {
    const int32_t hidden = Size("embedding_length");
    const int32_t heads = Size("attention.head_count");
    num_layers_ = Size("block_count");
    if (num_layers_ > num_tensors_) {
      fields_.Reject(Key("block_count"),
                     absl::StrCat("no more layers than tensors, ", num_tensors_),
                     absl::StrCat(num_layers_));
      num_layers_ = 1;
    }
    num_kv_heads_ = Has("attention.head_count_kv") ? Size("attention.head_count_kv") : heads;
    if (heads > kMaxHeads || num_kv_heads_ > kMaxHeads) {
      fields_.Reject(Key("attention.head_count"), absl::StrCat("at most ", kMaxHeads),
                     absl::StrCat(heads, " and ", num_kv_heads_));
    }
    if (Has("attention.key_length")) {
      head_dim_ = Size("attention.key_length");
    } else {
      head_dim_ = hidden / heads;
      if (hidden % heads != 0) {
        fields_.Reject(Key("embedding_length"),
                       absl::StrCat("a multiple of attention.head_count ", heads),
                       absl::StrCat(hidden));
      }
    }
    const int32_t value_length = fields_.Size(Key("attention.value_length"), head_dim_);
    if (value_length != head_dim_) {
      fields_.Reject(Key("attention.value_length"), absl::StrCat(head_dim_, ", as keys have"),
                     absl::StrCat(value_length));
    }
    if (!fields_.Bool(Key("attention.causal"), true)) {
      fields_.Reject(Key("attention.causal"), "true", "false");
    }
    Field("hidden_size", "embedding_length") = hidden;
    Field("num_hidden_layers", "block_count") = num_layers_;
    Field("intermediate_size", "feed_forward_length") = Size("feed_forward_length");
    Field("num_attention_heads", "attention.head_count") = heads;
    Field("num_key_value_heads", "attention.head_count_kv") = num_kv_heads_;
    Field("head_dim", "attention.key_length") = head_dim_;
    Field("max_position_embeddings", "context_length") = Size("context_length");
    if (family_.layers_scaled_by_width > 0) {
      const bool by_width = num_layers_ == family_.layers_scaled_by_width;
      config_["query_pre_attn_scalar"] = by_width ? hidden / heads : head_dim_;
    }
  }

  void ReadRotation() {
    const int32_t rotary_dim = fields_.Size(Key("rope.dimension_count"), head_dim_);
    if (family_.partial_rotation) {
      // The half keeps the multiple of head_dim, rounded down, from landing one below.
      const double rotating = rotary_dim < head_dim_ ? rotary_dim + 0.5 : rotary_dim;
      Field("partial_rotary_factor", "rope.dimension_count") = rotating / head_dim_;
    } else if (rotary_dim != head_dim_) {
      fields_.Reject(Key("rope.dimension_count"),
                     absl::StrCat(head_dim_, ", all dimensions of a head"),
                     absl::StrCat(rotary_dim));
    }
    Field("rope_theta", "rope.freq_base") = fields_.Number(Key("rope.freq_base"), kDefaultTheta);
    Field("rope_scaling", "rope.scaling.type") = ReadScaling();
  }

  json ReadScaling() {
    // The older key has a name of its own; a factor without a type is linear.
    const char* factor_key =
        Has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
    const std::string type =
        fields_.String(Key("rope.scaling.type"), Has(factor_key) ? "linear" : "none");
    const double factor = fields_.Number(Key(factor_key), 1.0);
    const bool has_divisors = !divisors_.all.empty() || !divisors_.long_text.empty();
    if (type == "longrope" || (type == "none" && has_divisors)) return DividedFrequencies();
    if (has_divisors) {
      fields_.Reject(Key("rope.scaling.type"), "none or longrope with tensors of divisors", type);
    }
    if (type == "none" || (type == "linear" && factor == 1.0)) return nullptr;
    json scaling = {{"rope_type", type}, {"factor", factor}};
    spelling_.keys["rope_scaling.rope_type"] = Key("rope.scaling.type");
    spelling_.keys["rope_scaling.factor"] = Key(factor_key);
    if (type == "yarn") {
      Copy("rope.scaling.original_context_length", "original_max_position_embeddings", scaling);
      Copy("rope.scaling.yarn_attn_factor", "attention_factor", scaling);
      Copy("rope.scaling.yarn_beta_fast", "beta_fast", scaling);
      Copy("rope.scaling.yarn_beta_slow", "beta_slow", scaling);
    } else if (type != "linear") {
      fields_.Reject(Key("rope.scaling.type"), "none, linear, yarn or longrope", type);
    }
    return scaling;
  }

  void Copy(absl::string_view suffix, const char* name, json& scaling) {
    if (!Has(suffix)) return;
    scaling[name] = metadata_[Key(suffix)];
    spelling_.keys[absl::StrCat("rope_scaling.", name)] = Key(suffix);
  }

  // Files hold the divisors that a scaling came to (Llama 3's too), not its parameters.
  json DividedFrequencies() {
    const bool by_length = divisors_.all.empty();
    const std::vector<float>& shorter = by_length ? divisors_.short_text : divisors_.all;
    const std::vector<float>& longer = by_length ? divisors_.long_text : divisors_.all;
    if (shorter.empty() || longer.empty()) {
      fields_.Reject(Key("rope.scaling.type"),
                     "longrope with the tensors rope_factors_short and rope_factors_long",
                     "a file without them");
    }
    json scaling = {{"rope_type", "longrope"}, {"short_factor", shorter}, {"long_factor", longer}};
    spelling_.keys["rope_scaling.short_factor"] =
        by_length ? "rope_factors_short.weight" : "rope_freqs.weight";
    spelling_.keys["rope_scaling.long_factor"] =
        by_length ? "rope_factors_long.weight" : "rope_freqs.weight";
    const char* original = by_length ? "rope.scaling.original_context_length" : "context_length";
    Field("original_max_position_embeddings", original) = fields_.Size(Key(original), 1);
    scaling["attention_factor"] = fields_.Number(Key("rope.scaling.attn_factor"), 1.0);
    spelling_.keys["rope_scaling.attention_factor"] = Key("rope.scaling.attn_factor");
    return scaling;
  }

  // Which layers have a sliding window. The file's pattern is a period or a list, one a layer.
  void ReadWindows() {
    const auto window = config_.find("sliding_window");
    const bool none = window == config_.end() || *window == 0;
    if (none) config_["sliding_window"] = nullptr;
    if (family_.window_period == 0) return;
    const std::string key = Key("attention.sliding_window_pattern");
    const bool is_list = metadata_.contains(key) && metadata_[key].is_array();
    const int32_t period = is_list ? 1 : fields_.Size(key, family_.window_period);
    const size_t num_layers = static_cast<size_t>(num_layers_);
    if (is_list && metadata_[key].size() != num_layers) {
      return fields_.Reject(key, absl::StrCat(num_layers, " entries, one a layer"),
                            absl::StrCat(metadata_[key].size()));
    }
    json types = json::array();
    for (size_t i = 0; i < num_layers; ++i) {
      const bool last = (i + 1) % static_cast<size_t>(period) == 0;
      const bool slides = is_list ? Flag(key, metadata_[key][i]) : !last;
      types.push_back(slides && !none ? "sliding_attention" : "full_attention");
    }
    Field("layer_types", "attention.sliding_window_pattern") = std::move(types);
  }

  // An item of the list `key`, which some writers make of numbers.
  bool Flag(const std::string& key, const json& item) {
    if (item.is_boolean()) return item.get<bool>();
    if (item.is_number_integer()) return item != 0;
    const auto type = spelling_.types.find(key);
    fields_.Reject(key, "array of bool",
                   type == spelling_.types.end() ? "another list" : type->second);
    return false;
  }

  void ReadGroups() {
    const bool two_norms = names_.contains("blk.0.attn_norm_2.weight");
    const bool is_new = two_norms || num_kv_heads_ != 1;
    config_["new_decoder_architecture"] = is_new;
    config_["num_ln_in_parallel_attn"] = two_norms ? 2 : 1;
    config_["multi_query"] = !is_new;
    Field("num_kv_heads", "attention.head_count_kv") = num_kv_heads_;
    Field("ffn_hidden_size", "feed_forward_length") = config_["intermediate_size"];
  }

  // Keys that nothing above knows must say nothing.
  void CheckOtherKeys() {
    absl::flat_hash_set<absl::string_view> known(OtherGgufKeys().begin(), OtherGgufKeys().end());
    for (const GgufField& field : family_.fields) known.insert(field.key);
    const std::string prefix = Key("");
    for (const auto& [key, value] : metadata_.items()) {
      if (!absl::StartsWith(key, prefix)) continue;
      if (known.contains(absl::StripPrefix(key, prefix))) continue;
      fields_.RejectIfSet(key, "it may change what the model computes");
    }
  }

  const json& metadata_;
  const GgufFamily& family_;
  const GgufRopeDivisors& divisors_;
  const std::string& file_;
  FieldSpelling& spelling_;
  ConfigFields fields_;
  absl::flat_hash_set<absl::string_view> names_;
  absl::flat_hash_set<absl::string_view> layer_parts_;  // names_ without "blk.N."
  int64_t vocab_size_ = 0;
  int64_t num_tensors_ = 0;
  int32_t num_layers_ = 1;
  int32_t num_kv_heads_ = 1;
  int32_t head_dim_ = 1;
  json config_ = json::object();
};

}  // namespace

absl::StatusOr<json> GgufConfig(const json& metadata, const GgufFamily& family,
                                absl::Span<const GgufTensor> tensors,
                                const GgufRopeDivisors& divisors, const std::string& file,
                                FieldSpelling& spelling) {
  return ConfigBuilder(metadata, family, tensors, divisors, file, spelling).Build();
}

}  // namespace inkling
