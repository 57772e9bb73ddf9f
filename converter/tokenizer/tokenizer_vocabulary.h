// The "model" of a tokenizer.json: its pieces, ids, scores and merges.
//
// tokenizer_import_json.cc reads a whole file with it. Byte-level vocabularies write bytes as
// printable characters; here they become bytes again, so that the runtime never sees that alphabet.

#ifndef INKLING_CONVERTER_TOKENIZER_TOKENIZER_VOCABULARY_H_
#define INKLING_CONVERTER_TOKENIZER_TOKENIZER_VOCABULARY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "converter/tokenizer/piece_list.h"
#include "nlohmann/json.hpp"
#include "src/format/tokenizer_data.h"

namespace inkling {

// What a "model" says, while it is read.
struct TokenizerVocabulary {
  PieceList pieces;
  absl::flat_hash_map<std::string, int32_t> ids;  // by the text that the file writes
  std::vector<double> scores;                     // of Unigram, by id
};

// Returns the bytes that a byte-level piece stands for; text outside the alphabet stands for
// itself.
std::string BytesOfPiece(const std::string& piece);

// Reads `model` (type BPE or Unigram) into `vocabulary` and the axes of `data` that it decides.
// data.kind, .byte_fallback and .decoder are given. Errors: InvalidArgument, Unimplemented, which
// begin with "tokenizer.json: model".
absl::Status ReadTokenizerModel(const nlohmann::json& model, TokenizerVocabulary& vocabulary,
                                TokenizerData& data);

// InvalidArgument if a BPE has pieces that only merges could make, and no merges: what publishers
// forget is noticed here and not by ids that are all bytes. Added tokens are read already.
absl::Status CheckMergesAreThere(const PieceList& pieces, const TokenizerData& data);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TOKENIZER_VOCABULARY_H_
