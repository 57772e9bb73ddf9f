// The naive decoder. Rows are vectors of double; a matrix W is [out, in], so y = W x.

#include "tests/testing/reference_decoder.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"
#include "src/format/quantization.h"

namespace inkling {
namespace {

std::string LayerName(int32_t layer, const char* rest) {
  return "layers." + std::to_string(layer) + "." + rest;
}

double Activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1.0 + std::exp(-x));
    case Activation::kGeluTanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kGeluErf:
      return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case Activation::kRelu:
      return std::max(x, 0.0);
  }
  ADD_FAILURE() << "unknown activation";
  return 0.0;
}

double RoundToBfloat16(double x) { return Bfloat16ToFloat(FloatToBfloat16(static_cast<float>(x))); }

// x -> (x - mean) / sqrt(var + eps) or x / sqrt(mean(x^2) + eps), in place over `dim` values.
void NormalizeValues(NormKind kind, double epsilon, double* x, size_t dim) {
  double mean = 0.0;
  if (kind == NormKind::kLayer) {
    for (size_t i = 0; i < dim; ++i) mean += x[i] / static_cast<double>(dim);
  }
  double variance = 0.0;
  for (size_t i = 0; i < dim; ++i)
    variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(dim);
  for (size_t i = 0; i < dim; ++i) x[i] = (x[i] - mean) / std::sqrt(variance + epsilon);
}

}  // namespace

ReferenceDecoder::ReferenceDecoder(const ModelReader& reader, int32_t capacity)
    : config_(reader.config()), capacity_(capacity) {
  for (const TensorView& view : reader.tensors()) {
    absl::StatusOr<std::vector<float>> values =
        DequantizeRows({view.values, static_cast<size_t>(view.value_bytes)},
                       {view.scales, static_cast<size_t>(view.scale_bytes)}, view.info.rows,
                       view.info.columns, view.type);
    EXPECT_TRUE(values.ok()) << view.info.name << ": " << values.status();
    if (values.ok()) tensors_[view.info.name] = *std::move(values);
  }
}

const std::vector<float>* ReferenceDecoder::Find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

ReferenceDecoder::Row ReferenceDecoder::Norm(const std::string& name, const Row& x) const {
  Row y = x;
  NormalizeValues(config_.norm, config_.norm_epsilon, y.data(), y.size());
  const std::vector<float>* weight = Find(name + ".weight");
  const std::vector<float>* bias = Find(name + ".bias");
  for (size_t i = 0; i < y.size(); ++i)
    y[i] = y[i] * (*weight)[i] + (bias != nullptr ? (*bias)[i] : 0.0f);
  return y;
}

ReferenceDecoder::Row ReferenceDecoder::Linear(const std::string& name, const Row& x) const {
  const bool tied = name == "head" && config_.tied_head;
  const std::vector<float>& weight = *Find(tied ? "embedding.weight" : name + ".weight");
  const std::vector<float>* bias = Find(name + ".bias");
  Row y(weight.size() / x.size());
  for (size_t o = 0; o < y.size(); ++o) {
    double sum = bias != nullptr ? (*bias)[o] : 0.0f;
    for (size_t i = 0; i < x.size(); ++i)
      sum += static_cast<double>(weight[o * x.size() + i]) * x[i];
    y[o] = sum;
  }
  return y;
}

void ReferenceDecoder::NormHeads(const std::string& name, Row& heads) const {
  if (config_.query_key_norm == QueryKeyNorm::kNone) return;
  const std::vector<float>& weight = *Find(name + ".weight");
  const size_t dim = static_cast<size_t>(config_.head_dim);
  for (size_t first = 0; first < heads.size(); first += dim) {
    NormalizeValues(config_.query_key_norm_kind, config_.norm_epsilon, &heads[first], dim);
    const size_t offset = config_.query_key_norm == QueryKeyNorm::kPerHead ? first : 0;
    for (size_t i = 0; i < dim; ++i) heads[first + i] *= weight[offset + i];
  }
}

void ReferenceDecoder::Rotate(int32_t table, size_t position, Row& heads) const {
  if (config_.position != PositionKind::kRotary || table < 0) return;
  const RopeTableConfig& rope = config_.rope_tables[static_cast<size_t>(table)];
  const bool use_long = !rope.long_frequencies.empty() && capacity_ > rope.long_from;
  const std::vector<float>& frequencies = use_long ? rope.long_frequencies : rope.frequencies;
  const double factor = use_long ? rope.long_attention_factor : rope.attention_factor;
  const size_t dim = static_cast<size_t>(config_.head_dim);
  const size_t half = static_cast<size_t>(config_.rotary_dim / 2);
  for (size_t first = 0; first < heads.size(); first += dim) {
    for (size_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<float>(position) * frequencies[i];  // a float multiplication, as trained
      double& a = heads[first + i];
      double& b = heads[first + half + i];
      const double rotated = a * std::cos(angle) - b * std::sin(angle);
      b = factor * (b * std::cos(angle) + a * std::sin(angle));
      a = factor * rotated;
    }
  }
}

double ReferenceDecoder::Score(size_t head, const double* query, const double* key,
                               size_t key_position) const {
  double score = 0.0;
  for (int32_t i = 0; i < config_.head_dim; ++i) score += query[i] * key[i];
  if (config_.position == PositionKind::kAlibi) {
    score += RoundToBfloat16(RoundToBfloat16(config_.alibi_slopes[head]) *
                             RoundToBfloat16(static_cast<double>(key_position)));
  }
  score *= config_.attention_scale;
  const double cap = config_.attention_soft_cap;
  return cap > 0.0 ? cap * std::tanh(score / cap) : score;
}

ReferenceDecoder::Rows ReferenceDecoder::Attention(int32_t layer, const Rows& x, Past& past) const {
  const LayerConfig& layer_config = config_.layers[static_cast<size_t>(layer)];
  Rows& keys = past.keys[static_cast<size_t>(layer)];
  Rows& values = past.values[static_cast<size_t>(layer)];
  Rows queries, output;
  const size_t first = keys.size();
  for (const Row& row : x) {
    queries.push_back(Linear(LayerName(layer, "attention.q"), row));
    keys.push_back(Linear(LayerName(layer, "attention.k"), row));
    values.push_back(Linear(LayerName(layer, "attention.v"), row));
    NormHeads(LayerName(layer, "attention.q_norm"), queries.back());
    NormHeads(LayerName(layer, "attention.k_norm"), keys.back());
    Rotate(layer_config.rope_table, keys.size() - 1, queries.back());
    Rotate(layer_config.rope_table, keys.size() - 1, keys.back());
  }
  const size_t num_heads = static_cast<size_t>(config_.num_heads);
  const size_t dim = static_cast<size_t>(config_.head_dim);
  const size_t group = num_heads / static_cast<size_t>(config_.num_kv_heads);
  const size_t window = static_cast<size_t>(layer_config.window);
  for (size_t t = first; t < keys.size(); ++t) {
    Row attended(num_heads * dim, 0.0);
    const size_t begin = window > 0 && t + 1 > window ? t + 1 - window : 0;
    for (size_t head = 0; head < num_heads; ++head) {
      const size_t kv = head / group * dim;
      Row weights;
      for (size_t j = begin; j <= t; ++j)
        weights.push_back(Score(head, &queries[t - first][head * dim], &keys[j][kv], j));
      const double highest = *std::max_element(weights.begin(), weights.end());
      double total = 0.0;
      for (double& w : weights) total += w = std::exp(w - highest);
      for (size_t j = begin; j <= t; ++j) {
        for (size_t i = 0; i < dim; ++i)
          attended[head * dim + i] += weights[j - begin] / total * values[j][kv + i];
      }
    }
    output.push_back(Linear(LayerName(layer, "attention.output"), attended));
  }
  return output;
}

ReferenceDecoder::Row ReferenceDecoder::FeedForward(int32_t layer, const Row& x) const {
  Row inner = Linear(LayerName(layer, "feed_forward.up"), x);
  if (config_.feed_forward == FeedForwardKind::kGated) {
    const Row gate = Linear(LayerName(layer, "feed_forward.gate"), x);
    for (size_t i = 0; i < inner.size(); ++i) inner[i] *= Activate(config_.activation, gate[i]);
  } else {
    for (double& value : inner) value = Activate(config_.activation, value);
  }
  return Linear(LayerName(layer, "feed_forward.down"), inner);
}

void ReferenceDecoder::Layer(int32_t layer, Rows& x, Past& past) const {
  Rows input;
  for (const Row& row : x) input.push_back(Norm(LayerName(layer, "attention_norm"), row));
  Rows attended = Attention(layer, input, past);
  for (size_t t = 0; t < x.size(); ++t) {
    if (config_.post_norms)
      attended[t] = Norm(LayerName(layer, "attention_post_norm"), attended[t]);
    Row after = x[t];
    for (size_t i = 0; i < after.size(); ++i) after[i] += attended[t][i];

    Row normed;
    switch (config_.residual) {
      case ResidualKind::kSequential:
        normed = Norm(LayerName(layer, "feed_forward_norm"), after);
        break;
      case ResidualKind::kParallelSharedNorm:
        normed = input[t];
        break;
      case ResidualKind::kParallelOwnNorm:
        normed = Norm(LayerName(layer, "feed_forward_norm"), x[t]);
        break;
    }
    Row fed = FeedForward(layer, normed);
    if (config_.post_norms) fed = Norm(LayerName(layer, "feed_forward_post_norm"), fed);
    for (size_t i = 0; i < after.size(); ++i) after[i] += fed[i];
    x[t] = after;
  }
}

ReferenceDecoder::Result ReferenceDecoder::Run(absl::Span<const int32_t> tokens) const {
  Past past;
  return Continue(tokens, past);
}

ReferenceDecoder::Result ReferenceDecoder::Continue(absl::Span<const int32_t> tokens,
                                                    Past& past) const {
  past.keys.resize(static_cast<size_t>(config_.num_layers));
  past.values.resize(static_cast<size_t>(config_.num_layers));
  const size_t hidden_dim = static_cast<size_t>(config_.hidden_dim);
  const std::vector<float>& embedding = *Find("embedding.weight");
  Rows x;
  for (const int32_t token : tokens) {
    Row row;
    for (size_t i = 0; i < hidden_dim; ++i) {
      row.push_back(static_cast<double>(embedding[static_cast<size_t>(token) * hidden_dim + i]) *
                    config_.embedding_scale);
    }
    x.push_back(row);
  }
  for (int32_t layer = 0; layer < config_.num_layers; ++layer) Layer(layer, x, past);

  Result result;
  for (const Row& row : x) {
    const Row normed = Norm("final_norm", row);
    for (const double value : normed) result.hidden.push_back(static_cast<float>(value));
    for (double logit : Linear("head", normed)) {
      const double cap = config_.logit_soft_cap;
      if (cap > 0.0) logit = cap * std::tanh(logit / cap);
      result.logits.push_back(static_cast<float>(logit));
    }
  }
  return result;
}

}  // namespace inkling
