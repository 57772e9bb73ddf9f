// Bounds of TokenizerData and PromptTemplateData: what src/text may index without looking.
//
// The writer checks what it is given, the reader what a file says. Whether a tokenizer makes sense
// (its pieces are UTF-8, its charsmap a trie) is for src/text to judge.

#ifndef INKLING_SRC_FORMAT_TOKENIZER_BOUNDS_H_
#define INKLING_SRC_FORMAT_TOKENIZER_BOUNDS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "src/format/tokenizer_data.h"
#include "src/format/tool_template_data.h"

namespace inkling {

// Piece offsets start at 0, never decrease and end at the end of piece_bytes; arrays have the right
// lengths; every id is a piece's; every enum value is known (else Unimplemented); at most
// `vocab_size` pieces. No pieces at all is valid: the model has no tokenizer.
absl::Status ValidateTokenizerBounds(const TokenizerData& tokenizer, int32_t vocab_size);

// Stop ids lie in [0, vocab_size); every enum value is known, and fields of tools stand where they
// have a meaning.
absl::Status ValidateTemplateBounds(const PromptTemplateData& prompt_template, int32_t vocab_size);

// The part of it about tools.
absl::Status ValidateToolTemplateBounds(const ToolTemplateData& tools);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_TOKENIZER_BOUNDS_H_
