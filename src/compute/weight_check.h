// What a weight matrix must look like before XNNPACK may pack it.
//
// Called by Linear::Create. XNNPACK doesn't defend itself: a wrong size reads foreign memory, a NaN
// scale poisons every output, so each is refused here with the tensor's name.

#ifndef INKLING_SRC_COMPUTE_WEIGHT_CHECK_H_
#define INKLING_SRC_COMPUTE_WEIGHT_CHECK_H_

#include "absl/status/status.h"
#include "src/format/model_reader.h"

namespace inkling {

// Checks shape, type, byte counts and alignment of a [rows, columns] matrix, and that every scale
// is a positive normal number (XNNPACK refuses denormal ones). Errors: InvalidArgument, which names
// the tensor and, for scales, the row.
absl::Status CheckWeight(const TensorView& weight);

// Checks that `bias` holds one finite f32 for each row of `weight`. Errors: InvalidArgument.
absl::Status CheckBias(const TensorView& bias, const TensorView& weight);

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_WEIGHT_CHECK_H_
