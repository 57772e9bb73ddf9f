// InputFile: a file read at offsets, from any thread, without a mapping.
//
// Checkpoint readers use it instead of a mapped file so that a disk error or a file that shrinks
// while it is read is a Status and not a signal, and so that pages read never count as our memory.

#ifndef INKLING_CONVERTER_FILES_INPUT_FILE_H_
#define INKLING_CONVERTER_FILES_INPUT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace inkling {

class InputFile {
 public:
  // Errors: NotFound, PermissionDenied, InvalidArgument for a folder; FailedPrecondition for a
  // pointer that Git left in the place of a large file, and for a web page.
  static absl::StatusOr<InputFile> Open(const std::string& path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }

  // From now on only `size` bytes from `offset` on are the file: those of one that lies in another,
  // as in an archive. Both must lie inside; the path stays, for messages.
  void Narrow(int64_t offset, int64_t size) {
    begin_ += offset;
    size_ = size;
  }

  // Fills `bytes` from `offset`. Errors: DataLoss when the file ends before, or can't be read.
  // Any number of threads may read at once.
  absl::Status ReadAt(int64_t offset, absl::Span<std::byte> bytes) const;

 private:
  InputFile(std::string path, int descriptor, int64_t size)
      : path_(std::move(path)), descriptor_(descriptor), size_(size) {}

  bool IsLfsPointer() const;
  bool HoldsWebPage() const;

  std::string path_;
  int descriptor_ = -1;
  int64_t begin_ = 0;  // in what the descriptor reads
  int64_t size_ = 0;
};

// The whole of a file that may have at most `max_bytes`. Errors: those of Open and ReadAt;
// InvalidArgument for a larger file.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, int64_t max_bytes);

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_INPUT_FILE_H_
