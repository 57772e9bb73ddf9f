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
  MappedPages pages = MapFilePages(descriptor.get(), static_cast<size_t>(info.st_size));
  if (pages == nullptr) {
    const int error = errno;
    const std::string what = absl::StrCat("can't map ", info.st_size, " bytes of ", path);
    if (error == ENOMEM) return absl::ResourceExhaustedError(what);
    return absl::ErrnoToStatus(error, what);
  }
  return MappedFile(std::move(pages));
}

void MappedFile::ReleasePages(int64_t offset, int64_t length) const {
  const int64_t size = static_cast<int64_t>(bytes().size());
  if (offset < 0 || length <= 0 || offset >= size) return;
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t end = length > size - offset ? size : offset + length;
  const int64_t first = (offset + page - 1) / page * page;
  // The file's last page has nothing else on it.
  const int64_t last = end == size ? end : end / page * page;
  if (first >= last) return;
#if !defined(__EMSCRIPTEN__)
  // Advice only: a refusal changes nothing but memory use.
  (void)madvise(pages_.get() + first, static_cast<size_t>(last - first), MADV_DONTNEED);
#endif
}

}  // namespace inkling
