// AlignedArray: a fixed number of plain values on a cache line's boundary.
//
// Scratch lives in it: unlike a vector it reports a failed allocation as a Status.

#ifndef INKLING_SRC_COMPUTE_ALIGNED_ARRAY_H_
#define INKLING_SRC_COMPUTE_ALIGNED_ARRAY_H_

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "src/format/mapped_pages.h"

namespace inkling {

template <typename T>
class AlignedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  AlignedArray() = default;

  // Zeros. Errors: ResourceExhausted.
  static absl::StatusOr<AlignedArray> Create(size_t size) {
    absl::StatusOr<AlignedArray> array = CreateUnset(size);
    if (array.ok()) std::memset(static_cast<void*>(array->data()), 0, size * sizeof(T));
    return array;
  }

  // Any values, so that memory that isn't written isn't used. Errors: ResourceExhausted.
  static absl::StatusOr<AlignedArray> CreateUnset(size_t size) {
    constexpr size_t kMaxSize = (std::numeric_limits<size_t>::max() - kAlignment) / sizeof(T);
    const size_t bytes = size > kMaxSize ? 0 : (size * sizeof(T) + kAlignment) & ~(kAlignment - 1);
    void* data = bytes == 0 ? nullptr : std::aligned_alloc(kAlignment, bytes);
    if (data == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no memory for ", size, " values of ", sizeof(T), " bytes"));
    }
    AlignedArray array;
    array.data_.reset(static_cast<T*>(data));
    array.bytes_ = size * sizeof(T);
    return array;
  }

  // Gives whole pages back to the system. The values are then any, as CreateUnset's.
  void ReleasePages() { ReleaseInnerPages({reinterpret_cast<std::byte*>(data_.get()), bytes_}); }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }

 private:
  static constexpr size_t kAlignment = 64;
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };

  std::unique_ptr<T[], Free> data_;
  size_t bytes_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_ALIGNED_ARRAY_H_
