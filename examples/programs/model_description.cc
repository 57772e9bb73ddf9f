// One function per part of the description; enum values are spelled as model_config.h names them.

#include "examples/programs/model_description.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace inkling {
namespace {

using nlohmann::ordered_json;

const char* Name(NormKind kind) { return kind == NormKind::kRms ? "rms" : "layer"; }

const char* Name(ResidualKind kind) {
  switch (kind) {
    case ResidualKind::kSequential:
      return "sequential";
    case ResidualKind::kParallelSharedNorm:
      return "parallel, shared norm";
    case ResidualKind::kParallelOwnNorm:
      return "parallel, own norms";
  }
  return "unknown";
}

const char* Name(PositionKind kind) {
  switch (kind) {
    case PositionKind::kNone:
      return "none";
    case PositionKind::kRotary:
      return "rotary";
    case PositionKind::kAlibi:
      return "alibi";
  }
  return "unknown";
}

const char* Name(FeedForwardKind kind) {
  return kind == FeedForwardKind::kGated ? "gated" : "plain";
}

const char* Name(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return "silu";
    case Activation::kGeluTanh:
      return "gelu-tanh";
    case Activation::kGeluErf:
      return "gelu-erf";
    case Activation::kRelu:
      return "relu";
  }
  return "unknown";
}

const char* Name(QueryKeyNorm norm) {
  switch (norm) {
    case QueryKeyNorm::kNone:
      return "none";
    case QueryKeyNorm::kShared:
      return "shared";
    case QueryKeyNorm::kPerHead:
      return "per head";
  }
  return "unknown";
}

const char* Name(TensorRole role) {
  switch (role) {
    case TensorRole::kEmbedding:
      return "embedding";
    case TensorRole::kHead:
      return "head";
    case TensorRole::kLinear:
      return "linear";
    case TensorRole::kBias:
      return "bias";
    case TensorRole::kNorm:
      return "norm";
  }
  return "unknown";
}

const char* Name(TokenizerKind kind) {
  switch (kind) {
    case TokenizerKind::kCodepointBpe:
      return "BPE of characters";
    case TokenizerKind::kByteLevelBpe:
      return "byte-level BPE";
    case TokenizerKind::kUnigram:
      return "unigram";
  }
  return "unknown";
}

const char* Name(SystemPlacement placement) {
  switch (placement) {
    case SystemPlacement::kNone:
      return "none";
    case SystemPlacement::kOwnTurn:
      return "own turn";
    case SystemPlacement::kInFirstUserTurn:
      return "in the first user turn";
    case SystemPlacement::kInLastUserTurn:
      return "in the last user turn";
  }
  return "unknown";
}

const char* Name(ToolCallSyntax syntax) {
  switch (syntax) {
    case ToolCallSyntax::kNone:
      return "none";
    case ToolCallSyntax::kJson:
      return "JSON";
    case ToolCallSyntax::kEscapedFields:
      return "fields with quoted texts";
  }
  return "unknown";
}

const char* Name(ThoughtCut cut) {
  switch (cut) {
    case ThoughtCut::kNone:
      return "nothing";
    case ThoughtCut::kThroughLastEnd:
      return "through the last end mark";
    case ThoughtCut::kThroughFirstEnd:
      return "through the first end mark";
    case ThoughtCut::kBetweenEnds:
      return "all but what the first two end marks enclose";
    case ThoughtCut::kOuterBlock:
      return "from the first begin mark through the last end mark";
    case ThoughtCut::kEveryBlock:
      return "every block";
  }
  return "unknown";
}

// The shortest decimal that reads back as `value`: 1e-05, not 9.999999747378752e-06.
double Decimal(float value) {
  char text[32];
  for (int digits = 6; digits <= 9; ++digits) {
    std::snprintf(text, sizeof(text), "%.*g", digits, static_cast<double>(value));
    if (std::strtof(text, nullptr) == value) break;
  }
  return std::strtod(text, nullptr);
}

std::vector<double> Decimals(const std::vector<float>& values) {
  std::vector<double> decimals;
  decimals.reserve(values.size());
  for (const float value : values) decimals.push_back(Decimal(value));
  return decimals;
}

ordered_json DescribeRopeTable(const RopeTableConfig& table) {
  ordered_json json = {{"frequencies", Decimals(table.frequencies)},
                       {"attention_factor", Decimal(table.attention_factor)}};
  if (!table.long_frequencies.empty()) {
    json["long_from"] = table.long_from;
    json["long_frequencies"] = Decimals(table.long_frequencies);
    json["long_attention_factor"] = Decimal(table.long_attention_factor);
  }
  return json;
}

ordered_json DescribeConfig(const ModelConfig& config) {
  ordered_json tables = ordered_json::array();
  for (const RopeTableConfig& table : config.rope_tables)
    tables.push_back(DescribeRopeTable(table));
  ordered_json layers = ordered_json::array();
  for (const LayerConfig& layer : config.layers) {
    layers.push_back({{"window", layer.window}, {"rope_table", layer.rope_table}});
  }
  return {{"vocab_size", config.vocab_size},
          {"hidden_dim", config.hidden_dim},
          {"num_layers", config.num_layers},
          {"context_length", config.context_length},
          {"num_heads", config.num_heads},
          {"num_kv_heads", config.num_kv_heads},
          {"head_dim", config.head_dim},
          {"feed_forward_dim", config.feed_forward_dim},
          {"norm", Name(config.norm)},
          {"norm_has_bias", config.norm_has_bias},
          {"norm_epsilon", Decimal(config.norm_epsilon)},
          {"post_norms", config.post_norms},
          {"query_key_norm", Name(config.query_key_norm)},
          {"query_key_norm_kind", Name(config.query_key_norm_kind)},
          {"residual", Name(config.residual)},
          {"position", Name(config.position)},
          {"rotary_dim", config.rotary_dim},
          {"rope_tables", tables},
          {"alibi_slopes", Decimals(config.alibi_slopes)},
          {"attention_scale", Decimal(config.attention_scale)},
          {"attention_soft_cap", Decimal(config.attention_soft_cap)},
          {"query_key_value_bias", config.query_key_value_bias},
          {"attention_output_bias", config.attention_output_bias},
          {"feed_forward", Name(config.feed_forward)},
          {"activation", Name(config.activation)},
          {"feed_forward_bias", config.feed_forward_bias},
          {"embedding_scale", Decimal(config.embedding_scale)},
          {"tied_head", config.tied_head},
          {"head_bias", config.head_bias},
          {"logit_soft_cap", Decimal(config.logit_soft_cap)},
          {"layers", layers}};
}

ordered_json DescribeTokenizer(const TokenizerData& tokenizer) {
  return {{"kind", Name(tokenizer.kind)},
          {"num_pieces", tokenizer.piece_types.size()},
          {"num_merges", tokenizer.merges.size()},
          {"num_added_tokens", tokenizer.added_tokens.size()},
          {"byte_fallback", tokenizer.byte_fallback},
          {"bos_id", tokenizer.bos_id},
          {"eos_id", tokenizer.eos_id},
          {"unk_id", tokenizer.unk_id},
          {"pad_id", tokenizer.pad_id},
          {"stop_ids", tokenizer.stop_ids},
          {"add_bos", tokenizer.add_bos},
          {"add_eos", tokenizer.add_eos}};
}

ordered_json DescribeRole(const RoleText& role) {
  return {{"prefix", role.prefix}, {"suffix", role.suffix}};
}

ordered_json DescribeTemplate(const PromptTemplateData& prompt_template) {
  return {{"name", prompt_template.name},
          {"note", prompt_template.note},
          {"session_prefix", prompt_template.session_prefix},
          {"system", DescribeRole(prompt_template.system)},
          {"user", DescribeRole(prompt_template.user)},
          {"model", DescribeRole(prompt_template.model)},
          {"system_placement", Name(prompt_template.system_placement)},
          {"default_system", prompt_template.default_system},
          {"generation_prompt", prompt_template.generation_prompt},
          {"stop_strings", prompt_template.stop_strings},
          {"stop_ids", prompt_template.stop_ids},
          {"earlier_answers",
           {{"dropped", Name(prompt_template.past_answers.cut)},
            {"begin", prompt_template.past_answers.begin},
            {"end", prompt_template.past_answers.end},
            {"rewritten", prompt_template.rewrites_answers}}},
          {"tool_calls",
           {{"form", Name(prompt_template.tools.call.syntax)},
            {"begin", prompt_template.tools.call.begin},
            {"prefix", prompt_template.tools.call.prefix},
            {"suffix", prompt_template.tools.call.suffix},
            {"end", prompt_template.tools.call.end}}}};
}

}  // namespace

ordered_json DescribeModel(const ModelReader& reader) {
  ordered_json tensors = ordered_json::array();
  int64_t num_weights = 0;
  int64_t tensor_bytes = 0;
  for (const TensorView& view : reader.tensors()) {
    const TensorInfo& info = view.info;
    const std::vector<int64_t> shape = info.is_vector
                                           ? std::vector<int64_t>{info.columns}
                                           : std::vector<int64_t>{info.rows, info.columns};
    const int64_t bytes = view.value_bytes + view.scale_bytes;
    tensors.push_back({{"name", info.name},
                       {"role", Name(info.role)},
                       {"type", std::string(TensorTypeName(view.type))},
                       {"shape", shape},
                       {"bytes", bytes}});
    num_weights += info.rows * info.columns;
    tensor_bytes += bytes;
  }
  const ModelMetadata& metadata = reader.metadata();
  const double bits = num_weights > 0 ? 8.0 * static_cast<double>(tensor_bytes) / num_weights : 0.0;
  return {{"model_id", metadata.model_id},
          {"file_bytes", reader.file_bytes()},
          {"num_weights", num_weights},
          {"bits_per_weight", bits},
          {"provenance",
           {{"source", metadata.provenance.source},
            {"generator", metadata.provenance.generator},
            {"recipe", metadata.provenance.recipe}}},
          {"config", DescribeConfig(metadata.config)},
          {"tokenizer", DescribeTokenizer(metadata.tokenizer)},
          {"prompt_template", DescribeTemplate(metadata.prompt_template)},
          {"tensors", tensors}};
}

}  // namespace inkling
