// ModelSource: where LlmModel::Open finds a model file.
//
//   // An asset of an Android app, in place:
//   off_t offset, length;
//   int fd = AAsset_openFileDescriptor(asset, &offset, &length);
//   auto model = inkling::LlmModel::Open(inkling::ModelSource::FromDescriptor(fd, offset, length));
//   close(fd);
//
// A path, a descriptor and memory are used in place: pages are read as they are needed, and nothing
// is copied but the packed weights. Only what can't be used so is read into memory: all of a
// reader's model, and one that lies at an offset (or an address) that isn't a multiple of 4. Then
// one matrix at a time is read and packed, and the embedding, norms and biases stay in memory.
//
// A source is a small value: copy it, use it for several calls. Threads: as any value.

#ifndef INKLING_MODEL_SOURCE_H_
#define INKLING_MODEL_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "inkling/export.h"

namespace inkling {

// Fills all of the span with the model's bytes at an offset, from 0 on, or returns an error, which
// Open then returns. It is called on the thread that calls Open, and never after Open returned;
// offsets needn't ascend. It may take its time: a cancel is seen between two calls.
using ByteSourceReader = std::function<absl::Status(int64_t offset, absl::Span<std::byte> bytes)>;

// Where a model file is. The comment of this file says what is read of it, and when.
class INKLING_EXPORT ModelSource {
 public:
  // A file. It must not change while the model is open.
  static ModelSource FromPath(std::string path) {
    ModelSource source(Kind::kPath);
    source.path_ = std::move(path);
    return source;
  }

  // `length` bytes behind `offset` of an open file, or all that follow (-1). The descriptor must be
  // open during the call that gets the source, and may be closed after it.
  static ModelSource FromDescriptor(int descriptor, int64_t offset = 0, int64_t length = -1) {
    ModelSource source(Kind::kDescriptor);
    source.descriptor_ = descriptor;
    source.offset_ = offset;
    source.length_ = length;
    return source;
  }

  // Bytes that the app holds, unchanged, until the model and its sessions are gone.
  static ModelSource FromMemory(absl::Span<const std::byte> bytes) {
    ModelSource source(Kind::kMemory);
    source.memory_ = bytes;
    return source;
  }

  // `size` bytes that a function gives: an archive's, a decrypted file's, a download's.
  static ModelSource FromReader(ByteSourceReader reader, int64_t size) {
    ModelSource source(Kind::kReader);
    source.reader_ = std::move(reader);
    source.length_ = size;
    return source;
  }

 private:
  friend class ModelEngine;  // reads what is here
  enum class Kind : uint8_t { kPath, kDescriptor, kMemory, kReader };

  explicit ModelSource(Kind kind) : kind_(kind) {}

  Kind kind_;
  std::string path_;
  int descriptor_ = -1;
  int64_t offset_ = 0;
  int64_t length_ = -1;  // of a descriptor's range, or of what a reader has
  absl::Span<const std::byte> memory_;
  ByteSourceReader reader_;
};

}  // namespace inkling

#endif  // INKLING_MODEL_SOURCE_H_
