// POSIX pread behind InputFile; the one place of the converter that reads checkpoint bytes.

#include "converter/files/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/format/foreign_file.h"

namespace inkling {

absl::StatusOr<InputFile> InputFile::Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("opening ", path));
  struct stat info;
  if (fstat(descriptor, &info) != 0) {
    const int error = errno;
    close(descriptor);
    return absl::ErrnoToStatus(error, absl::StrCat("reading the size of ", path));
  }
  if (!S_ISREG(info.st_mode)) {
    close(descriptor);
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a regular file"));
  }
  InputFile file(path, descriptor, info.st_size);
  if (file.IsLfsPointer()) {
    return absl::FailedPreconditionError(absl::StrCat(
        path,
        ": is a Git LFS pointer to the file, not the file itself; `git lfs pull` in its "
        "folder fetches it"));
  }
  if (file.HoldsWebPage()) {
    return absl::FailedPreconditionError(absl::StrCat(
        path,
        ": is a web page, which a download gave instead of the file: perhaps the address is "
        "another, or one must be signed in"));
  }
  return file;
}

bool InputFile::IsLfsPointer() const {
  constexpr absl::string_view kStart = "version https://git-lfs.github.com/spec/";
  constexpr int64_t kMostBytes = 1024;  // the specification's own limit
  if (size_ < static_cast<int64_t>(kStart.size()) || size_ >= kMostBytes) return false;
  std::string start(kStart.size(), '\0');
  return ReadAt(0, absl::MakeSpan(reinterpret_cast<std::byte*>(start.data()), start.size())).ok() &&
         start == kStart;
}

bool InputFile::HoldsWebPage() const {
  std::string start(static_cast<size_t>(std::min<int64_t>(size_, 64)), '\0');
  return ReadAt(0, absl::MakeSpan(reinterpret_cast<std::byte*>(start.data()), start.size())).ok() &&
         IsWebPage(start);
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      begin_(std::exchange(other.begin_, 0)),
      size_(std::exchange(other.size_, 0)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(begin_, other.begin_);
  std::swap(size_, other.size_);
  return *this;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status InputFile::ReadAt(int64_t offset, absl::Span<std::byte> bytes) const {
  // Linux moves at most 2 GiB - 4 KiB per call; some systems refuse more.
  constexpr size_t kMaxCallBytes = size_t{1} << 30;
  const int64_t there = std::clamp<int64_t>(size_ - offset, 0, size_);
  if (bytes.size() > static_cast<uint64_t>(there)) {
    return absl::DataLossError(absl::StrCat(path_, ": the file ends at byte ", size_, ", expected ",
                                            bytes.size() - static_cast<uint64_t>(there),
                                            " bytes more"));
  }
  size_t done = 0;
  while (done < bytes.size()) {
    const size_t want = std::min(bytes.size() - done, kMaxCallBytes);
    const ssize_t got = pread(descriptor_, bytes.data() + done, want, begin_ + offset + done);
    if (got < 0) {
      if (errno == EINTR) continue;
      return absl::DataLossError(absl::StrCat(path_, ": reading at byte ", offset + done, ": ",
                                              absl::ErrnoToStatus(errno, "read").message()));
    }
    if (got == 0) {
      return absl::DataLossError(absl::StrCat(path_, ": the file ends at byte ", offset + done,
                                              ", expected ", bytes.size() - done, " bytes more"));
    }
    done += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, int64_t max_bytes) {
  ABSL_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  if (file.size() > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected at most ", max_bytes, " bytes, found ", file.size()));
  }
  std::string text(static_cast<size_t>(file.size()), '\0');
  ABSL_RETURN_IF_ERROR(
      file.ReadAt(0, absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size())));
  return text;
}

}  // namespace inkling
