// mkstemp and unlink; all access is by offset, because forked processes share a descriptor's place.

#include "src/format/scratch_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;  // systems refuse 2 GiB at once

}  // namespace

absl::StatusOr<ScratchFile> ScratchFile::Create(const std::string& folder) {
  std::string path = absl::StrCat(folder, "/inkling-scratch-XXXXXX");
  const int descriptor = mkstemp(path.data());
  if (descriptor < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("can't create a file in ", folder));
  }
  unlink(path.c_str());
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return ScratchFile(descriptor);
}

ScratchFile::~ScratchFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status ScratchFile::Append(absl::Span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        pwrite(descriptor_, bytes.data(), std::min(bytes.size(), kMostBytes), written_);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return absl::ErrnoToStatus(count < 0 ? errno : ENOSPC, "can't write to a scratch file");
    }
    written_ += count;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::Status ScratchFile::Read(absl::Span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        pread(descriptor_, bytes.data(), std::min(bytes.size(), kMostBytes), read_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "can't read a scratch file");
    if (count == 0) return absl::DataLossError("a scratch file ends too early");
    read_ += count;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

}  // namespace inkling
