// Sources: the names and keys that GGUF files are written with (gguf-py's constants and llama.cpp's
// converter), and transformers' configuration classes.

#include "converter/checkpoints/gguf/gguf_families.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace inkling {
namespace {

constexpr GgufName kSharedNames[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};

// Norms on both sides of both blocks.
constexpr GgufName kFourNorms[] = {
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};

constexpr GgufName kPhi2Names[] = {
    {"output_norm", "model.final_layernorm"},
    {"attn_output", "self_attn.dense"},
    {"ffn_up", "mlp.fc1"},
    {"ffn_down", "mlp.fc2"},
};

constexpr GgufName kPhi3Names[] = {
    {"attn_qkv", "self_attn.qkv_proj"},
    {"ffn_up", "mlp.gate_up_proj"},
};

constexpr GgufName kFalconNames[] = {
    {"token_embd", "transformer.word_embeddings"},
    {"output_norm", "transformer.ln_f"},
    {"attn_norm", "ln_mlp", "attn_norm_2.weight"},
    {"attn_norm_2", "ln_attn"},
    {"attn_qkv", "self_attention.query_key_value"},
    {"attn_output", "self_attention.dense"},
    {"ffn_up", "mlp.dense_h_to_4h"},
    {"ffn_down", "mlp.dense_4h_to_h"},
};

constexpr GgufName kStableLmNames[] = {
    {"attn_q_norm", "self_attn.q_layernorm.norms.*"},
    {"attn_k_norm", "self_attn.k_layernorm.norms.*"},
};

constexpr GgufField kRmsFields[] = {
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
};

constexpr GgufField kLayerNormFields[] = {
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
};

constexpr GgufField kGemma2Fields[] = {
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"attn_logit_softcapping", "attn_logit_softcapping", false},
    {"final_logit_softcapping", "final_logit_softcapping", false},
    {"attention.sliding_window", "sliding_window", false},
};

constexpr GgufField kGemma3Fields[] = {
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"final_logit_softcapping", "final_logit_softcapping", false},
    {"attention.sliding_window", "sliding_window", false},
    {"rope.freq_base_swa", "rope_local_base_freq", false},
};

constexpr GgufField kPhi3Fields[] = {
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"attention.sliding_window", "sliding_window", false},
};

constexpr GgufField kStableLmFields[] = {
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
    {"use_parallel_residual", "use_parallel_residual"},
};

constexpr GgufField kFalconFields[] = {
    {"attention.layer_norm_epsilon", "layer_norm_epsilon"},
};

constexpr GgufConstant kSilu[] = {{"hidden_act", "\"silu\""}};
constexpr GgufConstant kGelu[] = {{"hidden_activation", "\"gelu_pytorch_tanh\""}};
constexpr GgufConstant kGemma2Constants[] = {
    {"hidden_activation", "\"gelu_pytorch_tanh\""},
    {"sliding_window", "4096"},  // where the key is missing
};
constexpr GgufConstant kPhi2Constants[] = {{"hidden_act", "\"gelu_new\""}};
constexpr GgufConstant kFalconConstants[] = {
    {"activation", "\"gelu\""}, {"alibi", "false"}, {"parallel_attn", "true"}};
// Every fourth layer has no rotation; files don't say so.
constexpr GgufConstant kSmolLm3Constants[] = {{"hidden_act", "\"silu\""},
                                              {"no_rope_layer_interval", "4"}};

// The recipe reads one word for several biases; which of them are there, the tensors tell it.
constexpr GgufPresence kLlamaPresences[] = {
    {"attn_q.bias", "attention_bias"},   {"attn_k.bias", "attention_bias"},
    {"attn_v.bias", "attention_bias"},   {"attn_output.bias", "attention_bias"},
    {"attn_qkv.bias", "attention_bias"}, {"ffn_gate.bias", "mlp_bias"},
    {"ffn_up.bias", "mlp_bias"},         {"ffn_down.bias", "mlp_bias"},
};
constexpr absl::Span<const GgufPresence> kAttentionPresences(kLlamaPresences, 5);
constexpr GgufPresence kStableLmPresences[] = {{"attn_q.bias", "use_qkv_bias"},
                                               {"attn_k.bias", "use_qkv_bias"},
                                               {"attn_v.bias", "use_qkv_bias"},
                                               {"attn_qkv.bias", "use_qkv_bias"},
                                               {"attn_q_norm.weight", "qk_layernorm"}};
constexpr GgufPresence kFalconPresences[] = {{"attn_qkv.bias", "bias"},
                                             {"attn_output.bias", "bias"},
                                             {"ffn_up.bias", "bias"},
                                             {"ffn_down.bias", "bias"}};

constexpr GgufFamily kFamilies[] = {
    {.architecture = "falcon",
     .model_type = "falcon",
     .class_name = "FalconForCausalLM",
     .layer_prefix = "transformer.h.",
     .grouped_qkv = true,
     .names = kFalconNames,
     .fields = kFalconFields,
     .constants = kFalconConstants,
     .presences = kFalconPresences},
    {.architecture = "gemma",
     .model_type = "gemma",
     .class_name = "GemmaForCausalLM",
     .norms_have_one_added = true,
     .fields = kRmsFields,
     .constants = kGelu},
    {.architecture = "gemma2",
     .model_type = "gemma2",
     .class_name = "Gemma2ForCausalLM",
     .norms_have_one_added = true,
     .layers_scaled_by_width = 46,  // 27B
     .window_period = 2,
     .names = kFourNorms,
     .fields = kGemma2Fields,
     .constants = kGemma2Constants},
    {.architecture = "gemma3",
     .model_type = "gemma3_text",
     .class_name = "Gemma3ForCausalLM",
     .norms_have_one_added = true,
     .layers_scaled_by_width = 62,  // 27B
     .window_period = 6,
     .names = kFourNorms,
     .fields = kGemma3Fields,
     .constants = kGelu},
    {.architecture = "llama",
     .model_type = "llama",
     .class_name = "LlamaForCausalLM",
     .interleaved_pairs = true,
     .fields = kRmsFields,
     .constants = kSilu,
     .presences = kLlamaPresences},
    {.architecture = "phi2",
     .model_type = "phi",
     .class_name = "PhiForCausalLM",
     .partial_rotation = true,
     .names = kPhi2Names,
     .fields = kLayerNormFields,
     .constants = kPhi2Constants},
    {.architecture = "phi3",
     .model_type = "phi3",
     .class_name = "Phi3ForCausalLM",
     .partial_rotation = true,
     .names = kPhi3Names,
     .fields = kPhi3Fields,
     .constants = kSilu},
    {.architecture = "qwen2",
     .model_type = "qwen2",
     .class_name = "Qwen2ForCausalLM",
     .fields = kRmsFields,
     .constants = kSilu},
    {.architecture = "qwen3",
     .model_type = "qwen3",
     .class_name = "Qwen3ForCausalLM",
     .fields = kRmsFields,
     .constants = kSilu,
     .presences = kAttentionPresences},
    {.architecture = "smollm3",
     .model_type = "smollm3",
     .class_name = "SmolLM3ForCausalLM",
     .interleaved_pairs = true,
     .fields = kRmsFields,
     .constants = kSmolLm3Constants,
     .presences = kLlamaPresences},
    {.architecture = "stablelm",
     .model_type = "stablelm",
     .class_name = "StableLmForCausalLM",
     .partial_rotation = true,
     .names = kStableLmNames,
     .fields = kStableLmFields,
     .constants = kSilu,
     .presences = kStableLmPresences},
};

constexpr absl::string_view kOtherKeys[] = {
    // Read by gguf_config.cc.
    "attention.causal",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.sliding_window_pattern",
    "attention.value_length",
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scale_linear",
    "rope.scaling.attn_factor",
    "rope.scaling.factor",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "rope.scaling.yarn_attn_factor",
    "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow",
    // Say nothing that the tensors don't, or nothing about the model's output. (An epsilon that the
    // family needs is among its fields.)
    "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon",
    "pooling_type",
    "rope.scaling.finetuned",
    "tensor_data_layout",
    "vocab_size",
};

}  // namespace

absl::StatusOr<const GgufFamily*> FindGgufFamily(absl::string_view architecture) {
  for (const GgufFamily& family : kFamilies) {
    if (family.architecture == architecture) return &family;
  }
  return absl::UnimplementedError(
      absl::StrCat("general.architecture: ", architecture, " is not supported; this version reads ",
                   absl::StrJoin(kFamilies, ", ", [](std::string* out, const GgufFamily& family) {
                     absl::StrAppend(out, family.architecture);
                   })));
}

bool HasOptionalBiases(const GgufFamily& family) {
  for (const GgufPresence& presence : family.presences) {
    if (absl::EndsWith(presence.tensor, ".bias")) return true;
  }
  return false;
}

absl::Span<const GgufName> SharedGgufNames() { return kSharedNames; }
absl::Span<const absl::string_view> OtherGgufKeys() { return kOtherKeys; }

}  // namespace inkling
