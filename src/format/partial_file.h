// PartialFile: a file that appears under its name only when it is complete.
//
// It is written as PATH.partial and renamed by Commit; if it is dropped before, it is removed. The
// model writer uses it.

#ifndef INKLING_SRC_FORMAT_PARTIAL_FILE_H_
#define INKLING_SRC_FORMAT_PARTIAL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace inkling {

class PartialFile {
 public:
  // Creates PATH.partial with `bytes` zero bytes, reserved on the disk. Errors: InvalidArgument if
  // `path` is a folder or a device; Unavailable if another process is writing the same file;
  // ResourceExhausted if the disk is too full; what the system says.
  static absl::StatusOr<std::unique_ptr<PartialFile>> Create(const std::string& path,
                                                             int64_t bytes);

  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  ~PartialFile();

  // Writes all of `bytes` at `offset`, inside the reserved size. Distinct ranges may be written
  // from distinct threads.
  absl::Status WriteAt(int64_t offset, absl::Span<const std::byte> bytes);

  // Flushes to disk and renames to the final name, replacing what is there. Once only.
  absl::Status Commit();

 private:
  PartialFile(std::string path, int descriptor, int64_t size);

  std::string path_;
  std::string partial_path_;
  int descriptor_;
  int64_t size_;
  bool committed_ = false;
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_PARTIAL_FILE_H_
