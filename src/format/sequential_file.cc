// SequentialFile on POSIX: open, fstat, read.

#include "src/format/sequential_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

constexpr size_t kReadBytes = size_t{64} << 20;  // systems refuse to read 2 GiB at once

}  // namespace

absl::StatusOr<SequentialFile> SequentialFile::Open(const std::string& path) {
  // O_NONBLOCK: opening a pipe by mistake must not wait for its other end.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can't open ", path));
  struct stat info;
  SequentialFile file(descriptor, 0);
  if (fstat(descriptor, &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("can't examine ", path));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expected a file, found ", S_ISDIR(info.st_mode) ? "a folder" : "something else"));
  }
  file.size_ = info.st_size;
  return file;
}

SequentialFile::~SequentialFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status SequentialFile::Read(absl::Span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = read(descriptor_, bytes.data(), std::min(bytes.size(), kReadBytes));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "can't read on");
    if (count == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected ", bytes.size(), " more bytes, found the file's end"));
    }
    at_ += count;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

}  // namespace inkling
