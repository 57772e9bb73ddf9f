// Softmax, log-sum-exp and argmax over one row.
//
// Called on logits, by sampling and scoring. Attention has its own online softmax (attention.h).
#ifndef INKLING_KERNELS_SOFTMAX_H_
#define INKLING_KERNELS_SOFTMAX_H_

#include <cstddef>

namespace inkling::kernels {

// Writes exp(input - max) / sum to `output`, which may be `input`. -inf entries get exactly 0. A
// row that is all -inf gets 1 / size everywhere; a row that holds NaN or +inf gets NaN (check
// LogSumExp first where logits may be broken). Does nothing when `size` is 0.
void Softmax(const float* input, float* output, size_t size);

// Returns log(sum(exp(values))), max-subtracted: finite for any finite row. -inf for an empty row
// or one that is all -inf; NaN or +inf in the row makes the result NaN or +inf.
float LogSumExp(const float* values, size_t size);

// Returns the index of the first largest value. NaN is never chosen; the result is 0 for a row that
// is empty, all NaN or all -inf.
size_t ArgMax(const float* values, size_t size);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_SOFTMAX_H_
