// Tables. Sources: MediaPipe's converters (safetensors_converter.py, pytorch_converter.py: which
// checkpoint tensor goes under which name), llm_weights.cc (names and shapes that its runtime
// reads), well_known_models.cc (parameters), and the published checkpoints' own config.json.

#include "converter/checkpoints/mediapipe/mediapipe_families.h"

#include <cstdint>
#include <iterator>
#include <string>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace inkling {
namespace {

using nlohmann::json;

constexpr absl::string_view kLayerPrefix = "params.lm.transformer.x_layers_";
constexpr absl::string_view kTokenEmbedding = "params.lm.token_embedding";
constexpr absl::string_view kHead = "params.lm.softmax.logits_ffn";

constexpr int64_t kMaxSize = int64_t{1} << 24;

constexpr StemPair kOuterStems[] = {{kTokenEmbedding, "model.embed_tokens"},
                                    {kHead, "lm_head"},
                                    {"params.lm.final_ln", "model.norm"}};

constexpr StemPair kGemmaStems[] = {
    {"pre_layer_norm", "input_layernorm"},
    {"self_attention.q", "self_attn.q_proj"},
    {"self_attention.k", "self_attn.k_proj"},
    {"self_attention.v", "self_attn.v_proj"},
    {"self_attention.post", "self_attn.o_proj"},
    {"ff_layer.pre_layer_norm", "post_attention_layernorm"},
    {"ff_layer.ffn_layer1_gate", "mlp.gate_proj"},
    {"ff_layer.ffn_layer1", "mlp.up_proj"},
    {"ff_layer.ffn_layer2", "mlp.down_proj"},
};

// Files for gpu call the second norm otherwise.
constexpr StemPair kStableLmStems[] = {
    {"pre_layer_norm", "input_layernorm"},
    {"self_attention.q", "self_attn.q_proj"},
    {"self_attention.k", "self_attn.k_proj"},
    {"self_attention.v", "self_attn.v_proj"},
    {"self_attention.post", "self_attn.o_proj"},
    {"post_layer_norm", "post_attention_layernorm"},
    {"ff_layer.pre_layer_norm", "post_attention_layernorm"},
    {"ff_layer.ffn_layer1_gate", "mlp.gate_proj"},
    {"ff_layer.ffn_layer1", "mlp.up_proj"},
    {"ff_layer.ffn_layer2", "mlp.down_proj"},
};

constexpr StemPair kPostNormStems[] = {
    {"pre_layer_norm", "input_layernorm"},
    {"self_attention.q", "self_attn.q_proj"},
    {"self_attention.k", "self_attn.k_proj"},
    {"self_attention.v", "self_attn.v_proj"},
    {"self_attention.q_norm", "self_attn.q_norm"},
    {"self_attention.k_norm", "self_attn.k_norm"},
    {"self_attention.post", "self_attn.o_proj"},
    {"post_layer_norm", "post_attention_layernorm"},
    {"ff_layer.pre_layer_norm", "pre_feedforward_layernorm"},
    {"ff_layer.ffn_layer1_gate", "mlp.gate_proj"},
    {"ff_layer.ffn_layer1", "mlp.up_proj"},
    {"ff_layer.ffn_layer2", "mlp.down_proj"},
    {"ff_layer.post_layer_norm", "post_feedforward_layernorm"},
};

constexpr StemPair kPhiOuterStems[] = {{kTokenEmbedding, "model.embed_tokens"},
                                       {kHead, "lm_head"},
                                       {"params.lm.final_ln", "model.final_layernorm"}};
constexpr StemPair kPhiStems[] = {
    {"pre_layer_norm", "input_layernorm"},      {"self_attention.q", "self_attn.q_proj"},
    {"self_attention.k", "self_attn.k_proj"},   {"self_attention.v", "self_attn.v_proj"},
    {"self_attention.post", "self_attn.dense"}, {"ff_layer.ffn_layer1", "mlp.fc1"},
    {"ff_layer.ffn_layer2", "mlp.fc2"},
};

constexpr StemPair kFalconOuterStems[] = {{kTokenEmbedding, "transformer.word_embeddings"},
                                          {kHead, "lm_head"},
                                          {"params.lm.final_ln", "transformer.ln_f"}};
constexpr StemPair kFalconStems[] = {
    {"pre_layer_norm", "input_layernorm"},
    {"self_attention.post", "self_attention.dense"},
    {"post_layer_norm", "post_attention_layernorm"},  // in files for gpu
    {"ff_layer.pre_layer_norm", "post_attention_layernorm"},
    {"ff_layer.ffn_layer1", "mlp.dense_h_to_4h"},
    {"ff_layer.ffn_layer2", "mlp.dense_4h_to_h"},
};
constexpr absl::string_view kQueryKeyValue[] = {"self_attention.q", "self_attention.k",
                                                "self_attention.v"};

json GemmaFields() {
  return {{"hidden_activation", "gelu_pytorch_tanh"},
          {"rms_norm_eps", 1e-6},
          {"rope_theta", 10000.0},
          {"attention_bias", false}};
}

json GemmaConfig(const TransformerParameters&) { return GemmaFields(); }

// What scores are divided by the root of.
double QueryScalar(const TransformerParameters& parameters) {
  const bool by_heads = parameters.attention_scale == MediapipeScale::kInverseRootOfHiddenByHeads;
  return by_heads ? static_cast<double>(parameters.embedding_dim) /
                        static_cast<double>(parameters.num_heads)
                  : static_cast<double>(parameters.head_dimension);
}

json SoftCap(double value) { return value > 0 ? json(value) : json(nullptr); }

// MediaPipe's own parameters leave the window out, because its contexts are shorter.
json Gemma2Config(const TransformerParameters& parameters) {
  json config = GemmaFields();
  config["query_pre_attn_scalar"] = QueryScalar(parameters);
  config["attn_logit_softcapping"] = SoftCap(parameters.attention_soft_cap);
  config["final_logit_softcapping"] = SoftCap(parameters.final_soft_cap);
  config["sliding_window"] =
      parameters.sliding_window_size > 0 ? parameters.sliding_window_size : 4096;
  return config;
}

json Gemma3Config(const TransformerParameters& parameters) {
  json config = Gemma2Config(parameters);
  config["sliding_window"] = parameters.sliding_window_size;
  config["sliding_window_pattern"] = parameters.num_local_layers_per_global + 1;
  config["rope_local_base_freq"] = 10000.0;
  if (parameters.global_rope_wavelength > 0) {
    config["rope_theta"] = parameters.global_rope_wavelength;
  }
  if (parameters.global_rope_scaling > 0) {
    config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", parameters.global_rope_scaling}};
  }
  return config;
}

json StableLmConfig(const TransformerParameters&) {
  return {{"hidden_act", "silu"},  {"layer_norm_eps", 1e-5},
          {"rope_theta", 10000.0}, {"partial_rotary_factor", 0.25},
          {"use_qkv_bias", false}, {"use_parallel_residual", false}};
}

json PhiConfig(const TransformerParameters&) {
  return {{"hidden_act", "gelu_new"},
          {"layer_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"partial_rotary_factor", 0.4},
          {"qk_layernorm", false}};
}

json FalconConfig(const TransformerParameters& parameters) {
  return {{"activation", "gelu"},
          {"layer_norm_epsilon", 1e-5},
          {"alibi", true},
          {"bias", true},
          {"multi_query", false},
          {"parallel_attn", false},
          {"new_decoder_architecture", false},
          {"ffn_hidden_size", parameters.hidden_dimension}};
}

using Windows = MediapipeFamily::Windows;
constexpr MediapipeActivation kGelu = MediapipeActivation::kGelu;
constexpr MediapipeNorm kRms = MediapipeNorm::kRms;
constexpr MediapipeNorm kLayer = MediapipeNorm::kLayer;

constexpr MediapipeFamily kGemma = {
    "gemma", "GemmaForCausalLM", "model.layers.", kGelu,       kRms, false,
    false,   Windows::kNone,     kOuterStems,     kGemmaStems, "",   GemmaConfig};
constexpr MediapipeFamily kGemma2 = {
    "gemma2", "Gemma2ForCausalLM",        "model.layers.", kGelu,          kRms, true,
    false,    Windows::kEverySecondLayer, kOuterStems,     kPostNormStems, "",   Gemma2Config};
constexpr MediapipeFamily kGemma3 = {
    "gemma3_text", "Gemma3ForCausalLM",    "model.layers.", kGelu,          kRms, true,
    false,         Windows::kByParameters, kOuterStems,     kPostNormStems, "",   Gemma3Config};
constexpr MediapipeFamily kStableLm = {"stablelm",
                                       "StableLmForCausalLM",
                                       "model.layers.",
                                       MediapipeActivation::kSilu,
                                       kLayer,
                                       false,
                                       true,
                                       Windows::kNone,
                                       kOuterStems,
                                       kStableLmStems,
                                       "",
                                       StableLmConfig};
constexpr MediapipeFamily kPhi = {
    "phi", "PhiForCausalLM", "model.layers.", kGelu,     kLayer, false,
    true,  Windows::kNone,   kPhiOuterStems,  kPhiStems, "",     PhiConfig};
constexpr MediapipeFamily kFalcon = {"falcon",
                                     "FalconForCausalLM",
                                     "transformer.h.",
                                     kGelu,
                                     kLayer,
                                     false,
                                     true,
                                     Windows::kNone,
                                     kFalconOuterStems,
                                     kFalconStems,
                                     "self_attention.query_key_value",
                                     FalconConfig};

// Context lengths are those that the checkpoints were trained for: the files hold the length of one
// run only.
struct ModelTypeRow {
  int64_t type;
  absl::string_view name;
  const MediapipeFamily* family;
  int32_t context_length;
};
constexpr ModelTypeRow kModelTypes[] = {
    {5, "FALCON_RW_1B", &kFalcon, 2048},       {6, "GEMMA_2B", &kGemma, 8192},
    {8, "STABLELM_4E1T_3B", &kStableLm, 4096}, {11, "PHI_2", &kPhi, 2048},
    {12, "GEMMA_7B", &kGemma, 8192},           {18, "GEMMA2_2B", &kGemma2, 8192},
    {27, "GEMMA3_1B", &kGemma3, 32768},        {28, "GEMMA3_4B", &kGemma3, 131072},
    {29, "GEMMA3_12B", &kGemma3, 131072},      {30, "GEMMA3_27B", &kGemma3, 131072},
    {38, "GEMMA3_300M", &kGemma3, 32768},      {47, "FUNCTIONGEMMA3_300M", &kGemma3, 32768},
};

absl::string_view FindStem(absl::Span<const StemPair> stems, absl::string_view theirs) {
  for (const StemPair& pair : stems) {
    if (pair.theirs == theirs) return pair.hugging_face;
  }
  return {};
}

// Refuses parameters that ask for what the family doesn't have.
class ParameterCheck {
 public:
  ParameterCheck(const MediapipeModelType& type, const TransformerParameters& parameters)
      : type_(type), p_(parameters) {}

  absl::Status Run() {
    const MediapipeFamily& family = *type_.family;
    Expect(p_.attention_mask == MediapipeMask::kCausal, "attention_mask_type", "1 (causal)",
           static_cast<int>(p_.attention_mask));
    Expect(p_.activation == family.activation, "activation",
           absl::StrCat(static_cast<int>(family.activation)), static_cast<int>(p_.activation));
    Expect(p_.pre_norm == family.norm, "pre_norm", absl::StrCat(static_cast<int>(family.norm)),
           static_cast<int>(p_.pre_norm));
    CheckScale(family);
    Expect(family.has_caps || p_.attention_soft_cap <= 0, "attention soft_cap_value", "none",
           p_.attention_soft_cap);
    Expect(family.has_caps || p_.final_soft_cap <= 0, "final soft_cap_value", "none",
           p_.final_soft_cap);
    CheckWindows(family);
    return status_;
  }

 private:
  void Expect(bool as_expected, absl::string_view what, absl::string_view expected, double found) {
    if (as_expected || !status_.ok()) return;
    status_ =
        absl::UnimplementedError(absl::StrCat("LlmParameters of a ", type_.name, " model: ", what,
                                              ": expected ", expected, ", found ", found));
  }

  // Files that name no scale mean one that is trained (PER_DIM_SCALE) where there are as many kv
  // heads as heads. The families with LayerNorms never have it.
  void CheckScale(const MediapipeFamily& family) {
    const bool as_many = p_.num_kv_heads == 0 || p_.num_kv_heads == p_.num_heads;
    const bool open = !p_.attention_scale.has_value();
    const MediapipeScale scale = p_.attention_scale.value_or(MediapipeScale::kInverseRootOfHeadDim);
    const bool known = scale == MediapipeScale::kInverseRootOfHeadDim ||
                       (family.has_caps && scale == MediapipeScale::kInverseRootOfHiddenByHeads);
    Expect(known && !(open && as_many && family.norm == MediapipeNorm::kRms),
           "attention_scale_type", "2 (by the root of head_dimension)",
           open ? 0 : static_cast<int>(scale));
  }

  void CheckWindows(const MediapipeFamily& family) {
    const int64_t local = p_.num_local_layers_per_global;
    if (family.windows == MediapipeFamily::Windows::kByParameters) {
      Expect(local > 0, "num_local_layers_per_global", "1 or more", local);
      Expect(p_.sliding_window_size > 0, "sliding_window_size", "1 or more", 0);
      return;
    }
    const int64_t most = family.windows == MediapipeFamily::Windows::kNone ? 0 : 1;
    Expect(local <= most, "num_local_layers_per_global", absl::StrCat("at most ", most), local);
    Expect(most > 0 || p_.sliding_window_size == 0, "sliding_window_size", "none",
           p_.sliding_window_size);
  }

  const MediapipeModelType& type_;
  const TransformerParameters& p_;
  absl::Status status_;
};

}  // namespace

MediapipeTensorName HuggingFaceName(const MediapipeFamily& family, absl::string_view name,
                                    bool tied) {
  absl::string_view stem = name;
  absl::string_view ending;
  if (absl::ConsumeSuffix(&stem, ".bias.b") || absl::ConsumeSuffix(&stem, ".bias")) {
    ending = ".bias";
  } else if (absl::ConsumeSuffix(&stem, ".linear.w") || absl::ConsumeSuffix(&stem, ".w") ||
             absl::ConsumeSuffix(&stem, ".scale")) {
    ending = ".weight";
  } else {
    return {std::string(name)};
  }
  if (!absl::ConsumePrefix(&stem, kLayerPrefix)) {
    if (tied && stem == kHead) stem = kTokenEmbedding;
    const absl::string_view found = FindStem(family.outer_stems, stem);
    return {found.empty() ? std::string(name) : absl::StrCat(found, ending)};
  }
  const size_t dot = stem.find('.');
  if (dot == absl::string_view::npos) return {std::string(name)};
  const std::string layer = absl::StrCat(family.layer_prefix, stem.substr(0, dot), ".");
  stem.remove_prefix(dot + 1);
  if (!family.fused_query_key_value.empty()) {
    for (int part = 0; part < static_cast<int>(std::size(kQueryKeyValue)); ++part) {
      if (stem == kQueryKeyValue[part]) {
        return {absl::StrCat(layer, family.fused_query_key_value, ending), part};
      }
    }
  }
  const absl::string_view found = FindStem(family.layer_stems, stem);
  return {found.empty() ? std::string(name) : absl::StrCat(layer, found, ending)};
}

absl::StatusOr<MediapipeModelType> FindMediapipeModelType(int64_t type) {
  std::string names;
  for (const ModelTypeRow& row : kModelTypes) {
    if (row.type == type) {
      return MediapipeModelType{row.family, std::string(row.name), row.context_length};
    }
    absl::StrAppend(&names, names.empty() ? "" : ", ", row.name);
  }
  return absl::UnimplementedError(absl::StrCat(
      "odml.infra.LlmModelType: expected the number of one of ", names, ", found ", type));
}

absl::StatusOr<json> MediapipeConfig(const MediapipeModelType& type,
                                     const LlmParameters& parameters, bool tied) {
  const TransformerParameters& p = parameters.transformer;
  const struct {
    const char* name;
    int64_t value;
    int64_t lowest;
  } sizes[] = {{"vocab_size", parameters.vocab_size, 1},
               {"embedding_dim", p.embedding_dim, 1},
               {"hidden_dimension", p.hidden_dimension, 1},
               {"head_dimension", p.head_dimension, 1},
               {"num_heads", p.num_heads, 1},
               {"num_stacks", p.num_stacks, 1},
               {"num_kv_heads", p.num_kv_heads, 0},
               {"sliding_window_size", p.sliding_window_size, 0},
               {"num_local_layers_per_global", p.num_local_layers_per_global, 0}};
  for (const auto& size : sizes) {
    if (size.value >= size.lowest && size.value <= kMaxSize) continue;
    return absl::InvalidArgumentError(absl::StrCat("LlmParameters: ", size.name, ": expected ",
                                                   size.lowest, " to ", kMaxSize, ", found ",
                                                   size.value));
  }
  ABSL_RETURN_IF_ERROR(ParameterCheck(type, p).Run());
  json config = type.family->config(p);
  config["model_type"] = std::string(type.family->model_type);
  config["architectures"] = {std::string(type.family->architecture)};
  config["vocab_size"] = parameters.vocab_size;
  config["hidden_size"] = p.embedding_dim;
  config["intermediate_size"] = p.hidden_dimension;
  config["head_dim"] = p.head_dimension;
  config["num_hidden_layers"] = p.num_stacks;
  config["num_attention_heads"] = p.num_heads;
  config["num_key_value_heads"] = p.num_kv_heads > 0 ? p.num_kv_heads : p.num_heads;
  config["max_position_embeddings"] = type.context_length;
  config["tie_word_embeddings"] = tied;
  return config;
}

}  // namespace inkling
