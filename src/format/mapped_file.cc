// MappedFile on POSIX: open, fstat, mmap, close. The mapping outlives the descriptor.
//
// WebAssembly can't map files. Emscripten's mmap would read them, too, but into address 0 when
// there is no memory left, and 2 GiB at most; so here the file is read into memory and stays there.

#include "src/format/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
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

#if defined(__EMSCRIPTEN__)

// The alignment that a mapping has, which readers of tensors count on.
constexpr size_t kPageBytes = 65536;

// All `size` bytes of the file at `fd`, or null with errno set.
const std::byte* MapBytes(int fd, size_t size) {
  constexpr size_t kReadBytes = size_t{64} << 20;  // node refuses to read 2 GiB at once
  if (size > std::numeric_limits<size_t>::max() - kPageBytes) {
    errno = ENOMEM;
    return nullptr;
  }
  void* memory = std::aligned_alloc(kPageBytes, (size + kPageBytes - 1) & ~(kPageBytes - 1));
  if (memory == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  auto* const data = static_cast<std::byte*>(memory);
  for (size_t done = 0; done < size;) {
    const ssize_t count = read(fd, data + done, std::min(size - done, kReadBytes));
    if (count <= 0) {
      const int error = count < 0 ? errno : EIO;  // the file has become shorter
      std::free(memory);
      errno = error;
      return nullptr;
    }
    done += static_cast<size_t>(count);
  }
  return data;
}

void UnmapBytes(const std::byte* data, size_t) { std::free(const_cast<std::byte*>(data)); }

#else

// The file at `fd`, `size` bytes long, mapped; or null with errno set.
const std::byte* MapBytes(int fd, size_t size) {
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  return data == MAP_FAILED ? nullptr : static_cast<const std::byte*>(data);
}

void UnmapBytes(const std::byte* data, size_t size) { munmap(const_cast<std::byte*>(data), size); }

#endif

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
  const std::byte* data = MapBytes(descriptor.get(), static_cast<size_t>(info.st_size));
  if (data == nullptr) {
    const int error = errno;
    const std::string what = absl::StrCat("can't map ", info.st_size, " bytes of ", path);
    if (error == ENOMEM) return absl::ResourceExhaustedError(what);
    return absl::ErrnoToStatus(error, what);
  }
  return MappedFile(data, info.st_size);
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
  if (data_ != nullptr) UnmapBytes(data_, static_cast<size_t>(size_));
}

void MappedFile::ReleasePages(int64_t offset, int64_t length) const {
  if (data_ == nullptr || offset < 0 || length <= 0 || offset >= size_) return;
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t end = length > size_ - offset ? size_ : offset + length;
  const int64_t first = (offset + page - 1) / page * page;
  // The file's last page has nothing else on it.
  const int64_t last = end == size_ ? end : end / page * page;
  if (first >= last) return;
#if !defined(__EMSCRIPTEN__)
  // Advice only: a refusal changes nothing but memory use.
  (void)madvise(const_cast<std::byte*>(data_) + first, static_cast<size_t>(last - first),
                MADV_DONTNEED);
#endif
}

}  // namespace inkling
