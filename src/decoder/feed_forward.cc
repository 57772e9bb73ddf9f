// Gate, up and activation of a slice of columns are one piece of work: its rows are activated while
// they are warm, their range is taken on the way, and nothing waits between the three. An observer
// sees (and may change) whole matmuls, so for it the slices are collected and activated afterwards.

#include "src/decoder/feed_forward.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "kernels/activation.h"
#include "src/compute/matmul_batch.h"
#include "src/compute/matrix_slices.h"
#include "src/decoder/forward_pass.h"
#include "src/decoder/layer_weights.h"
#include "src/format/model_config.h"

namespace inkling {
namespace {

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

// Writes activation(gate) * up, or activation(up), to the columns of slice `index` of `inner`, the
// inner rows. `up` and `gate` (or null) are [num_rows, ...], rows `stride` apart.
void ActivateSlice(const FeedForwardWeights& weights, size_t index, const float* up,
                   const float* gate, size_t stride, float* inner, ForwardPass& pass) {
  const MatrixSlice slice = weights.up.slice(index);
  kernels::Activate({.activation = KernelActivation(pass.config.activation),
                     .input = gate == nullptr ? up : gate,
                     .input_stride = stride,
                     .multiplier = gate == nullptr ? nullptr : up,
                     .multiplier_stride = stride,
                     .output = inner + slice.first,
                     .output_stride = static_cast<size_t>(pass.config.feed_forward_dim),
                     .num_rows = pass.num_rows,
                     .dim = static_cast<size_t>(slice.size),
                     .ranges = pass.scratch.inner.ranges(index)});
}

// Writes rows [num_rows, slice.size] to their columns of `whole`, whose rows are `dim` apart.
void CopySlice(const float* rows, MatrixSlice slice, size_t num_rows, size_t dim, float* whole) {
  for (size_t r = 0; r < num_rows; ++r) {
    std::copy_n(rows + r * static_cast<size_t>(slice.size), slice.size,
                whole + r * dim + slice.first);
  }
}

// Computes gate and up slice by slice and calls done(index, up, gate) for each, on any thread; rows
// of both are contiguous, `gate` is null where there is none.
absl::Status ForEachInnerSlice(FeedForwardWeights& weights, int32_t layer_index, ForwardPass& pass,
                               absl::FunctionRef<void(size_t, const float*, const float*)> done) {
  Scratch& s = pass.scratch;
  const int64_t rows = static_cast<int64_t>(pass.num_rows);
  const size_t num_matmuls = weights.gate.has_value() ? 2 : 1;
  const int64_t num_weights =
      weights.up.num_inputs() * weights.up.num_outputs() * static_cast<int64_t>(num_matmuls);
  const MatmulCall matmuls[] = {{&weights.up, nullptr},
                                {num_matmuls == 2 ? &*weights.gate : nullptr, nullptr}};
  ABSL_RETURN_IF_ERROR(PrepareInput({matmuls, num_matmuls}, s.normed, rows, pass.pool));
  EndStep(pass.timer, DecoderStep::kQuantize);
  std::optional<LowRankUpdate> update;
  if (!pass.adapters.empty()) {
    update.emplace(
        AdapterUpdate(pass, layer_index, {AdapterTarget::kGate, AdapterTarget::kUp}, s.normed));
  }
  const auto run = [&](size_t index, size_t worker) -> absl::Status {
    float* up = s.slices + worker * 2 * s.slice_floats;
    float* gate = nullptr;
    ABSL_RETURN_IF_ERROR(weights.up.RunSlice(index, s.normed, rows, up, worker));
    if (weights.gate.has_value()) {
      gate = up + s.slice_floats;
      // The same shape, so the same slices.
      ABSL_RETURN_IF_ERROR(weights.gate->RunSlice(index, s.normed, rows, gate, worker));
    }
    if (update.has_value()) {
      const MatrixSlice slice = weights.up.slice(index);
      const auto first = static_cast<size_t>(slice.first);
      const auto size = static_cast<size_t>(slice.size);
      update->Add(AdapterTarget::kUp, first, size, up, size);
      if (gate != nullptr) update->Add(AdapterTarget::kGate, first, size, gate, size);
    }
    done(index, up, gate);
    return absl::OkStatus();
  };
  return ForEachSlice(weights.up.num_slices(), rows * num_weights, pass.pool, pass.stop, run);
}

// Writes the inner rows.
absl::Status RunInner(FeedForwardWeights& weights, int32_t layer_index, ForwardPass& pass) {
  const bool gated = weights.gate.has_value();
  const size_t dim = static_cast<size_t>(pass.config.feed_forward_dim);
  float* const inner = pass.scratch.inner.BeginRows(weights.up.num_slices());
  // What the observer sees, [num_rows, dim]; empty without one.
  std::vector<float> up(pass.observer == nullptr ? 0 : pass.num_rows * dim);
  std::vector<float> gate(gated ? up.size() : 0);
  ABSL_RETURN_IF_ERROR(ForEachInnerSlice(
      weights, layer_index, pass,
      [&](size_t index, const float* up_slice, const float* gate_slice) {
        const MatrixSlice slice = weights.up.slice(index);
        const size_t stride = static_cast<size_t>(slice.size);
        if (up.empty())
          return ActivateSlice(weights, index, up_slice, gate_slice, stride, inner, pass);
        CopySlice(up_slice, slice, pass.num_rows, dim, up.data());
        if (gated) CopySlice(gate_slice, slice, pass.num_rows, dim, gate.data());
      }));
  if (up.empty()) return absl::OkStatus();

  const int64_t rows = static_cast<int64_t>(pass.num_rows);
  if (gated) ObserveMatmul(*weights.gate, pass.scratch.normed, rows, gate.data(), *pass.observer);
  ObserveMatmul(weights.up, pass.scratch.normed, rows, up.data(), *pass.observer);
  for (size_t i = 0; i < weights.up.num_slices(); ++i) {
    const int64_t first = weights.up.slice(i).first;
    ActivateSlice(weights, i, up.data() + first, gated ? gate.data() + first : nullptr, dim, inner,
                  pass);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunFeedForward(FeedForwardWeights& weights, int32_t layer_index, ForwardPass& pass) {
  Scratch& s = pass.scratch;
  ABSL_RETURN_IF_ERROR(RunInner(weights, layer_index, pass));
  EndStep(pass.timer, DecoderStep::kGateUp);
  if (pass.num_rows > 1) {
    ABSL_RETURN_IF_ERROR(CheckStop(pass));
  }
  ABSL_RETURN_IF_ERROR(RunMatmuls({{&weights.down, s.block}}, s.inner, pass));
  if (!pass.adapters.empty()) {
    AdapterUpdate(pass, layer_index, {AdapterTarget::kDown}, s.inner)
        .AddAll(AdapterTarget::kDown, s.block, static_cast<size_t>(pass.config.hidden_dim));
  }
  EndStep(pass.timer, DecoderStep::kDown);
  return absl::OkStatus();
}

}  // namespace inkling
