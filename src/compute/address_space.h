// AddressSpace: a range of addresses whose memory arrives as it is asked for, and never moves.
//
// PackedWeights lives in one: operators keep raw pointers into packed bytes, so growing by moving
// is no option, and allocating the upper bound at once would cost memory that is never used.

#ifndef INKLING_SRC_COMPUTE_ADDRESS_SPACE_H_
#define INKLING_SRC_COMPUTE_ADDRESS_SPACE_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace inkling {

class AddressSpace {
 public:
  // Reserves `bytes` > 0, rounded up to whole pages. Errors: InvalidArgument, ResourceExhausted.
  static absl::StatusOr<AddressSpace> Reserve(int64_t bytes);

  AddressSpace(AddressSpace&& other) noexcept;
  AddressSpace& operator=(AddressSpace&& other) noexcept;
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;
  ~AddressSpace();

  // At a page's start, on Linux at a huge page's (2 MiB). Only the first committed_bytes() may be
  // touched.
  std::byte* data() const { return data_; }
  int64_t reserved_bytes() const { return reserved_; }
  int64_t committed_bytes() const { return committed_; }

  // Makes the first `bytes` readable and writable (zero until written); never shrinks. Errors:
  // ResourceExhausted when `bytes` is more than was reserved or the system has no more memory.
  absl::Status Commit(int64_t bytes);

 private:
  AddressSpace(std::byte* data, int64_t reserved) : data_(data), reserved_(reserved) {}

  std::byte* data_ = nullptr;
  int64_t reserved_ = 0;
  int64_t committed_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_ADDRESS_SPACE_H_
