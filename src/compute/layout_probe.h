// Finds out into which layout a kernel packs, by packing matrices that are made for it.
//
// XNNPACK's layouts differ by type, CPU and version, and its headers don't tell them; kernels of
// ours declare theirs, and a test proves those in the same way.

#ifndef INKLING_SRC_COMPUTE_LAYOUT_PROBE_H_
#define INKLING_SRC_COMPUTE_LAYOUT_PROBE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/compute/matmul_kernel.h"
#include "src/compute/packed_layout.h"
#include "src/format/element_type.h"

namespace inkling {

// What `kernel` packs matrices of a quantised `type` with `num_inputs` inputs into on this CPU;
// proven. Errors: Unimplemented if that can't be found out, with what was expected and found;
// ResourceExhausted.
absl::StatusOr<PackedLayout> LearnLayout(const MatmulKernel& kernel, TensorType type,
                                         int64_t num_inputs);

// Packs a random matrix, dequantises it by `layout` as matmuls do, and compares every weight.
// Errors: Unimplemented for the first that differs or lies outside.
absl::Status ProveLayout(const MatmulKernel& kernel, const PackedLayout& layout, TensorType type,
                         int64_t num_inputs);

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_LAYOUT_PROBE_H_
