// The list. A kernel's file defines the constant that its line names.

#include "src/compute/matmul_kernels.h"

#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

// In the order of preference: Linear takes the first that supports a matrix.
#define INKLING_MATMUL_KERNELS(KERNEL) \
  KERNEL(kDequantizedMatmulKernel)     \
  KERNEL(kBlockMatmulKernel)           \
  KERNEL(kChannelMatmulKernel)         \
  KERNEL(kI8mmMatmulKernel)            \
  KERNEL(kXnnpackMatmulKernel)

namespace inkling {

#define INKLING_DECLARE_KERNEL(kernel) extern const MatmulKernel kernel;
INKLING_MATMUL_KERNELS(INKLING_DECLARE_KERNEL)
#undef INKLING_DECLARE_KERNEL

MatmulKernelList MatmulKernels() {
#define INKLING_LIST_KERNEL(kernel) &kernel,
  static constexpr const MatmulKernel* kKernels[] = {INKLING_MATMUL_KERNELS(INKLING_LIST_KERNEL)};
#undef INKLING_LIST_KERNEL
  return kKernels;
}

std::vector<const MatmulKernel*> MatmulKernelsOfThisCpu() {
  std::vector<const MatmulKernel*> kernels;
  absl::c_copy_if(MatmulKernels(), std::back_inserter(kernels),
                  [](const MatmulKernel* kernel) { return kernel->runs_here(); });
  return kernels;
}

const MatmulKernel& MatmulKernelNamed(absl::string_view name) {
  const MatmulKernelList kernels = MatmulKernels();
  return **absl::c_find_if(kernels,
                           [&](const MatmulKernel* kernel) { return kernel->name == name; });
}

const MatmulKernel* FindMatmulKernel(MatmulKernelList kernels, TensorType type,
                                     int64_t num_inputs) {
  const auto* const found = absl::c_find_if(kernels, [&](const MatmulKernel* kernel) {
    return kernel->packs && kernel->supports(type, num_inputs);
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
  for (const MatmulKernel* kernel : MatmulKernelsOfThisCpu()) {
    if (kernel->packs && kernel->name != "xnnpack") {
      absl::StrAppend(&kernels, " + ", kernel->name);
    }
  }
  return kernels;
}

}  // namespace inkling
