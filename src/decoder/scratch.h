// Scratch: every intermediate row of one execution context, allocated once.
//
// A context makes one for its row count; layers write into it and nothing on the way of a token
// allocates. Buffers whose lives don't overlap share memory: q, k and v are dead when the
// feed-forward writes its slices.

#ifndef INKLING_SRC_DECODER_SCRATCH_H_
#define INKLING_SRC_DECODER_SCRATCH_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "src/compute/activations.h"
#include "src/compute/aligned_array.h"
#include "src/compute/pass_limits.h"
#include "src/format/model_config.h"

namespace inkling {

// Forwards of at most this many rows may split one head's context over several threads
// (flash-decoding).
inline constexpr int32_t kMaxSplitRows = kDecodeRows;

// cosine and sine of one rope table for the rows of a Forward.
struct RopeRows {
  float* cosine;  // [rows, rotary_dim / 2]
  float* sine;    // [rows, rotary_dim / 2]
};

// What there is room for, beside a model of a config.
struct ScratchSize {
  int32_t max_rows;
  int32_t num_threads;            // in attention
  ResidualQuantization residual;  // what matmuls read of the rows that write `block`, at most
};

// What matmuls read of their inputs.
struct ScratchForms {
  std::vector<RowForm> normed;
  std::vector<RowForm> attended;
  std::vector<RowForm> inner;
};

class Scratch {
 public:
  // Errors: ResourceExhausted.
  static absl::StatusOr<Scratch> Create(const ModelConfig& config, const ScratchSize& size,
                                        const ScratchForms& forms);
  // What Create allocates, in bytes, whatever the forms.
  static int64_t Bytes(const ModelConfig& config, const ScratchSize& size);

  // Gives the memory back until the next pass; between passes nothing in it is needed.
  void ReleasePages() {
    floats_.ReleasePages();
    for (Activations* rows : {&normed, &attended, &inner}) rows->ReleasePages();
  }

  float* residual = nullptr;  // [rows, hidden_dim]: x, the stream that layers add to
  float* block = nullptr;     // [rows, hidden_dim]: output of a layer's attention or feed-forward;
                              // twice the rows with residual
  float* query = nullptr;     // [rows, num_heads * head_dim]
  float* key = nullptr;       // [rows, num_kv_heads * head_dim]
  float* value = nullptr;     // [rows, num_kv_heads * head_dim]
  float* slices = nullptr;    // [threads, 2, slice_floats]: gate and up of one slice of columns
  size_t slice_floats = 0;    // rows * columns of the largest slice
  float* attention_scratch = nullptr;  // [threads, attention_scratch_floats]
  size_t attention_scratch_floats = 0;
  float* partials = nullptr;  // [num_kv_heads, MaxContextParts, partial_floats]
  size_t partial_floats = 0;
  std::vector<RopeRows> rope;  // [rope tables]

  // Inputs of matmuls.
  Activations normed;    // [rows, hidden_dim]
  Activations attended;  // [rows, num_heads * head_dim]
  Activations inner;     // [rows, feed_forward_dim]

  // Into how many parts attention may split the context of one kv head. Depends on the model alone,
  // never on the number of threads, so that results don't either.
  static size_t MaxContextParts(const ModelConfig& config);

 private:
  Scratch(Activations normed_rows, Activations attended_rows, Activations inner_rows)
      : normed(std::move(normed_rows)),
        attended(std::move(attended_rows)),
        inner(std::move(inner_rows)) {}

  AlignedArray<float> floats_;  // what the pointers above point into
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_SCRATCH_H_
