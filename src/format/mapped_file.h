// MappedFile: a file mapped read-only into memory, whole, for as long as the object lives.
//
// Model files are mapped with it. Nothing is read until touched; WebAssembly reads all at once.

#ifndef INKLING_SRC_FORMAT_MAPPED_FILE_H_
#define INKLING_SRC_FORMAT_MAPPED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/format/mapped_pages.h"

namespace inkling {

class MappedFile {
 public:
  // Errors: NotFound; PermissionDenied; InvalidArgument for a folder or an empty file;
  // ResourceExhausted.
  static absl::StatusOr<MappedFile> Open(const std::string& path);

  // `length` bytes behind `offset`, which are in the open file; any offset. The descriptor may be
  // closed afterwards. Errors: ResourceExhausted; what the system says.
  static absl::StatusOr<MappedFile> FromDescriptor(int descriptor, int64_t offset, int64_t length);

  absl::Span<const std::byte> bytes() const {
    return {pages_.get() + before_, pages_.get_deleter().bytes - before_};
  }

  // Lets the kernel drop the whole pages inside [offset, offset + length); they are read again when
  // touched.
  void ReleasePages(int64_t offset, int64_t length) const;

 private:
  MappedFile(MappedPages pages, size_t before) : pages_(std::move(pages)), before_(before) {}
  static absl::StatusOr<MappedFile> Map(int descriptor, int64_t offset, size_t length,
                                        const std::string& name);

  MappedPages pages_;
  size_t before_;  // bytes on the first page that aren't the file's
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_MAPPED_FILE_H_
