// Vocabularies whose pieces are written in GPT-2's characters for bytes, but kept as SentencePiece
// models: how MediaPipe's converters store those of Falcon, StableLM and Phi-2.
//
// MediaPipe maps the bytes of a text to characters and gives SentencePiece the whole of it. Here
// the vocabulary itself becomes one over bytes, so that the runtime never sees the characters.

#ifndef INKLING_CONVERTER_TOKENIZER_BYTE_CHARACTERS_H_
#define INKLING_CONVERTER_TOKENIZER_BYTE_CHARACTERS_H_

#include "absl/status/status.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// Rewrites `data`, which ParseSentencePieceModel has made of such a model, as a byte-level BPE of
// the same ids: the merges that its scores imply, in their order, and no words. The unknown piece
// (<|endoftext|>) becomes markup. Pieces with characters outside the alphabet, which no text
// becomes, stay as what they read as. Errors: Unimplemented for a model that isn't BPE, that
// changes its text first, or that has user-defined or byte pieces; InvalidArgument for damage.
absl::Status CharactersToBytes(TokenizerData& data);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_BYTE_CHARACTERS_H_
