// The kernels that matmuls choose from, in the order of preference.
//
// Linear, Describe, the fingerprint of packed weights, tests and benchmarks walk this list.

#ifndef INKLING_SRC_COMPUTE_MATMUL_KERNELS_H_
#define INKLING_SRC_COMPUTE_MATMUL_KERNELS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/compute/matmul_kernel.h"
#include "src/compute/packed_weights.h"
#include "src/format/element_type.h"

namespace inkling {

using MatmulKernelList = absl::Span<const MatmulKernel* const>;

// All kernels that this build has, whether they run on this CPU or not.
MatmulKernelList MatmulKernels();

// Those that run on this CPU. Asking it takes some 35 us a kernel in a virtual machine, and a model
// has hundreds of matrices, so who makes many Linears asks once. Not for initialisers of globals,
// where XNNPACK can't ask the CPU everywhere.
std::vector<const MatmulKernel*> MatmulKernelsOfThisCpu();

// The kernel of a name that is in the list, as other code is written for that one.
const MatmulKernel& MatmulKernelNamed(absl::string_view name);

// The first of `kernels`, which run here, that packs and multiplies with matrices of `type` with
// `num_inputs` inputs; null if none does.
const MatmulKernel* FindMatmulKernel(MatmulKernelList kernels, TensorType type, int64_t num_inputs);

// Packs a matrix into `packed` under `key`, for who wants to see its bytes. Errors: those of
// PrepareSlice.
absl::Status PackMatrix(const MatmulKernel& kernel, const MatrixRows& matrix, absl::string_view key,
                        PackedWeights& packed);

// Class of the micro-kernels that XNNPACK picks on this CPU for quantised matmuls: "avx512vnni",
// "avx2", "neoni8mm", "neondot", "neon", "wasmsimd", "scalar", ...
const char* XnnpackKernelClass();

// What quantised matmuls of this process run on, for Describe(): XnnpackKernelClass and the names
// of the other kernels that run here, as in "avx512vnni + blocks + channels".
std::string DescribeMatmulKernels();

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_MATMUL_KERNELS_H_
