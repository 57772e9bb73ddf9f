// The number formats of GGUF files that are read: plain floats, and blocks of quantised weights
// that share scales.
//
// The GGUF reader knows a tensor's size from them, source_numbers.cc dequantises with them.

#ifndef INKLING_CONVERTER_FILES_BLOCK_FORMATS_H_
#define INKLING_CONVERTER_FILES_BLOCK_FORMATS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace inkling {

struct BlockFormat {
  uint32_t type;           // the number that GGUF files hold
  absl::string_view name;  // "Q4_0"
  int32_t num_values;      // of a block; blocks lie along the rows of a matrix
  int32_t num_bytes;

  // Writes the num_values floats of one block. Multiplications and sums are rounded to float one by
  // one, as the reference implementation does. Null for plain numbers (num_values 1), which
  // source_numbers.cc converts itself.
  void (*dequantize)(const std::byte* block, float* values);
};

// Null for a type that isn't read.
const BlockFormat* FindBlockFormat(uint32_t type);
const BlockFormat* FindBlockFormat(absl::string_view name);

// "F32, F16, ...": every type that is read.
std::string BlockFormatNames();

// The name of a type that isn't read, or "number 99" if it isn't known either.
std::string UnreadTypeName(uint32_t type);

// The scale d of a block whose values are all d times a whole number from -8 to 7 (Q4_0; may be
// negative). `bytes` holds whole blocks; one scale each.
std::vector<float> Q4BlockScales(absl::Span<const std::byte> bytes);

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_BLOCK_FORMATS_H_
