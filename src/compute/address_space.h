// AddressSpace: a range of addresses whose memory arrives as it is asked for, and never moves.
//
// PackedWeights lives in one: operators keep raw pointers into packed bytes, so growing by moving
// is no option, and allocating the upper bound at once would cost memory that is never used.

#ifndef INKLING_SRC_COMPUTE_ADDRESS_SPACE_H_
#define INKLING_SRC_COMPUTE_ADDRESS_SPACE_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/format/mapped_pages.h"

namespace inkling {

class AddressSpace {
 public:
  // Reserves `bytes` > 0, rounded up to whole pages. Errors: InvalidArgument, ResourceExhausted.
  static absl::StatusOr<AddressSpace> Reserve(int64_t bytes);

  // At a page's start, on Linux at a huge page's (2 MiB). Only the first committed_bytes() may be
  // touched.
  std::byte* data() const { return pages_.get(); }
  int64_t reserved_bytes() const { return static_cast<int64_t>(pages_.get_deleter().bytes); }
  int64_t committed_bytes() const { return committed_; }

  // Makes the first `bytes` readable and writable (zero until written); never shrinks. Errors:
  // ResourceExhausted when `bytes` is more than was reserved or the system has no more memory.
  absl::Status Commit(int64_t bytes);

 private:
  explicit AddressSpace(MappedPages pages) : pages_(std::move(pages)) {}

  MappedPages pages_;
  int64_t committed_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_ADDRESS_SPACE_H_
