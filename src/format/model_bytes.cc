// Each kind of source becomes a mapping, a span, or address space with a function that reads.

#include "src/format/model_bytes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

// Numbers in a model file are 4 bytes wide at most.
constexpr uintptr_t kNumberBytes = 4;
constexpr size_t kReadBytes = size_t{64} << 20;  // systems refuse to read 2 GiB at once

absl::Status ReadAt(int descriptor, int64_t offset, absl::Span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        pread(descriptor, bytes.data(), std::min(bytes.size(), kReadBytes), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "can't read the model's descriptor");
    if (count == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "expected ", bytes.size(), " more bytes at offset ", offset, ", found the file's end"));
    }
    offset += count;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelBytes> ModelBytes::FromPath(const std::string& path) {
  ModelBytes model;
  ABSL_ASSIGN_OR_RETURN(model.file_, MappedFile::Open(path));
  model.bytes_ = model.file_->bytes();
  return model;
}

absl::StatusOr<ModelBytes> ModelBytes::FromDescriptor(int descriptor, int64_t offset,
                                                      int64_t length) {
  struct stat info;
  if (fstat(descriptor, &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("can't examine descriptor ", descriptor));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", descriptor, ": expected a file, found something else"));
  }
  const int64_t size = info.st_size;
  if (offset < 0 || offset >= size || length < -1 || length == 0 || length > size - offset) {
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", descriptor, ": expected a range inside its ", size,
                     " bytes, found ", length, " bytes at offset ", offset));
  }
  if (length == -1) length = size - offset;
  if (static_cast<uint64_t>(offset) % kNumberBytes != 0) {
    return LoadedInParts(
        [descriptor, offset](int64_t at, absl::Span<std::byte> bytes) {
          return ReadAt(descriptor, offset + at, bytes);
        },
        length);
  }
  ModelBytes model;
  ABSL_ASSIGN_OR_RETURN(model.file_, MappedFile::FromDescriptor(descriptor, offset, length));
  model.bytes_ = model.file_->bytes();
  return model;
}

absl::StatusOr<ModelBytes> ModelBytes::FromMemory(absl::Span<const std::byte> bytes) {
  if (bytes.empty()) {
    return absl::InvalidArgumentError("memory: expected a model file, found no bytes");
  }
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kNumberBytes != 0) {
    return LoadedInParts(
        [bytes](int64_t at, absl::Span<std::byte> to) {
          std::memcpy(to.data(), bytes.data() + at, to.size());
          return absl::OkStatus();
        },
        static_cast<int64_t>(bytes.size()));
  }
  ModelBytes model;
  model.bytes_ = bytes;
  return model;
}

absl::StatusOr<ModelBytes> ModelBytes::FromReader(Reader reader, int64_t size) {
  if (reader == nullptr) {
    return absl::InvalidArgumentError("reader: expected a function, found none");
  }
  if (size < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("reader: expected a size of at least 1 byte, found ", size));
  }
  return LoadedInParts(std::move(reader), size);
}

absl::StatusOr<ModelBytes> ModelBytes::LoadedInParts(Reader reader, int64_t size) {
  ModelBytes model;
  if (static_cast<uint64_t>(size) <= std::numeric_limits<size_t>::max()) {
    model.pages_ = MapFreshPages(static_cast<size_t>(size), PageAccess::kReadWrite);
  }
  if (model.pages_ == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("can't reserve address space for a model of ", size, " bytes"));
  }
  model.reader_ = std::move(reader);
  model.bytes_ = {model.pages_.get(), static_cast<size_t>(size)};
  return model;
}

absl::Status ModelBytes::Load(int64_t offset, int64_t size) const {
  if (reader_ == nullptr || size == 0) return absl::OkStatus();
  return reader_(offset, {pages_.get() + offset, static_cast<size_t>(size)});
}

void ModelBytes::Release(int64_t offset, int64_t size) const {
  if (file_.has_value()) file_->ReleasePages(offset, size);
  if (pages_ != nullptr) ReleaseWholePages(bytes_, offset, size);
}

}  // namespace inkling
