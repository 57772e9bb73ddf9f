// MappedFile on POSIX: open, fstat, map, close. The mapping outlives the descriptor.

#include "src/format/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

// Closes the descriptor on every way out of Open.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  // O_NONBLOCK: opening a pipe by mistake must not wait for its other end.
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can't open ", path));
  struct stat info;
  if (fstat(descriptor.get(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("can't examine ", path));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expected a file, found ", S_ISDIR(info.st_mode) ? "a folder" : "something else"));
  }
  if (info.st_size == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a model file, found an empty file"));
  }
  if (static_cast<uint64_t>(info.st_size) > std::numeric_limits<size_t>::max()) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": ", info.st_size, " bytes exceed this system's address space"));
  }
  return Map(descriptor.get(), 0, static_cast<size_t>(info.st_size), path);
}

absl::StatusOr<MappedFile> MappedFile::FromDescriptor(int descriptor, int64_t offset,
                                                      int64_t length) {
  return Map(descriptor, offset, static_cast<size_t>(length),
             absl::StrCat("descriptor ", descriptor));
}

absl::StatusOr<MappedFile> MappedFile::Map(int descriptor, int64_t offset, size_t length,
                                           const std::string& name) {
  const int64_t before = offset % sysconf(_SC_PAGESIZE);
  MappedPages pages =
      MapFilePages(descriptor, offset - before, length + static_cast<size_t>(before));
  if (pages == nullptr) {
    const int error = errno;
    const std::string what = absl::StrCat("can't map ", length, " bytes of ", name);
    if (error == ENOMEM) return absl::ResourceExhaustedError(what);
    return absl::ErrnoToStatus(error, what);
  }
  return MappedFile(std::move(pages), static_cast<size_t>(before));
}

void MappedFile::ReleasePages(int64_t offset, int64_t length) const {
  ReleaseWholePages(bytes(), offset, length);
}

}  // namespace inkling
