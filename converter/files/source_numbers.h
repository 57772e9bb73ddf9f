// The number types that checkpoints store, converted to float: plain numbers exactly, blocks of
// quantised weights as the format's reference implementation does.
//
// Checkpoint readers call it for every row they read. Bytes are little-endian and may be unaligned.

#ifndef INKLING_CONVERTER_FILES_SOURCE_NUMBERS_H_
#define INKLING_CONVERTER_FILES_SOURCE_NUMBERS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace inkling {

// Bytes of one number of a safetensors dtype ("BF16" -> 2), those without a reader here too, so
// that sizes can be checked; 0 for an unknown name.
int64_t DtypeBytes(absl::string_view dtype);

// True for the dtypes that ConvertToFloat takes: F32, F16, BF16, and GGUF's blocks
// (block_formats.h).
bool CanDequantize(absl::string_view dtype);

// `bytes` holds whole numbers, or whole blocks, of `dtype`. Error: Unimplemented for other dtypes,
// by name.
absl::StatusOr<std::vector<float>> ConvertToFloat(absl::Span<const std::byte> bytes,
                                                  absl::string_view dtype);

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_SOURCE_NUMBERS_H_
