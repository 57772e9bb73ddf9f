// The stages around the vocabulary of a tokenizer.json: normalizer, pre_tokenizer, decoder,
// post_processor.
//
// Each is a tree of typed objects; these functions flatten it and translate every stage to an axis
// of TokenizerData. A stage, pattern or order without an exact counterpart is an Unimplemented
// error.

#ifndef INKLING_CONVERTER_TOKENIZER_TOKENIZER_PIPELINE_H_
#define INKLING_CONVERTER_TOKENIZER_TOKENIZER_PIPELINE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "src/format/tokenizer_data.h"

namespace inkling {

// Errors of a tokenizer.json: damaged or contradictory (`what` says which field, expected and
// found), and what it asks for and src/text can't do exactly.
absl::Status InvalidTokenizerJson(absl::string_view what);
absl::Status UnsupportedInTokenizerJson(absl::string_view what);

// Returns the string under `key` of an object, or `fallback` where it is missing or no string.
std::string StringField(const nlohmann::json& object, const char* key,
                        const std::string& fallback = "");

// Returns the bool under `key` of an object, or `fallback` where it is missing or no bool.
bool BoolField(const nlohmann::json& object, const char* key, bool fallback);

// Returns the value under `key`, or null.
const nlohmann::json& Field(const nlohmann::json& object, const char* key);

// Returns whether some stage of the pre_tokenizer turns text into bytes ("ByteLevel").
bool IsByteLevel(const nlohmann::json& tokenizer);

// Reads a whole tokenizer.json (tokenizer_import_json.cc).
absl::StatusOr<TokenizerData> ReadTokenizerTree(const nlohmann::json& tokenizer);

// The pattern of vocabularies that tell capitals from small letters (o200k, tekken): see
// WordSplit::kCasedWords. `contractions` is empty or kOptionalContractions, `digits` \p{N} with or
// without a count.
inline constexpr char kOptionalContractions[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
std::string CasedWordsPattern(absl::string_view contractions, absl::string_view digits);

// Fill the axes of `data` from the whole tokenizer.json.
absl::Status ReadNormalizer(const nlohmann::json& tokenizer, TokenizerData& data);
absl::Status ReadPretokenizer(const nlohmann::json& tokenizer, TokenizerData& data);
absl::Status ReadDecoder(const nlohmann::json& tokenizer, TokenizerData& data);
absl::Status ReadPostProcessor(const nlohmann::json& tokenizer, TokenizerData& data);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TOKENIZER_PIPELINE_H_
