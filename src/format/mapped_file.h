// MappedFile: a file mapped read-only into memory, whole, for as long as the object lives.
//
// Model files are mapped with it. Nothing is read until touched; WebAssembly reads all at once.

#ifndef INKLING_SRC_FORMAT_MAPPED_FILE_H_
#define INKLING_SRC_FORMAT_MAPPED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace inkling {

class MappedFile {
 public:
  // Errors: NotFound; PermissionDenied; InvalidArgument for a folder or an empty file;
  // ResourceExhausted.
  static absl::StatusOr<MappedFile> Open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  absl::Span<const std::byte> bytes() const { return {data_, static_cast<size_t>(size_)}; }

  // Lets the kernel drop the whole pages inside [offset, offset + length); they are read again when
  // touched.
  void ReleasePages(int64_t offset, int64_t length) const;

 private:
  MappedFile(const std::byte* data, int64_t size) : data_(data), size_(size) {}

  const std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_MAPPED_FILE_H_
