// Container: the TFLite flatbuffer at the start of a model file (tflite.fbs), as plain structs.
//
// The writer fills one and encodes it; the reader decodes one, with every extent checked against
// the file. Neither knows what the tensors mean: that is stored_tensors.h.

#ifndef INKLING_SRC_FORMAT_CONTAINER_H_
#define INKLING_SRC_FORMAT_CONTAINER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/format/tflite_generated.h"

namespace inkling {

// The flatbuffer ends inside the first MiB, so that a reader maps and verifies only that
// (MediaPipe's limit, too).
inline constexpr int64_t kMaxContainerBytes = int64_t{1} << 20;

// The metadata and what lies around it; vocabularies take some megabytes.
inline constexpr int64_t kMaxMetadataBytes = int64_t{256} << 20;

// Where every extent starts; large ones start on a page.
inline constexpr int64_t kExtentAlignment = 64;
inline constexpr int64_t kPageAlignment = 4096;
inline constexpr int64_t kLargeExtent = int64_t{64} << 10;

inline constexpr int64_t kChecksumBytes = 16;

inline constexpr uint32_t kTfliteVersion = 3;

// Entries of Model.metadata.
inline constexpr char kMetadataEntry[] = "inkling.model";
inline constexpr char kLoraEntry[] =
    "inkling.lora";  // in a LoRA adapter's file, instead of the first
inline constexpr char kChecksumEntry[] = "inkling.checksum";

// A range of a file's bytes.
struct Extent {
  int64_t offset = 0;
  int64_t size = 0;
  int64_t end() const { return offset + size; }
};

struct ContainerTensor {
  std::string name;
  std::vector<int32_t> shape;
  wire::TensorType type = wire::TensorType::FLOAT32;
  Extent extent;
  int32_t scale_tensor =
      -1;                  // index of the tensor with this one's scales; -1 if it isn't quantised
  int32_t block_size = 0;  // consecutive elements that share a scale
};

struct Container {
  std::vector<ContainerTensor> tensors;
  Extent metadata;
  Extent checksum;
  const char* metadata_entry = kMetadataEntry;
};

// The flatbuffer of `container`; its length doesn't depend on the extents' numbers as long as they
// are above 0.
std::vector<std::byte> EncodeContainer(const Container& container);

// Verifies the flatbuffer at the start of `file` (64-byte aligned) and decodes it. In the result
// extents lie inside the file, aligned, apart from each other and behind the flatbuffer: metadata
// first, then the checksum, then tensors. The checksum itself isn't compared here. `metadata_entry`
// is kMetadataEntry or kLoraEntry. Errors: InvalidArgument, Unimplemented.
absl::StatusOr<Container> DecodeContainer(absl::Span<const std::byte> file,
                                          const char* metadata_entry = kMetadataEntry);
// The same for a file of `file_bytes` whose first bytes, all or at least kMaxContainerBytes, are
// `begin`.
absl::StatusOr<Container> DecodeContainer(absl::Span<const std::byte> begin, uint64_t file_bytes,
                                          const char* metadata_entry = kMetadataEntry);

// Compares the checksum of `file`, which DecodeContainer found good. Errors: InvalidArgument.
absl::Status CheckChecksum(absl::Span<const std::byte> file, const Extent& checksum);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_CONTAINER_H_
