// Collected from the configuration classes of transformers 5.12: the families read here, and those
// whose configs are copied from them or into them (Cohere, DBRX, Granite, MiniCPM, OLMo, MoEs).

#include "converter/recipes/config_keys.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace inkling {
namespace {

// A field, and the value besides null and false that changes nothing; empty: there is none.
struct MathematicsKey {
  absl::string_view key;
  absl::string_view neutral = "";
};

constexpr MathematicsKey kKeys[] = {
    {"alibi"},
    {"attention_bias"},
    {"attention_multiplier"},
    {"attn_logit_softcapping", "0.0"},
    {"attn_temperature_tuning"},
    {"clip_qkv"},
    {"embedding_multiplier", "1.0"},
    {"final_logit_softcapping", "0.0"},
    {"layer_types"},
    {"lm_head_bias"},
    {"logit_scale", "1.0"},
    {"logits_scaling", "1.0"},
    {"mlp_bias"},
    {"no_rope_layers"},
    {"num_local_experts", "1"},
    {"partial_rotary_factor", "1.0"},
    {"qk_layernorm"},
    {"qkv_bias"},
    {"query_pre_attn_scalar"},
    {"residual_multiplier", "1.0"},
    {"rotary_pct", "1.0"},
    {"scale_depth", "1.0"},
    {"scale_emb", "1.0"},
    {"sliding_window"},
    {"use_parallel_residual"},
    {"use_qk_norm"},
    {"use_qkv_bias"},
};

constexpr char kCausal[] =
    "attention is causal here, and this model, which was made for embeddings, sees the tokens "
    "behind each token too";

}  // namespace

void RequireCausalAttention(ConfigFields& fields) {
  // Null is no default here: transformers takes it for false.
  if (fields.IsNull("is_causal")) fields.Reject("is_causal", "true", "null");
  if (!fields.Bool("is_causal", true)) fields.Refuse("is_causal", kCausal);
  fields.RejectIfSet("use_bidirectional_attention", kCausal);
}

void NoteUnreadMathematics(absl::string_view family, ConfigFields& fields) {
  for (const MathematicsKey& known : kKeys) {
    if (fields.WasRead(known.key)) continue;
    const std::string value = fields.ValueText(known.key);
    if (value.empty() || value == "false" || value == known.neutral || value == "[]") continue;
    // "1" is 1.0 as well.
    if (absl::StrCat(value, ".0") == known.neutral) continue;
    fields.Note(absl::StrCat(fields.Where(known.key), " = ", value, " isn't used in ", family,
                             " models, as in transformers"));
  }
}

}  // namespace inkling
