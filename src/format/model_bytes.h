// ModelBytes: the bytes of a model file, wherever they come from.
//
// A path or a descriptor is mapped, memory of the app is used where it lies: then all bytes are
// there from the beginning, and nothing is copied. What can't be used in place (a reader; an offset
// that isn't a multiple of 4, at which numbers can't be read) gets address space of the file's
// size, into which parts are read when they are needed and from which they are dropped again. So a
// tensor has its address from the beginning, too, and at most what is loaded takes memory.

#ifndef INKLING_SRC_FORMAT_MODEL_BYTES_H_
#define INKLING_SRC_FORMAT_MODEL_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/format/mapped_file.h"
#include "src/format/mapped_pages.h"

namespace inkling {

class ModelBytes {
 public:
  // Fills the span with the bytes at an offset.
  using Reader = std::function<absl::Status(int64_t, absl::Span<std::byte>)>;

  // Errors: as MappedFile::Open.
  static absl::StatusOr<ModelBytes> FromPath(const std::string& path);
  // `length` bytes behind `offset` of an open file, or all (-1). The descriptor is used while bytes
  // are loaded and mapped, and stays the caller's. Errors: InvalidArgument for a range that isn't
  // in the file, or something else than a file; ResourceExhausted; what the system says.
  static absl::StatusOr<ModelBytes> FromDescriptor(int descriptor, int64_t offset, int64_t length);
  // `bytes` outlive this. Errors: InvalidArgument for none; ResourceExhausted.
  static absl::StatusOr<ModelBytes> FromMemory(absl::Span<const std::byte> bytes);
  // `reader` is called from Load alone. Errors: InvalidArgument for a size below 1, no function;
  // ResourceExhausted.
  static absl::StatusOr<ModelBytes> FromReader(Reader reader, int64_t size);

  // Where the bytes are, or will be when they are loaded; at least 4-byte aligned.
  absl::Span<const std::byte> bytes() const { return bytes_; }
  // Whether they have to be loaded.
  bool is_loaded_in_parts() const { return reader_ != nullptr; }

  // Makes `size` bytes at `offset` readable. Nothing to do where all are. Errors: those of the
  // reader, InvalidArgument where a file has become shorter.
  absl::Status Load(int64_t offset, int64_t size) const;
  // Gives memory back: bytes of a file are read again when they are touched; those that were
  // loaded must be loaded again. Memory of the app stays as it is.
  void Release(int64_t offset, int64_t size) const;

 private:
  ModelBytes() = default;
  static absl::StatusOr<ModelBytes> LoadedInParts(Reader reader, int64_t size);

  std::optional<MappedFile> file_;
  MappedPages pages_;  // of what is loaded in parts
  Reader reader_;
  absl::Span<const std::byte> bytes_;
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_MODEL_BYTES_H_
