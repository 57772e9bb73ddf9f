// Makes the GGUF file of a Hugging Face checkpoint as llama.cpp's converter would write it, from
// what is known of that converter and independently of the reader under test.

#ifndef INKLING_TESTS_CONVERTER_GGUF_FROM_HUGGING_FACE_H_
#define INKLING_TESTS_CONVERTER_GGUF_FROM_HUGGING_FACE_H_

#include <cstdint>
#include <string>

#include "tests/converter/gguf_fixture.h"

namespace inkling {

// The model in `folder`, matrices in `matrix_type` (kGgufF32, ...), vectors in F32. Where the
// format can't hold a field of the config (the query scale of Gemma 2 and 3), weights take it up.
// The test fails for a family that isn't known.
GgufBuilder GgufFromHuggingFace(const std::string& folder, uint32_t matrix_type);

// The tokenizer in `folder` (tokenizer.json for byte-level vocabularies, else tokenizer.model)
// added to `builder`; `pre` is tokenizer.ggml.pre.
void AddGgufTokenizer(const std::string& folder, const std::string& pre, GgufBuilder& builder);

}  // namespace inkling

#endif  // INKLING_TESTS_CONVERTER_GGUF_FROM_HUGGING_FACE_H_
