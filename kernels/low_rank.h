// The two halves of a low-rank update y += B (A x), as LoRA adapters have it (Hu et al., 2021):
// down to a few values a row, and up again.
//
// Matrices lie so that vectors run along their outputs: `down` as [inputs][padded rank], `up` as
// [rank][outputs], both in f32 or in f16 bits. Each row is summed by itself, in the order of its
// inputs, so a row gives the same bits alone and among others.

#ifndef INKLING_KERNELS_LOW_RANK_H_
#define INKLING_KERNELS_LOW_RANK_H_

#include <cstddef>
#include <cstdint>

namespace inkling::kernels {

// The padded rank is a multiple of this: the lanes of the widest vectors.
inline constexpr size_t kRankPadding = 16;

struct LowRankDownArgs {
  const float* input;  // [num_rows], each of at least `num_inputs` values, rows input_stride apart
  size_t input_stride;
  size_t num_rows;
  size_t num_inputs;
  const float* matrix_f32;     // [num_inputs][padded_rank], or null
  const uint16_t* matrix_f16;  // the same in f16, where matrix_f32 is null
  size_t padded_rank;
  float* output;  // [num_rows][padded_rank]: overwritten
};

// output = input * matrix.
void LowRankDown(const LowRankDownArgs& args);

struct LowRankUpArgs {
  const float* input;  // [num_rows], each of `rank` values, rows input_stride apart
  size_t input_stride;
  size_t num_rows;
  size_t rank;
  const float* matrix_f32;     // [rank], rows matrix_stride apart, or null
  const uint16_t* matrix_f16;  // the same in f16, where matrix_f32 is null
  size_t matrix_stride;
  size_t num_outputs;
  float* output;  // [num_rows][num_outputs], rows output_stride apart: added to
  size_t output_stride;
};

// output += input * matrix.
void LowRankUp(const LowRankUpArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_LOW_RANK_H_
