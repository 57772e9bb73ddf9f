// MappedFile on POSIX: open, fstat, mmap, close. The mapping outlives the descriptor.

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
  void* data =
      mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (data == MAP_FAILED) {
    const int error = errno;
    const std::string what = absl::StrCat("can't map ", info.st_size, " bytes of ", path);
    if (error == ENOMEM) return absl::ResourceExhaustedError(what);
    return absl::ErrnoToStatus(error, what);
  }
  return MappedFile(static_cast<const std::byte*>(data), info.st_size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  // What was mapped here goes when `other` does.
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), static_cast<size_t>(size_));
}

void MappedFile::ReleasePages(int64_t offset, int64_t length) const {
  if (data_ == nullptr || offset < 0 || length <= 0 || offset >= size_) return;
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t end = length > size_ - offset ? size_ : offset + length;
  const int64_t first = (offset + page - 1) / page * page;
  // The file's last page has nothing else on it.
  const int64_t last = end == size_ ? end : end / page * page;
  if (first >= last) return;
  // Advice only: a refusal changes nothing but memory use.
  (void)madvise(const_cast<std::byte*>(data_) + first, static_cast<size_t>(last - first),
                MADV_DONTNEED);
}

}  // namespace inkling
