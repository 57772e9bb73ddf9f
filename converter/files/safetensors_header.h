// The header of one safetensors file: which tensors lie where. Everything a file claims is checked.
//
// The Hugging Face reader opens every shard with it. Layout: u64 little-endian header length, a
// JSON object {name: {dtype, shape, data_offsets}}, then the data; offsets count from the data's
// start.

#ifndef INKLING_CONVERTER_FILES_SAFETENSORS_HEADER_H_
#define INKLING_CONVERTER_FILES_SAFETENSORS_HEADER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "converter/files/input_file.h"
#include "converter/files/source_tensor.h"

namespace inkling {

// True if `file` has room for a header and its JSON would begin where it should.
bool LooksLikeSafetensors(const InputFile& file);

// Reads and checks the header of `file`; entries come in the order of their offsets. The rules are
// those of the format's reference implementation: the tensors cover the data exactly, without
// overlap, holes or bytes left over. Errors: InvalidArgument naming the file, the tensor, expected
// and found; DataLoss for a file shorter than its header says.
absl::StatusOr<std::vector<WeightEntry>> ReadSafetensorsHeader(const InputFile& file);

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_SAFETENSORS_HEADER_H_
