// A SentencePiece model as transformers 5 reads it: not by SentencePiece's own rules, but as the
// "model" of a tokenizer.json, to which a tokenizer class adds its stages.

#ifndef INKLING_CONVERTER_TOKENIZER_SENTENCEPIECE_TREE_H_
#define INKLING_CONVERTER_TOKENIZER_SENTENCEPIECE_TREE_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/tokenizer/added_vocabulary.h"
#include "converter/tokenizer/sentencepiece_file.h"
#include "nlohmann/json.hpp"

namespace inkling {

// "vocab" and "merges" of a BPE: every pair of pieces whose joined text is a piece, in the order of
// the ids of what they make, those with the shorter left part first. Scores don't count.
nlohmann::json VocabAndMerges(const SentencePieceFile& file);

// The tree that transformers' TokenizersBackend builds where no class has stages of its own: the
// model's kind and bytes, its replacements, spaces escaped and none in front. `added` may give
// pieces other texts, by id. Errors: Unimplemented for kinds other than unigram and BPE.
absl::StatusOr<nlohmann::json> PlainSentencePieceTree(const SentencePieceFile& file,
                                                      const std::map<int64_t, TokenSpec>& added);

// The pieces that are tokens of their own: control pieces (special) and user-defined ones.
std::vector<TokenSpec> TokensOfPieces(const SentencePieceFile& file);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_SENTENCEPIECE_TREE_H_
