// Online-softmax attention of query rows over one kv head of the cache.
//
// Called by the decoder for each (layer, kv head, tile of rows), from any thread. Loads of K and V
// are shared by all query heads of the group and by several rows at a time. Causality, the sliding
// window and the ring are position arithmetic; there is no mask tensor, and no slot outside the
// keys that a row may see ever contributes, whatever its memory holds.
#ifndef INKLING_KERNELS_ATTENTION_H_
#define INKLING_KERNELS_ATTENTION_H_

#include <cstddef>
#include <cstdint>

#include "kernels/kv_layout.h"

namespace inkling::kernels {

// Row r stands at position p = first_position + r and sees the keys j with
//   max(key_begin, p - window + 1) <= j < min(key_end, p + 1)     (window 0: no window)
// whose slots must have been stored already: also those of the rows themselves.
struct AttentionArgs {
  const float* query;        // [num_rows, group_size, head_dim]
  size_t query_row_stride;   // floats between rows
  size_t query_head_stride;  // floats between query heads of the group
  size_t num_rows;
  size_t group_size;  // query heads that share this kv head

  const void* key_cache;    // K of this kv head, in the layout below
  const void* value_cache;  // V of this kv head
  KvLayout layout;          // kv_head_stride_bytes is not used here

  int64_t first_position;       // absolute position of row 0, >= 0
  int64_t window = 0;           // keys a row may see, itself included; 0: all
  int64_t key_begin = 0;        // lowest key of any row, >= 0
  int64_t key_end = INT64_MAX;  // first key beyond the range: to split a context among threads

  float scale;         // multiplies q.k, e.g. 1 / sqrt(head_dim)
  float soft_cap = 0;  // > 0: scores become soft_cap * tanh(score / soft_cap)
  // [group_size] or null: adds bf16(slope * j) to q.k before scaling, all in bfloat16 as the
  // reference does (slope and j are rounded to bfloat16 first).
  const float* alibi_slopes = nullptr;

  float* output;              // [num_rows, group_size, head_dim]; Attend writes it
  size_t output_row_stride;   // floats between rows
  size_t output_head_stride;  // floats between query heads

  float* scratch;  // AttentionScratchFloats(head_dim) floats, one per thread
};

// Returns the floats of scratch that one call needs, whatever its rows and group.
size_t AttentionScratchFloats(size_t head_dim);

// Writes softmax(scores) V of every row and query head. A row that sees no key gets zeros. Results
// of a query do not depend on which other queries share the call.
void Attend(const AttentionArgs& args);

// Returns the floats that the partial results of one key range take:
// num_rows * group_size records of {max score, sum of weights, head_dim unnormalised outputs}.
constexpr size_t AttentionPartialFloats(size_t num_rows, size_t group_size, size_t head_dim) {
  return num_rows * group_size * (head_dim + 2);
}

// Does the same as Attend over [key_begin, key_end), but writes partial results to `partials`
// ([AttentionPartialFloats]) instead of args.output, which is not used.
void AttendPartial(const AttentionArgs& args, float* partials);

struct CombinePartialsArgs {
  const float* partials;  // [num_parts] spans written by AttendPartial
  size_t part_stride;     // floats between spans, >= AttentionPartialFloats
  size_t num_parts;
  size_t num_rows;
  size_t group_size;
  size_t head_dim;
  float* output;              // [num_rows, group_size, head_dim], written
  size_t output_row_stride;   // floats between rows
  size_t output_head_stride;  // floats between query heads
};

// Merges the partial results of disjoint key ranges into final outputs. A row that saw no key in
// any part gets zeros.
void CombinePartials(const CombinePartialsArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_ATTENTION_H_
