// The list. A kernel's file defines the function that its line names.

#include "src/compute/matmul_kernels.h"

#include <cstdint>
#include <memory>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

// In the order of preference: Linear takes the first that supports a matrix.
#define INKLING_MATMUL_KERNELS(KERNEL) \
  KERNEL(DequantizedMatmulKernel)      \
  KERNEL(BlockMatmulKernel)            \
  KERNEL(ChannelMatmulKernel)          \
  KERNEL(I8mmMatmulKernel)             \
  KERNEL(XnnpackMatmulKernel)

namespace inkling {

#define INKLING_DECLARE_KERNEL(function) const MatmulKernel& function();
INKLING_MATMUL_KERNELS(INKLING_DECLARE_KERNEL)
#undef INKLING_DECLARE_KERNEL

MatmulKernelList MatmulKernels() {
#define INKLING_LIST_KERNEL(function) &function(),
  static const MatmulKernel* const kKernels[] = {INKLING_MATMUL_KERNELS(INKLING_LIST_KERNEL)};
#undef INKLING_LIST_KERNEL
  return kKernels;
}

const MatmulKernel& MatmulKernelNamed(absl::string_view name) {
  const MatmulKernelList kernels = MatmulKernels();
  return **absl::c_find_if(kernels,
                           [&](const MatmulKernel* kernel) { return kernel->name == name; });
}

const MatmulKernel* FindMatmulKernel(MatmulKernelList kernels, TensorType type,
                                     int64_t num_inputs) {
  const auto* const found = absl::c_find_if(kernels, [&](const MatmulKernel* kernel) {
    return kernel->runs_here && kernel->packs && kernel->supports(type, num_inputs);
  });
  return found == kernels.end() ? nullptr : *found;
}

absl::Status PackMatrix(const MatmulKernel& kernel, const MatrixRows& matrix, absl::string_view key,
                        PackedWeights& packed) {
  TensorPacker tensor(packed, key);
  ABSL_RETURN_IF_ERROR(PrepareSlice(kernel, matrix, tensor).status());
  return tensor.Finish();
}

std::string DescribeMatmulKernels() {
  std::string kernels = XnnpackKernelClass();
  for (const MatmulKernel* kernel : MatmulKernels()) {
    if (kernel->runs_here && kernel->packs && kernel->name != "xnnpack") {
      absl::StrAppend(&kernels, " + ", kernel->name);
    }
  }
  return kernels;
}

}  // namespace inkling
