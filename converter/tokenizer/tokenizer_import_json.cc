// Reads Hugging Face's tokenizer.json: the vocabulary (tokenizer_vocabulary.h), the added tokens,
// and the stages around them (tokenizer_pipeline.h).

#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/files/json_text.h"
#include "converter/tokenizer/piece_list.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "converter/tokenizer/tokenizer_pipeline.h"
#include "converter/tokenizer/tokenizer_vocabulary.h"
#include "src/text/byte_trie.h"
#include "src/text/normalizer.h"

namespace inkling {
namespace {

using Json = nlohmann::json;
using PieceIds = absl::flat_hash_map<std::string, int32_t>;

// A vocabulary without byte pieces never falls back to them, whatever the file says.
void CheckByteFallback(const PieceList& pieces, TokenizerData& data) {
  bool any = false;
  for (int32_t id = 0; id < pieces.size() && !any; ++id) {
    any = pieces[id].type == PieceType::kByte;
  }
  data.byte_fallback = data.byte_fallback && any;
}

absl::Status ReadAddedToken(const Json& item, const PieceIds& ids, PieceList& pieces,
                            TokenizerData& data) {
  AddedToken token;
  token.content = StringField(item, "content");
  const Json& id = Field(item, "id");
  if (token.content.empty() || !id.is_number_integer()) {
    return InvalidTokenizerJson(
        absl::StrCat("added_tokens: expected an id and a content, found ", item.dump()));
  }
  // The vocabulary's own id of a text comes before the one written here.
  const auto known = ids.find(token.content);
  const int64_t number = known != ids.end() ? known->second : id.get<int64_t>();
  token.special = BoolField(item, "special", false);
  token.markup = token.special;
  token.strip_left = BoolField(item, "lstrip", false);
  token.strip_right = BoolField(item, "rstrip", false);
  token.single_word = BoolField(item, "single_word", false);
  // Special tokens are looked for in the given text, as transformers does whatever the file says.
  token.match_normalized = BoolField(item, "normalized", false) && !token.special;
  if (!pieces.Has(number)) {
    const bool bytes = data.kind == TokenizerKind::kByteLevelBpe;
    const PieceType type = token.special ? PieceType::kControl : PieceType::kUserDefined;
    const absl::Status set =
        pieces.Set(number, {bytes ? BytesOfPiece(token.content) : token.content, type, 0});
    if (!set.ok()) return InvalidTokenizerJson(absl::StrCat("added_tokens: ", set.message()));
  }
  token.id = static_cast<int32_t>(number);
  if (token.special) pieces[token.id].type = PieceType::kControl;
  data.added_tokens.push_back(std::move(token));
  return absl::OkStatus();
}

absl::Status ReadAddedTokens(const Json& list, const PieceIds& ids, PieceList& pieces,
                             TokenizerData& data) {
  if (list.is_null()) return absl::OkStatus();
  if (!list.is_array()) return InvalidTokenizerJson("added_tokens: expected an array");
  // What is matched in normalised text is written in normalised form (before any escaping that a
  // pre_tokenizer does; that comes later in this file's order of reading).
  ABSL_ASSIGN_OR_RETURN(Normalizer normalizer, Normalizer::Create(data.normalizer, ByteTrie()));
  for (const Json& item : list) {
    ABSL_RETURN_IF_ERROR(ReadAddedToken(item, ids, pieces, data));
    AddedToken& token = data.added_tokens.back();
    if (!token.match_normalized) continue;
    std::string storage;
    token.content = std::string(normalizer.Normalize(token.content, TextPosition::kStart, storage));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TokenizerData> ReadTokenizerTree(const Json& tokenizer) {
  if (!tokenizer.is_object() || !Field(tokenizer, "model").is_object()) {
    return InvalidTokenizerJson("expected an object with a model; not a tokenizer.json?");
  }
  TokenizerData data;
  const bool bytes = IsByteLevel(tokenizer);
  data.kind = bytes ? TokenizerKind::kByteLevelBpe : TokenizerKind::kCodepointBpe;
  if (StringField(Field(tokenizer, "model"), "type") == "Unigram") {
    if (bytes) return UnsupportedInTokenizerJson("a Unigram model of bytes");
    data.kind = TokenizerKind::kUnigram;
  }
  data.normalizer.invalid_utf8 = InvalidUtf8::kReplaceMaximalSubpart;
  data.byte_fallback = !bytes && BoolField(Field(tokenizer, "model"), "byte_fallback", false);
  TokenizerVocabulary vocabulary;
  PieceList& pieces = vocabulary.pieces;
  ABSL_RETURN_IF_ERROR(ReadNormalizer(tokenizer, data));
  ABSL_RETURN_IF_ERROR(ReadDecoder(tokenizer, data));
  ABSL_RETURN_IF_ERROR(ReadTokenizerModel(Field(tokenizer, "model"), vocabulary, data));
  CheckByteFallback(pieces, data);
  ABSL_RETURN_IF_ERROR(
      ReadAddedTokens(Field(tokenizer, "added_tokens"), vocabulary.ids, pieces, data));
  ABSL_RETURN_IF_ERROR(CheckMergesAreThere(pieces, data));
  const bool plain =
      data.normalizer.unicode_form == UnicodeForm::kNone && !data.normalizer.escape_spaces;
  ABSL_RETURN_IF_ERROR(ReadPretokenizer(tokenizer, data));
  ABSL_RETURN_IF_ERROR(ReadPostProcessor(tokenizer, data));
  if (plain && data.normalizer.escape_spaces) {
    // Escaping by the pre_tokenizer happens behind the search for added tokens: given text it is.
    for (AddedToken& token : data.added_tokens) token.match_normalized = false;
  }
  ABSL_RETURN_IF_ERROR(pieces.Write(data));
  data.exact_scores = std::move(vocabulary.scores);
  if (!data.exact_scores.empty()) data.exact_scores.resize(data.piece_types.size());
  return data;
}

absl::StatusOr<TokenizerData> ParseTokenizerJson(absl::string_view text) {
  ABSL_ASSIGN_OR_RETURN(Json parsed, ParseJson(text, "tokenizer.json"));
  return ReadTokenizerTree(parsed);
}

}  // namespace inkling
