// Falcon in its three forms: RW-1B (ALiBi, sequential blocks, biases), 7B (one kv head, attention
// and feed-forward side by side behind one norm), and the "new decoder architecture" of 40B, 180B
// and 11B (grouped kv heads; a norm for each block, or one for both).
//
// q, k and v lie in one tensor, cut along kv heads: the rows of a group are its query heads, one
// key head and one value head. RW-1B has as many groups as heads, 7B a single one.
//
// Before transformers knew the family, checkpoints came with code of their own, which called it
// RefinedWebModel (RW-1B, 7B) or RefinedWeb (40B) and named some fields otherwise. Fine-tunes of
// that time still say so; their tensors are the same.
//
// Source: transformers' configuration_falcon.py and modeling_falcon.py.

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/recipe.h"
#include "converter/recipes/rope_scaling.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 65024,
                                       .hidden_size = 4544,
                                       .intermediate_size = 0,  // four times the hidden size
                                       .num_hidden_layers = 32,
                                       .num_attention_heads = 71,
                                       .num_key_value_heads = 0,
                                       .head_dim = 0,
                                       .max_position_embeddings = 2048};

constexpr char kLayerPrefix[] = "transformer.h.";

constexpr TensorNamePair kNames[] = {
    {"embedding", "transformer.word_embeddings"},
    {"attention_norm", "input_layernorm"},
    {"attention.q", "self_attention.query_key_value"},
    {"attention.k", "self_attention.query_key_value"},
    {"attention.v", "self_attention.query_key_value"},
    {"attention.output", "self_attention.dense"},
    {"feed_forward_norm", "post_attention_layernorm"},
    {"feed_forward.up", "mlp.dense_h_to_4h"},
    {"feed_forward.down", "mlp.dense_4h_to_h"},
    {"final_norm", "transformer.ln_f"},
    {"head", "lm_head"},
};

// Layers with a norm for each of two parallel blocks name them after the blocks.
constexpr TensorNamePair kOwnNormNames[] = {
    {"attention_norm", "ln_attn"},
    {"feed_forward_norm", "ln_mlp"},
};

// 2^(-8 i / n) for n heads, n a power of two; further heads take every second slope of twice as
// many. Press et al., 2022. The runtime rounds slopes and biases to bfloat16, as training did.
std::vector<float> AlibiSlopes(int32_t num_heads) {
  const int32_t whole = static_cast<int32_t>(std::bit_floor(static_cast<uint32_t>(num_heads)));
  std::vector<float> slopes;
  for (int32_t i = 1; i <= whole; ++i) {
    slopes.push_back(static_cast<float>(std::exp2(-8.0 * i / whole)));
  }
  for (int32_t i = 1; static_cast<int32_t>(slopes.size()) < num_heads; i += 2) {
    slopes.push_back(static_cast<float>(std::exp2(-4.0 * i / whole)));
  }
  return slopes;
}

// What a config means that doesn't say which form it describes.
struct FormDefaults {
  bool is_new;
  bool multi_query;
  bool parallel;
};

FormDefaults DefaultsOf(ConfigFields& fields) {
  const std::string type = fields.String("model_type", "");
  if (type == "RefinedWeb") return {.is_new = true, .multi_query = false, .parallel = true};
  const bool is_old = type == "RefinedWebModel";
  return {.is_new = false, .multi_query = !is_old, .parallel = !is_old};
}

void ReadOlderNames(ConfigFields& fields) {
  fields.AlsoCalled("hidden_size", "n_embed");
  fields.AlsoCalled("num_hidden_layers", "n_layer");
  fields.AlsoCalled("num_attention_heads", "n_head");
  fields.AlsoCalled("num_kv_heads", "n_head_kv");
}

bool IsNewArchitecture(ConfigFields& fields) {
  return fields.Bool("new_decoder_architecture", DefaultsOf(fields).is_new);
}

int32_t ReadNumKvHeads(ConfigFields& fields, int32_t num_heads) {
  const int32_t named = fields.Size("num_kv_heads", num_heads);
  if (IsNewArchitecture(fields)) return named;
  if (fields.Bool("multi_query", DefaultsOf(fields).multi_query)) return 1;  // whatever it says
  if (named != num_heads) {
    fields.Reject("num_kv_heads",
                  absl::StrCat(num_heads, ", as num_attention_heads, without multi_query"),
                  absl::StrCat(named));
  }
  return num_heads;
}

ResidualKind ReadResidual(ConfigFields& fields) {
  const bool is_new = IsNewArchitecture(fields);
  const bool is_parallel = fields.Bool("parallel_attn", DefaultsOf(fields).parallel);
  const int32_t num_norms = fields.Size("num_ln_in_parallel_attn", is_new ? 2 : 1);
  if (is_new && !is_parallel) {
    fields.Reject("parallel_attn", "true with new_decoder_architecture", "false");
  }
  if (num_norms > 2 || (num_norms == 2 && !is_new)) {
    fields.Reject("num_ln_in_parallel_attn",
                  is_new ? "1 or 2" : "1 without new_decoder_architecture",
                  absl::StrCat(num_norms));
  }
  if (!is_parallel) return ResidualKind::kSequential;
  return num_norms == 2 ? ResidualKind::kParallelOwnNorm : ResidualKind::kParallelSharedNorm;
}

ModelConfig ReadConfig(ConfigFields& fields) {
  fields.RejectIfSet("apply_residual_connection_post_layernorm",
                     "residuals add to what the norms read");
  ReadOlderNames(fields);
  ModelConfig config = ReadDecoderSizes(fields, kDefaults);
  RequireDerivedHeadDim(fields, config);
  config.feed_forward_dim = fields.Size("ffn_hidden_size", 4 * config.hidden_dim);
  config.num_kv_heads = ReadNumKvHeads(fields, config.num_heads);
  config.norm = NormKind::kLayer;
  config.norm_has_bias = true;
  config.norm_epsilon = static_cast<float>(fields.PositiveNumber("layer_norm_epsilon", 1e-5));
  config.residual = ReadResidual(fields);
  if (fields.Bool("alibi", false)) {
    config.position = PositionKind::kAlibi;
    config.alibi_slopes = AlibiSlopes(config.num_heads);
  } else {
    config.rotary_dim = ReadWholeRotaryDim(fields, config.head_dim);
    config.rope_tables = {ReadRopeTable(fields, {.rotary_dim = config.rotary_dim,
                                                 .theta = 10000.0,
                                                 .context_length = config.context_length})};
  }
  config.query_key_value_bias = fields.Bool("bias", false);
  config.attention_output_bias = config.query_key_value_bias;
  config.feed_forward = FeedForwardKind::kPlain;
  config.activation = ReadActivation(fields, "activation", "gelu");
  config.feed_forward_bias = config.query_key_value_bias;
  config.tied_head = fields.Bool("tie_word_embeddings", true);
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig& config) {
  const absl::string_view part = PartName(tensor);
  absl::Span<const TensorNamePair> names = kNames;
  if (config.residual == ResidualKind::kParallelOwnNorm &&
      (part == "attention_norm" || part == "feed_forward_norm")) {
    names = kOwnNormNames;
  }
  ABSL_ASSIGN_OR_RETURN(TensorSource source, SourceByName(tensor, names, kLayerPrefix));
  const int64_t head_dim = config.head_dim;
  const int64_t group_rows = config.num_heads / config.num_kv_heads * head_dim;
  if (part == "attention.q" || part == "attention.k" || part == "attention.v") {
    source.stride = group_rows + 2 * head_dim;
    source.source_rows = config.num_kv_heads * source.stride;
    source.run = part == "attention.q" ? group_rows : head_dim;
    if (part == "attention.k") source.first_row = group_rows;
    if (part == "attention.v") source.first_row = group_rows + head_dim;
  }
  return source;
}

}  // namespace

Recipe FalconRecipe() {
  return {.family = "falcon",
          .model_types = {"falcon", "RefinedWebModel", "RefinedWeb"},
          .architectures = {"FalconForCausalLM", "RWForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
