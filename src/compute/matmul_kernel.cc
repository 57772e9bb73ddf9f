// The slice of a kernel that needs nothing but packed bytes.

#include "src/compute/matmul_kernel.h"

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"

namespace inkling {
namespace {

class PackedSlice final : public SliceMatmul {
 public:
  PackedSlice(const MatmulKernel& kernel, const MatrixRows& matrix, const std::byte* packed)
      : run_(kernel.run), matrix_(matrix), packed_(packed) {}

  absl::Status Run(const MatmulArgs& args) override {
    run_(matrix_, packed_, args);
    return absl::OkStatus();
  }

 private:
  decltype(MatmulKernel::run) run_;
  MatrixRows matrix_;
  const std::byte* packed_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SliceMatmul>> PrepareSlice(const MatmulKernel& kernel,
                                                          const MatrixRows& matrix,
                                                          TensorPacker& tensor) {
  if (kernel.prepare != nullptr) return kernel.prepare(matrix, tensor);
  if (kernel.packs) {
    ABSL_RETURN_IF_ERROR(tensor
                             .Append(kernel.packed_bytes(matrix.type, matrix.rows, matrix.columns),
                                     [&](std::byte* packed) { kernel.pack(matrix, packed); })
                             .status());
  }
  return std::make_unique<PackedSlice>(kernel, matrix, tensor.latest_piece());
}

}  // namespace inkling
