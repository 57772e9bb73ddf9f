// ScratchFile: a file without a name, for bytes that leave memory for a while.
//
// It is gone with the object, however the process ends.

#ifndef INKLING_SRC_FORMAT_SCRATCH_FILE_H_
#define INKLING_SRC_FORMAT_SCRATCH_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace inkling {

class ScratchFile {
 public:
  // Creates it on the disk of `folder`, readable by this user alone. Errors: what the system says.
  static absl::StatusOr<ScratchFile> Create(const std::string& folder);

  ScratchFile(ScratchFile&& other) noexcept { *this = std::move(other); }
  ScratchFile& operator=(ScratchFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(written_, other.written_);
    std::swap(read_, other.read_);
    return *this;
  }
  ~ScratchFile();

  // Writes behind what was written, reads behind what was read. A forked process may do so beside
  // its parent. Errors: what the system says; DataLoss if there is nothing more to read.
  absl::Status Append(absl::Span<const std::byte> bytes);
  absl::Status Read(absl::Span<std::byte> bytes);

 private:
  explicit ScratchFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
  int64_t written_ = 0;
  int64_t read_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_SCRATCH_FILE_H_
