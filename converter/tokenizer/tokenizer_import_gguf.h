// The tokenizer and the chat template in the metadata of a GGUF file.

#ifndef INKLING_CONVERTER_TOKENIZER_TOKENIZER_IMPORT_GGUF_H_
#define INKLING_CONVERTER_TOKENIZER_TOKENIZER_IMPORT_GGUF_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "converter/files/input_file.h"
#include "converter/tokenizer/tokenizer_import.h"

namespace inkling {

// Reads both from `file`, which begins as a GGUF file does. Errors: those of ReadGgufHeader;
// NotFound for a file without a tokenizer; InvalidArgument, Unimplemented for what src/text can't
// do exactly, by key.
absl::StatusOr<ImportedTokenizer> ImportTokenizerGguf(const InputFile& file);

// Adds what the metadata of `file` say beside the vocabulary (ids, chat template) to a tokenizer
// that was read elsewhere.
absl::Status ApplyGgufMetadata(const InputFile& file, ImportedTokenizer& imported);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TOKENIZER_IMPORT_GGUF_H_
