// ValidateModelConfig: the bounds and relations that every other room takes for granted.
//
// The writer calls it before a file is made, the reader after a file's config is decoded.

#include "src/format/model_config.h"

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace inkling {
namespace {

// Far above every model known, and small enough that rows x columns x 4 bytes stays below 2^48.
constexpr int32_t kMaxVocabSize = 1 << 24;
constexpr int32_t kMaxWidth = 1 << 20;
constexpr int32_t kMaxFeedForwardDim = 1 << 22;
constexpr int32_t kMaxLayers = 1024;
constexpr int32_t kMaxContextLength = 1 << 24;
constexpr int32_t kMaxHeads = 1 << 12;
constexpr int32_t kMaxHeadDim = 1 << 12;
constexpr size_t kMaxRopeTables = 64;

absl::Status CheckRange(absl::string_view name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("config: ", name, ": expected ", low, " to ", high, ", found ", value));
}

template <typename Enum>
absl::Status CheckKnown(absl::string_view name, Enum value, Enum last) {
  if (value <= last) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("config: ", name, " ", static_cast<int>(value),
                                               " is not supported by this version"));
}

absl::Status CheckPositive(absl::string_view name, float value) {
  if (std::isfinite(value) && value > 0.0f) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("config: ", name, ": expected a finite number above 0, found ", value));
}

absl::Status CheckNotNegative(absl::string_view name, float value) {
  if (std::isfinite(value) && value >= 0.0f) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("config: ", name, ": expected a finite number, 0 or more, found ", value));
}

absl::Status CheckLength(absl::string_view name, size_t length, int64_t expected) {
  if (static_cast<int64_t>(length) == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("config: ", name, ": expected ", expected, " entries, found ", length));
}

absl::Status CheckAllFinite(absl::string_view name, const std::vector<float>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return absl::InvalidArgumentError(
          absl::StrCat("config: ", name, "[", i, "]: expected a finite number, found ", values[i]));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const ModelConfig& c) {
  ABSL_RETURN_IF_ERROR(CheckRange("vocab_size", c.vocab_size, 1, kMaxVocabSize));
  ABSL_RETURN_IF_ERROR(CheckRange("hidden_dim", c.hidden_dim, 1, kMaxWidth));
  ABSL_RETURN_IF_ERROR(CheckRange("num_layers", c.num_layers, 1, kMaxLayers));
  ABSL_RETURN_IF_ERROR(CheckRange("context_length", c.context_length, 1, kMaxContextLength));
  ABSL_RETURN_IF_ERROR(CheckRange("num_heads", c.num_heads, 1, kMaxHeads));
  ABSL_RETURN_IF_ERROR(CheckRange("num_kv_heads", c.num_kv_heads, 1, c.num_heads));
  ABSL_RETURN_IF_ERROR(CheckRange("head_dim", c.head_dim, 1, kMaxHeadDim));
  ABSL_RETURN_IF_ERROR(CheckRange("feed_forward_dim", c.feed_forward_dim, 1, kMaxFeedForwardDim));
  ABSL_RETURN_IF_ERROR(
      CheckRange("num_heads x head_dim", int64_t{c.num_heads} * c.head_dim, 1, kMaxWidth));
  if (c.num_heads % c.num_kv_heads != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("config: num_kv_heads: expected a divisor of num_heads (", c.num_heads,
                     "), found ", c.num_kv_heads));
  }
  return absl::OkStatus();
}

absl::Status CheckNorms(const ModelConfig& c) {
  ABSL_RETURN_IF_ERROR(CheckKnown("norm", c.norm, NormKind::kLayer));
  ABSL_RETURN_IF_ERROR(CheckPositive("norm_epsilon", c.norm_epsilon));
  ABSL_RETURN_IF_ERROR(CheckKnown("query_key_norm", c.query_key_norm, QueryKeyNorm::kPerHead));
  ABSL_RETURN_IF_ERROR(CheckKnown("query_key_norm_kind", c.query_key_norm_kind, NormKind::kLayer));
  if (c.norm_has_bias && c.norm != NormKind::kLayer) {
    return absl::InvalidArgumentError(
        "config: norm_has_bias: expected false unless norm is kLayer, found true");
  }
  return absl::OkStatus();
}

absl::Status CheckRopeTable(const RopeTableConfig& table, size_t index, int32_t rotary_dim) {
  const std::string where = absl::StrCat("rope_tables[", index, "].");
  const int32_t pairs = rotary_dim / 2;
  ABSL_RETURN_IF_ERROR(CheckLength(where + "frequencies", table.frequencies.size(), pairs));
  ABSL_RETURN_IF_ERROR(CheckAllFinite(where + "frequencies", table.frequencies));
  ABSL_RETURN_IF_ERROR(CheckPositive(where + "attention_factor", table.attention_factor));
  if (table.long_frequencies.empty()) return CheckRange(where + "long_from", table.long_from, 0, 0);
  ABSL_RETURN_IF_ERROR(
      CheckLength(where + "long_frequencies", table.long_frequencies.size(), pairs));
  ABSL_RETURN_IF_ERROR(CheckAllFinite(where + "long_frequencies", table.long_frequencies));
  ABSL_RETURN_IF_ERROR(CheckPositive(where + "long_attention_factor", table.long_attention_factor));
  return CheckRange(where + "long_from", table.long_from, 1, kMaxContextLength);
}

absl::Status CheckRotary(const ModelConfig& c) {
  if (c.position != PositionKind::kRotary) {
    ABSL_RETURN_IF_ERROR(CheckRange("rotary_dim (position is not kRotary)", c.rotary_dim, 0, 0));
    return CheckLength("rope_tables (position is not kRotary)", c.rope_tables.size(), 0);
  }
  ABSL_RETURN_IF_ERROR(CheckRange("rotary_dim", c.rotary_dim, 2, c.head_dim));
  if (c.rotary_dim % 2 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("config: rotary_dim: expected an even number, found ", c.rotary_dim));
  }
  ABSL_RETURN_IF_ERROR(CheckRange("number of rope_tables",
                                  static_cast<int64_t>(c.rope_tables.size()), 1,
                                  static_cast<int64_t>(kMaxRopeTables)));
  for (size_t i = 0; i < c.rope_tables.size(); ++i) {
    ABSL_RETURN_IF_ERROR(CheckRopeTable(c.rope_tables[i], i, c.rotary_dim));
  }
  return absl::OkStatus();
}

absl::Status CheckAttention(const ModelConfig& c) {
  ABSL_RETURN_IF_ERROR(CheckKnown("residual", c.residual, ResidualKind::kParallelOwnNorm));
  ABSL_RETURN_IF_ERROR(CheckKnown("position", c.position, PositionKind::kAlibi));
  ABSL_RETURN_IF_ERROR(CheckRotary(c));
  const bool alibi = c.position == PositionKind::kAlibi;
  ABSL_RETURN_IF_ERROR(CheckLength("alibi_slopes", c.alibi_slopes.size(), alibi ? c.num_heads : 0));
  ABSL_RETURN_IF_ERROR(CheckAllFinite("alibi_slopes", c.alibi_slopes));
  ABSL_RETURN_IF_ERROR(CheckPositive("attention_scale", c.attention_scale));
  return CheckNotNegative("attention_soft_cap", c.attention_soft_cap);
}

absl::Status CheckLayers(const ModelConfig& c) {
  ABSL_RETURN_IF_ERROR(CheckLength("layers", c.layers.size(), c.num_layers));
  // A layer's rope_table is left at its default where nothing rotates.
  const int64_t last_table =
      c.rope_tables.empty() ? 0 : static_cast<int64_t>(c.rope_tables.size()) - 1;
  for (size_t i = 0; i < c.layers.size(); ++i) {
    const std::string where = absl::StrCat("layers[", i, "].");
    ABSL_RETURN_IF_ERROR(CheckRange(where + "window", c.layers[i].window, 0, kMaxContextLength));
    ABSL_RETURN_IF_ERROR(CheckRange(where + "rope_table", c.layers[i].rope_table, -1, last_table));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateModelConfig(const ModelConfig& config) {
  ABSL_RETURN_IF_ERROR(CheckSizes(config));
  ABSL_RETURN_IF_ERROR(CheckNorms(config));
  ABSL_RETURN_IF_ERROR(CheckAttention(config));
  ABSL_RETURN_IF_ERROR(CheckLayers(config));
  ABSL_RETURN_IF_ERROR(CheckKnown("feed_forward", config.feed_forward, FeedForwardKind::kPlain));
  ABSL_RETURN_IF_ERROR(CheckKnown("feed_forward.activation", config.activation, Activation::kRelu));
  ABSL_RETURN_IF_ERROR(CheckPositive("embedding_scale", config.embedding_scale));
  return CheckNotNegative("logit_soft_cap", config.logit_soft_cap);
}

}  // namespace inkling
