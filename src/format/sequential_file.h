// SequentialFile: a file that is read once, from its beginning to its end.
//
// Reads rather than maps: a file that another process cuts short is an error here, not a signal.

#ifndef INKLING_SRC_FORMAT_SEQUENTIAL_FILE_H_
#define INKLING_SRC_FORMAT_SEQUENTIAL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace inkling {

class SequentialFile {
 public:
  // Errors: NotFound; PermissionDenied; InvalidArgument for a folder, a device or a pipe.
  static absl::StatusOr<SequentialFile> Open(const std::string& path);

  SequentialFile(SequentialFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_), at_(other.at_) {}
  SequentialFile& operator=(SequentialFile&&) = delete;
  ~SequentialFile();

  int64_t size() const { return size_; }  // when it was opened
  int64_t left() const { return size_ - at_; }

  // Fills `bytes` with the next bytes. Errors: InvalidArgument if the file ends before; what the
  // system says.
  absl::Status Read(absl::Span<std::byte> bytes);

 private:
  SequentialFile(int descriptor, int64_t size) : descriptor_(descriptor), size_(size) {}

  int descriptor_;
  int64_t size_;
  int64_t at_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_SEQUENTIAL_FILE_H_
