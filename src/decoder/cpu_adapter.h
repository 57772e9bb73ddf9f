// CpuAdapter: the low-rank matrices of an adapter, laid out for kernels/low_rank.h, and how a layer
// adds what they say to its matmuls.
//
// y += weight * B (A x), where x are the float rows that the matmul reads. Matrices are f32 where
// the model's are floats; where those are quantised, f16 with a power of two apart, which is finer
// than any of them and half the bytes.

#ifndef INKLING_SRC_DECODER_CPU_ADAPTER_H_
#define INKLING_SRC_DECODER_CPU_ADAPTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/compute/activations.h"
#include "src/compute/aligned_array.h"
#include "src/compute/thread_pool.h"
#include "src/decoder/adapter.h"
#include "src/format/lora_file.h"
#include "src/format/model_reader.h"

namespace inkling {

// The matrices of a layer that an adapter may change.
enum class AdapterTarget : uint8_t { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };
inline constexpr size_t kNumAdapterTargets = 7;

// One matrix's update.
struct LowRankMatrix {
  int64_t num_inputs = 0;
  int64_t num_outputs = 0;
  size_t rank = 0;
  size_t padded_rank = 0;
  float factor = 1;              // of both matrices together: what was taken out of f16 values
  AlignedArray<float> down_f32;  // [num_inputs][padded_rank]; empty where f16
  AlignedArray<float> up_f32;    // [rank][num_outputs]
  AlignedArray<uint16_t> down_f16;
  AlignedArray<uint16_t> up_f16;
};

class CpuAdapter final : public Adapter {
 public:
  // Errors: InvalidArgument if a matrix of `file` isn't one of `reader`'s model, or has another
  // shape; ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<CpuAdapter>> Create(const LoraFile& file,
                                                            const ModelReader& reader);

  int64_t bytes() const override { return bytes_; }
  const LowRankMatrix* matrix(int32_t layer, AdapterTarget target) const {
    const auto& found = layers_[static_cast<size_t>(layer)][static_cast<size_t>(target)];
    return found.has_value() ? &*found : nullptr;
  }

 private:
  CpuAdapter() = default;

  std::vector<std::array<std::optional<LowRankMatrix>, kNumAdapterTargets>> layers_;
  int64_t bytes_ = 0;
};

// What adapters add to matmuls that read the same rows: made for one layer's group of them.
class LowRankUpdate {
 public:
  // Runs the first halves, over the float rows of `input`. `memory` is grown as needed and is the
  // update's until its end; the lock of `pool` is held. Without an adapter that changes one of
  // `targets`, nothing is done.
  LowRankUpdate(absl::Span<const ActiveAdapter> adapters, int32_t layer,
                absl::Span<const AdapterTarget> targets, const Activations& input, size_t num_rows,
                std::vector<float>& memory, ThreadPool& pool);

  bool is_empty() const { return parts_.empty(); }

  // Adds the outputs [first, first + count) of `target` to rows of `output`, which begins there.
  void Add(AdapterTarget target, size_t first, size_t count, float* output,
           size_t output_stride) const;

  // Adds all outputs of `target` to `output` [num_rows, dim], on the pool's threads.
  void AddAll(AdapterTarget target, float* output, size_t dim) const;

 private:
  struct Part {
    AdapterTarget target;
    const LowRankMatrix* matrix;
    float factor;
    size_t num_pieces;  // of its inputs
    float* sums;        // [num_pieces][num_rows][padded_rank]; the first has all of them afterwards
  };

  void RunDown(const Activations& input);

  size_t num_rows_;
  ThreadPool& pool_;
  absl::InlinedVector<Part, 6> parts_;
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_CPU_ADAPTER_H_
