// Rotary position embedding with the rotate-half pairing (dim i pairs with i + rotary_dim / 2).
//
// The decoder fills one table per rope kind and Forward, then applies it to q and k of each layer.
// Frequencies come from the model file with every context scaling already applied, so this file
// knows no scaling kinds.
#ifndef INKLING_KERNELS_ROPE_H_
#define INKLING_KERNELS_ROPE_H_

#include <cstddef>
#include <cstdint>

namespace inkling::kernels {

struct RopeTableArgs {
  const float* frequencies;    // [num_frequencies], radians per position
  size_t num_frequencies;      // rotary_dim / 2
  float attention_factor = 1;  // multiplies cosine and sine
  int64_t first_position;      // absolute position of row 0; row r is first_position + r
  size_t num_rows;
  float* cosine;  // [num_rows, num_frequencies], written
  float* sine;    // [num_rows, num_frequencies], written
};

// Fills cosine and sine for consecutive positions. The angle is the float32 value of
// position * frequency, as the reference implementations compute it; its cosine and sine are then
// taken in double and rounded once. Once per Forward, not per layer.
void FillRopeTable(const RopeTableArgs& args);

struct ApplyRopeArgs {
  float* heads;        // [num_rows, num_heads, >= rotary_dim], rotated in place
  size_t row_stride;   // floats between rows
  size_t head_stride;  // floats between heads of a row
  size_t num_rows;
  size_t num_heads;
  size_t rotary_dim;    // even, <= head_dim; dims beyond it are left alone
  const float* cosine;  // [num_rows, rotary_dim / 2]
  const float* sine;    // [num_rows, rotary_dim / 2]
};

// Rotates the first rotary_dim dims of every head: (a, b) -> (a cos - b sin, b cos + a sin).
// Safe to call from several threads on different rows or heads.
void ApplyRope(const ApplyRopeArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_ROPE_H_
