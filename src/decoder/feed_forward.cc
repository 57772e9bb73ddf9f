// The three products of a feed-forward are most of a layer's arithmetic, so a pass of many rows
// asks between them whether it should stop.

#include "src/decoder/feed_forward.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "kernels/activation.h"
#include "src/compute/linear.h"
#include "src/decoder/forward_pass.h"
#include "src/decoder/layer_weights.h"
#include "src/format/model_config.h"

namespace inkling {
namespace {

// Values per piece of activation work: about 5 us, well above the cost of handing it to a thread.
constexpr size_t kActivationColumns = 4096;

kernels::Activation KernelActivation(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return kernels::Activation::kSilu;
    case Activation::kGeluTanh:
      return kernels::Activation::kGeluTanh;
    case Activation::kGeluErf:
      return kernels::Activation::kGeluErf;
    case Activation::kRelu:
      break;
  }
  return kernels::Activation::kRelu;
}

// inner = activation(inner), times `multiplier` unless that is null; both [num_rows,
// feed_forward_dim].
void ActivateRows(const float* multiplier, ForwardPass& pass) {
  const size_t dim = static_cast<size_t>(pass.config.feed_forward_dim);
  const size_t pieces = (dim + kActivationColumns - 1) / kActivationColumns;
  float* inner = pass.scratch.inner.rows();
  const kernels::Activation activation = KernelActivation(pass.config.activation);
  pass.pool.ParallelFor(pass.num_rows * pieces, [&](size_t index) {
    const size_t column = index % pieces * kActivationColumns;
    const size_t offset = index / pieces * dim + column;
    kernels::Activate({.activation = activation,
                       .input = inner + offset,
                       .input_stride = dim,
                       .multiplier = multiplier == nullptr ? nullptr : multiplier + offset,
                       .multiplier_stride = dim,
                       .output = inner + offset,
                       .output_stride = dim,
                       .num_rows = 1,
                       .dim = std::min(kActivationColumns, dim - column)});
  });
}

}  // namespace

absl::Status RunFeedForward(FeedForwardWeights& weights, ForwardPass& pass) {
  Scratch& s = pass.scratch;
  const int64_t rows = static_cast<int64_t>(pass.num_rows);
  const bool quantized = weights.up.needs_quantized_input() ||
                         (weights.gate.has_value() && weights.gate->needs_quantized_input());
  if (quantized && !s.normed_is_quantized) {
    s.normed.Quantize(rows, pass.pool);
    EndStep(pass.timer, DecoderStep::kQuantize);
  }

  if (weights.gate.has_value()) {
    ABSL_RETURN_IF_ERROR(
        RunProduct(*weights.gate, s.normed, rows, s.inner.rows(), pass.pool, pass.observer));
    if (pass.num_rows > 1) {
      ABSL_RETURN_IF_ERROR(CheckStop(pass));
    }
    ABSL_RETURN_IF_ERROR(RunProduct(weights.up, s.normed, rows, s.up, pass.pool, pass.observer));
    EndStep(pass.timer, DecoderStep::kGateUp);
    ActivateRows(s.up, pass);
  } else {
    ABSL_RETURN_IF_ERROR(
        RunProduct(weights.up, s.normed, rows, s.inner.rows(), pass.pool, pass.observer));
    EndStep(pass.timer, DecoderStep::kGateUp);
    ActivateRows(nullptr, pass);
  }
  EndStep(pass.timer, DecoderStep::kActivation);
  if (pass.num_rows > 1) {
    ABSL_RETURN_IF_ERROR(CheckStop(pass));
  }

  if (weights.down.needs_quantized_input()) {
    s.inner.Quantize(rows, pass.pool);
    EndStep(pass.timer, DecoderStep::kQuantize);
  }
  ABSL_RETURN_IF_ERROR(RunProduct(weights.down, s.inner, rows, s.block, pass.pool, pass.observer));
  EndStep(pass.timer, DecoderStep::kDown);
  return absl::OkStatus();
}

}  // namespace inkling
