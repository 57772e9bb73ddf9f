// The header of one GGUF file: its metadata and which tensors lie where. Everything a file claims
// is checked.
//
// The GGUF reader opens every shard with it, the tokenizer import reads the metadata alone. Layout:
// "GGUF", u32 version, u64 number of tensors, u64 number of metadata entries, the entries (key,
// type, value), the tensors (name, sizes with the fastest first, type, offset), zeros up to a
// multiple of general.alignment, then the data, from where offsets count.

#ifndef INKLING_CONVERTER_FILES_GGUF_HEADER_H_
#define INKLING_CONVERTER_FILES_GGUF_HEADER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/files/config_fields.h"
#include "converter/files/input_file.h"
#include "converter/files/source_tensor.h"
#include "nlohmann/json.hpp"

namespace inkling {

struct GgufTensor {
  SourceTensor tensor;  // shape with the rows first, as everywhere else
  int64_t offset = 0;   // of the first byte, in the file
};

struct GgufHeader {
  nlohmann::json metadata;          // an object; arrays hold strings, numbers or booleans
  FieldSpelling spelling;           // the types of the metadata, as GGUF calls them: "uint32"
  std::vector<GgufTensor> tensors;  // in the order of the header
};

// How much of a header is wanted.
enum class GgufParts {
  kModel,     // all but the tokenizer's lists, which are the bulk of the metadata
  kMetadata,  // all metadata, no tensors
};

// True if `file` begins as a GGUF file does.
bool IsGguf(const InputFile& file);

// Reads and checks the header of `file`. Errors: InvalidArgument naming the file, the entry or
// tensor, expected and found; DataLoss for a file shorter than its header says; Unimplemented for
// another version than 2 and 3, for a big-endian file, and for tensor types that aren't read.
absl::StatusOr<GgufHeader> ReadGgufHeader(const InputFile& file, GgufParts parts);

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_GGUF_HEADER_H_
