// A context's way from tokens to logits: embedding, rope tables, layers, final norm, head, soft
// cap.

#include "src/decoder/execution_context.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kernels/activation.h"
#include "kernels/rope.h"
#include "src/compute/linear.h"
#include "src/decoder/layer.h"
#include "src/decoder/layer_weights.h"
#include "src/decoder/row_norm.h"
#include "src/decoder/scratch.h"

namespace inkling {
namespace {

ScratchForms FormsOf(const ModelWeights& weights) {
  ScratchForms forms;
  const auto form_of = [](const Linear& linear) { return linear.input_form().rows; };
  forms.normed.push_back(form_of(weights.head));
  for (const LayerWeights& layer : weights.layers) {
    const AttentionWeights& attention = layer.attention;
    for (const Linear* linear : {&attention.query, &attention.key, &attention.value}) {
      forms.normed.push_back(form_of(*linear));
    }
    forms.attended.push_back(form_of(attention.output));
    const FeedForwardWeights& feed_forward = layer.feed_forward;
    if (feed_forward.gate.has_value()) forms.normed.push_back(form_of(*feed_forward.gate));
    forms.normed.push_back(form_of(feed_forward.up));
    forms.inner.push_back(form_of(feed_forward.down));
  }
  return forms;
}

}  // namespace

ExecutionContext::ExecutionContext(const ModelConfig& config, ModelWeights weights,
                                   int32_t max_rows, ThreadPool& pool, Scratch scratch)
    : config_(config),
      weights_(std::move(weights)),
      max_rows_(max_rows),
      pool_(pool),
      scratch_(std::move(scratch)) {}

absl::StatusOr<std::unique_ptr<ExecutionContext>> ExecutionContext::Create(
    const ModelConfig& config, ModelWeights weights, const ScratchSize& size, ThreadPool& pool) {
  ABSL_ASSIGN_OR_RETURN(Scratch scratch, Scratch::Create(config, size, FormsOf(weights)));
  return absl::WrapUnique(
      new ExecutionContext(config, std::move(weights), size.max_rows, pool, std::move(scratch)));
}

void ExecutionContext::ForgetShapes() {
  weights_.head.ForgetShapes();
  for (LayerWeights& layer : weights_.layers) {
    AttentionWeights& attention = layer.attention;
    FeedForwardWeights& feed_forward = layer.feed_forward;
    for (Linear* linear : {&attention.query, &attention.key, &attention.value, &attention.output,
                           &feed_forward.up, &feed_forward.down}) {
      linear->ForgetShapes();
    }
    if (feed_forward.gate.has_value()) feed_forward.gate->ForgetShapes();
  }
}

void ExecutionContext::FillRopeTables(const ForwardPass& pass) {
  const size_t pairs = static_cast<size_t>(config_.rotary_dim / 2);
  for (size_t i = 0; i < config_.rope_tables.size(); ++i) {
    const RopeTableConfig& table = config_.rope_tables[i];
    const RopeRows& rows = scratch_.rope[i];
    // The choice is the session's, made once by the size of its cache: a table that changed in the
    // middle of a context would contradict the keys that are already stored.
    const bool use_long =
        !table.long_frequencies.empty() && pass.cache.capacity() > table.long_from;
    ForEachRowTile(pool_, pass.num_rows, [&](size_t first, size_t count) {
      kernels::FillRopeTable(
          {.frequencies = use_long ? table.long_frequencies.data() : table.frequencies.data(),
           .num_frequencies = pairs,
           .attention_factor = use_long ? table.long_attention_factor : table.attention_factor,
           .first_position = pass.first_position + static_cast<int64_t>(first),
           .num_rows = count,
           .cosine = rows.cosine + first * pairs,
           .sine = rows.sine + first * pairs});
    });
  }
}

absl::StatusOr<const float*> ExecutionContext::RunLayers(const ForwardRequest& request,
                                                         CpuKvCache& cache, size_t num_outputs,
                                                         const EmbeddingTable& embedding) {
  const absl::Span<const int32_t> tokens = request.tokens;
  ForwardPass pass = {.config = config_,
                      .scratch = scratch_,
                      .cache = cache,
                      .pool = pool_,
                      .stop = request.stop,
                      .observer = request.instruments.observer,
                      .timer = request.instruments.timer,
                      .adapters = request.adapters,
                      .adapter_memory = adapter_memory_,
                      .first_position = cache.length(),
                      .num_rows = tokens.size(),
                      .kept_rows = tokens.size()};
  embedding.Lookup(tokens, scratch_.residual);
  if (pass.observer != nullptr) {
    (*pass.observer)({.weight = kEmbeddingLookup,
                      .input = nullptr,
                      .num_inputs = 0,
                      .output = scratch_.residual,
                      .num_outputs = config_.hidden_dim,
                      .num_rows = static_cast<int64_t>(tokens.size())});
  }
  FillRopeTables(pass);
  EndStep(pass.timer, DecoderStep::kEmbedding);
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    ABSL_RETURN_IF_ERROR(CheckStop(pass));
    const bool is_last = i + 1 == weights_.layers.size();
    if (is_last && pass.observer == nullptr) pass.kept_rows = num_outputs;
    ABSL_RETURN_IF_ERROR(RunLayer(weights_.layers[i], static_cast<int32_t>(i), pass));
  }
  const size_t first_output = pass.num_rows - num_outputs;
  return scratch_.residual + first_output * static_cast<size_t>(config_.hidden_dim);
}

void ExecutionContext::NormalizeFinal(const float* hidden, size_t num_rows, float* output) {
  NormalizeRows(config_, weights_.final_norm, hidden, output, num_rows, pool_);
}

absl::Status ExecutionContext::WriteLogits(const float* hidden, size_t num_rows, float* logits,
                                           const PassInstruments& instruments) {
  const int64_t rows = static_cast<int64_t>(num_rows);
  NormalizeFinal(hidden, num_rows, scratch_.normed.BeginRows());
  EndStep(instruments.timer, DecoderStep::kNorm);
  ABSL_RETURN_IF_ERROR(weights_.head.PrepareInput(scratch_.normed, rows, pool_));
  EndStep(instruments.timer, DecoderStep::kQuantize);
  ABSL_RETURN_IF_ERROR(
      RunMatmul(weights_.head, scratch_.normed, rows, logits, pool_, instruments.observer));
  if (config_.logit_soft_cap > 0.0f) {
    constexpr size_t kPiece = 8192;  // values: a few microseconds of tanh
    const size_t size = num_rows * static_cast<size_t>(config_.vocab_size);
    pool_.ParallelFor((size + kPiece - 1) / kPiece, [&](size_t piece) {
      const size_t first = piece * kPiece;
      kernels::SoftCap(logits + first, std::min(kPiece, size - first), config_.logit_soft_cap);
    });
  }
  EndStep(instruments.timer, DecoderStep::kHead);
  return absl::OkStatus();
}

}  // namespace inkling
