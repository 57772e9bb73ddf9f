// What tokenizer.ggml.pre of a GGUF file stands for: how text is cut into words before byte-pair
// encoding, in tokenizer.json's spelling.

#ifndef INKLING_CONVERTER_TOKENIZER_GGUF_PRETOKENIZER_H_
#define INKLING_CONVERTER_TOKENIZER_GGUF_PRETOKENIZER_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace inkling {

struct GgufPretokenizer {
  nlohmann::json pre_tokenizer;  // tokenizer.json's
  bool nfc = false;              // text is composed (NFC) before, where the file doesn't say
  bool ignore_merges = false;    // a word that is a piece is that piece
  bool add_bos = false;          // where the file doesn't say
  std::string note;              // what was assumed, for people; empty: nothing
};

// `name` is tokenizer.ggml.pre, empty where a file lacks it (those of before May 2024 do); then
// `architecture` and the size of the vocabulary decide, if they leave one kind. Error:
// Unimplemented for a name that isn't known.
absl::StatusOr<GgufPretokenizer> FindGgufPretokenizer(absl::string_view name,
                                                      absl::string_view architecture,
                                                      size_t num_tokens);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_GGUF_PRETOKENIZER_H_
