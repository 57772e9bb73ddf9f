// The nested flatbuffer of a model file (model_metadata.fbs): ModelMetadata to bytes and back.
//
// Only the model writer and reader call this. Decoding is where a hostile file's config and
// tokenizer are checked.

#ifndef INKLING_SRC_FORMAT_MODEL_METADATA_H_
#define INKLING_SRC_FORMAT_MODEL_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/format/model_reader.h"

namespace inkling {

// The version that this build writes, and the only one that it reads.
inline constexpr uint32_t kFormatVersion = 3;

// The bytes of the metadata; the same metadata gives the same bytes. model_id is stored as it is.
std::vector<std::byte> EncodeMetadata(const ModelMetadata& metadata);

// 32 hex digits over what all conversions of one checkpoint have in common: config and tokenizer.
std::string ModelFingerprint(const ModelMetadata& metadata);

// Unimplemented, saying to convert the checkpoint again, if `bytes` are the metadata of an earlier
// format version; OK for anything else, damaged metadata too.
absl::Status RefuseEarlierFormat(absl::Span<const std::byte> bytes);

// Verifies `bytes` (aligned to 64) as a flatbuffer and decodes it; the result
// satisfies ValidateMetadata. Errors: InvalidArgument, Unimplemented (format version or an enum's
// value).
absl::StatusOr<ModelMetadata> DecodeMetadata(absl::Span<const std::byte> bytes);

// The config's, tokenizer's and template's bounds; model_id isn't looked at.
absl::Status ValidateMetadata(const ModelMetadata& metadata);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_MODEL_METADATA_H_
