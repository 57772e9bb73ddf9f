// PartialFile on POSIX. The lock on the partial file keeps two writers of one path from mixing
// their bytes; a partial file that a crash left behind has no lock and is taken over.

#include "src/format/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

absl::Status SystemError(int error, absl::string_view what, absl::string_view path) {
  return absl::ErrnoToStatus(error, absl::StrCat("can't ", what, " ", path));
}

// Errors of the filesystem's own kind of "not supported here".
bool IsUnsupported(int error) { return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL; }

absl::Status CheckFreeSpace(int descriptor, int64_t bytes, const std::string& path) {
  struct statvfs disk;
  if (fstatvfs(descriptor, &disk) != 0) return SystemError(errno, "examine the disk of", path);
  const auto free_bytes = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (static_cast<uint64_t>(bytes) <= free_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(path, ": expected ", bytes, " free bytes on its disk, found ", free_bytes));
}

// Gives the empty file its size, with blocks behind it where the filesystem can do that.
absl::Status Reserve(int descriptor, int64_t bytes, const std::string& path) {
  ABSL_RETURN_IF_ERROR(CheckFreeSpace(descriptor, bytes, path));
#if defined(__linux__)
  // Not posix_fallocate: where the filesystem can't reserve, that writes every block.
  if (fallocate(descriptor, 0, 0, bytes) == 0) return absl::OkStatus();
  if (!IsUnsupported(errno)) return SystemError(errno, "reserve the size of", path);
#endif
  if (ftruncate(descriptor, bytes) != 0) return SystemError(errno, "set the size of", path);
  return absl::OkStatus();
}

// Makes the rename itself survive a power cut. Filesystems that can't are left alone.
absl::Status SyncFolder(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor = open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::OkStatus();
  const int error = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (error == 0 || IsUnsupported(error)) return absl::OkStatus();
  return SystemError(error, "flush the folder", folder);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PartialFile>> PartialFile::Create(const std::string& path,
                                                                 int64_t bytes) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    // The rename would put a file in the place of a device, /dev/null for example.
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a file's name, found ",
                     S_ISDIR(info.st_mode) ? "a folder" : "a device or a pipe"));
  }
  const std::string partial_path = path + ".partial";
  const int descriptor = open(partial_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return SystemError(errno, "create", partial_path);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(descriptor);
    return absl::UnavailableError(
        absl::StrCat(partial_path, ": another process is writing this file"));
  }
  // From here on the destructor removes what was made.
  std::unique_ptr<PartialFile> file(new PartialFile(path, descriptor, bytes));
  if (ftruncate(descriptor, 0) != 0) return SystemError(errno, "empty", partial_path);
  ABSL_RETURN_IF_ERROR(Reserve(descriptor, bytes, partial_path));
  return file;
}

PartialFile::PartialFile(std::string path, int descriptor, int64_t size)
    : path_(std::move(path)),
      partial_path_(path_ + ".partial"),
      descriptor_(descriptor),
      size_(size) {}

PartialFile::~PartialFile() {
  if (!committed_) unlink(partial_path_.c_str());
  close(descriptor_);
}

absl::Status PartialFile::WriteAt(int64_t offset, absl::Span<const std::byte> bytes) {
  if (offset < 0 || offset > size_ || static_cast<int64_t>(bytes.size()) > size_ - offset) {
    return absl::InvalidArgumentError(absl::StrCat(partial_path_, ": expected a range inside ",
                                                   size_, " bytes, found ", bytes.size(),
                                                   " bytes at offset ", offset));
  }
  while (!bytes.empty()) {
    const ssize_t written = pwrite(descriptor_, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return SystemError(written < 0 ? errno : ENOSPC, "write to", partial_path_);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

absl::Status PartialFile::Commit() {
  if (committed_)
    return absl::FailedPreconditionError(absl::StrCat(path_, ": is complete already"));
  if (fsync(descriptor_) != 0) return SystemError(errno, "flush", partial_path_);
  if (rename(partial_path_.c_str(), path_.c_str()) != 0) {
    return SystemError(errno, absl::StrCat("rename ", partial_path_, " to"), path_);
  }
  committed_ = true;
  return SyncFolder(path_);
}

}  // namespace inkling
