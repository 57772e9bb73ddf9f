// Reads Hugging Face's tokenizer.json: the vocabulary, its merges and the added tokens. The stages
// around them are in tokenizer_pipeline.h. Byte-level vocabularies write bytes as printable
// characters; here they become bytes again, so that the runtime never sees that alphabet.

#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "converter/json_text.h"
#include "converter/piece_list.h"
#include "converter/tokenizer_import.h"
#include "converter/tokenizer_pipeline.h"
#include "src/text/byte_trie.h"
#include "src/text/normalizer.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Json = nlohmann::json;
using PieceIds = absl::flat_hash_map<absl::string_view, int32_t>;

absl::Status Invalid(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("tokenizer.json: ", what));
}

absl::Status Unsupported(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("tokenizer.json: ", what, " is not supported"));
}

// The byte that each character of the byte-level alphabet stands for: printable Latin-1 characters
// stand for themselves, the other bytes follow from U+0100 on in order.
absl::flat_hash_map<uint32_t, uint8_t> ByteAlphabet() {
  absl::flat_hash_map<uint32_t, uint8_t> alphabet;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    alphabet[printable ? byte : next++] = static_cast<uint8_t>(byte);
  }
  return alphabet;
}

// Returns the bytes that a byte-level piece stands for; text outside the alphabet stands for
// itself.
std::string PieceToBytes(const std::string& piece,
                         const absl::flat_hash_map<uint32_t, uint8_t>& alphabet) {
  std::string bytes;
  for (size_t pos = 0; pos < piece.size();) {
    const Utf8Char character = DecodeUtf8(absl::string_view(piece).substr(pos));
    const auto found = alphabet.find(character.codepoint);
    if (found == alphabet.end()) return piece;
    bytes.push_back(static_cast<char>(found->second));
    pos += character.length;
  }
  return bytes;
}

// Returns the byte of a piece written "<0x0A>", or -1.
int ByteOfPiece(absl::string_view piece) {
  uint32_t byte = 0;
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece.back() != '>') return -1;
  return absl::SimpleHexAtoi(piece.substr(3, 2), &byte) ? static_cast<int>(byte) : -1;
}

absl::Status ReadVocabulary(const Json& vocab, const TokenizerData& data, PieceList& pieces,
                            PieceIds& ids) {
  if (!vocab.is_object() || vocab.empty()) return Invalid("model.vocab: expected an object");
  const bool bytes = data.kind == TokenizerKind::kByteLevelBpe;
  const bool byte_pieces = data.decoder.byte_runs == ByteRunText::kReplaceWholeRun;
  const auto alphabet = ByteAlphabet();
  for (const auto& item : vocab.items()) {
    const std::string& text = item.key();
    if (!item.value().is_number_integer()) {
      return Invalid(absl::StrCat("model.vocab['", text, "']: expected an id"));
    }
    const int64_t id = item.value().get<int64_t>();
    PieceList::Piece piece{bytes ? PieceToBytes(text, alphabet) : text, PieceType::kNormal, 0};
    const int byte = bytes || !byte_pieces ? -1 : ByteOfPiece(text);
    if (byte >= 0) piece = {std::string(1, static_cast<char>(byte)), PieceType::kByte, 0};
    const absl::Status set = pieces.Set(id, std::move(piece));
    if (!set.ok()) return Invalid(absl::StrCat("model.vocab: ", set.message()));
    ids.emplace(text, static_cast<int32_t>(id));
  }
  return absl::OkStatus();
}

absl::Status ReadMerges(const Json& merges, const PieceIds& ids, TokenizerData& data) {
  if (merges.is_null()) return absl::OkStatus();
  if (!merges.is_array()) return Invalid("model.merges: expected an array");
  data.merges.reserve(merges.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    const Json& merge = merges[i];
    std::pair<std::string, std::string> sides;
    if (merge.is_string()) {
      const std::string& line = merge.get_ref<const std::string&>();
      const size_t space = line.find(' ');
      if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
        return Invalid(
            absl::StrCat("model.merges[", i, "]: expected two pieces, found '", line, "'"));
      }
      sides = {line.substr(0, space), line.substr(space + 1)};
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      sides = {merge[0].get<std::string>(), merge[1].get<std::string>()};
    } else {
      return Invalid(absl::StrCat("model.merges[", i, "]: expected two pieces"));
    }
    const auto left = ids.find(sides.first);
    const auto right = ids.find(sides.second);
    const auto result = ids.find(sides.first + sides.second);
    if (left == ids.end() || right == ids.end() || result == ids.end()) {
      return Invalid(absl::StrCat("model.merges[", i, "]: '", sides.first, "' + '", sides.second,
                                  "' names a piece that is not in the vocabulary"));
    }
    data.merges.push_back({left->second, right->second, result->second});
  }
  return absl::OkStatus();
}

absl::Status ReadModel(const Json& model, TokenizerData& data, PieceList& pieces, PieceIds& ids) {
  const std::string type = StringField(model, "type", "BPE");
  if (type != "BPE") return Unsupported(absl::StrCat("model type ", type));
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!StringField(model, key).empty()) return Unsupported(absl::StrCat("model.", key));
  }
  const Json& dropout = Field(model, "dropout");
  if (dropout.is_number() && dropout.get<double>() != 0) return Unsupported("model.dropout");
  data.whole_words_first = BoolField(model, "ignore_merges", false);
  data.fuse_unknown = BoolField(model, "fuse_unk", false);
  absl::Status status = ReadVocabulary(Field(model, "vocab"), data, pieces, ids);
  if (status.ok()) status = ReadMerges(Field(model, "merges"), ids, data);
  if (!status.ok()) return status;
  const std::string unknown = StringField(model, "unk_token");
  const auto found = ids.find(unknown);
  if (found != ids.end()) {
    data.unk_id = found->second;  // still a piece like others, which merges may make
    data.decoder.unknown_text = unknown;
    return absl::OkStatus();
  }
  if (data.kind == TokenizerKind::kByteLevelBpe || data.byte_fallback) return absl::OkStatus();
  // Such characters vanish before the merges, which then join what stood around them.
  return Unsupported("a BPE of characters without unk_token and without byte_fallback");
}

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
    return Invalid(absl::StrCat("added_tokens: expected an id and a content, found ", item.dump()));
  }
  if (BoolField(item, "single_word", false)) {
    return Unsupported(absl::StrCat("single_word of added token '", token.content, "'"));
  }
  // The vocabulary's own id of a text comes before the one written here.
  const auto known = ids.find(token.content);
  const int64_t number = known != ids.end() ? known->second : id.get<int64_t>();
  token.special = BoolField(item, "special", false);
  token.markup = token.special;
  token.strip_left = BoolField(item, "lstrip", false);
  token.strip_right = BoolField(item, "rstrip", false);
  // Special tokens are looked for in the given text, as transformers does whatever the file says.
  token.match_normalized = BoolField(item, "normalized", false) && !token.special;
  if (!pieces.Has(number)) {
    const bool bytes = data.kind == TokenizerKind::kByteLevelBpe;
    const PieceType type = token.special ? PieceType::kControl : PieceType::kUserDefined;
    const absl::Status set = pieces.Set(
        number, {bytes ? PieceToBytes(token.content, ByteAlphabet()) : token.content, type, 0});
    if (!set.ok()) return Invalid(absl::StrCat("added_tokens: ", set.message()));
  }
  token.id = static_cast<int32_t>(number);
  if (token.special) pieces[token.id].type = PieceType::kControl;
  data.added_tokens.push_back(std::move(token));
  return absl::OkStatus();
}

absl::Status ReadAddedTokens(const Json& list, const PieceIds& ids, PieceList& pieces,
                             TokenizerData& data) {
  if (list.is_null()) return absl::OkStatus();
  if (!list.is_array()) return Invalid("added_tokens: expected an array");
  // What is matched in normalised text is written in normalised form (before any escaping that a
  // pre_tokenizer does; that comes later in this file's order of reading).
  absl::StatusOr<Normalizer> normalizer = Normalizer::Create(data.normalizer, ByteTrie());
  if (!normalizer.ok()) return normalizer.status();
  for (const Json& item : list) {
    ABSL_RETURN_IF_ERROR(ReadAddedToken(item, ids, pieces, data));
    AddedToken& token = data.added_tokens.back();
    if (!token.match_normalized) continue;
    std::string storage;
    token.content =
        std::string(normalizer->Normalize(token.content, TextPosition::kStart, storage));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TokenizerData> ReadTokenizerTree(const Json& tokenizer) {
  if (!tokenizer.is_object() || !Field(tokenizer, "model").is_object()) {
    return Invalid("expected an object with a model; not a tokenizer.json?");
  }
  TokenizerData data;
  const bool bytes = IsByteLevel(tokenizer);
  data.kind = bytes ? TokenizerKind::kByteLevelBpe : TokenizerKind::kCodepointBpe;
  data.normalizer.invalid_utf8 = InvalidUtf8::kReplaceMaximalSubpart;
  data.byte_fallback = !bytes && BoolField(Field(tokenizer, "model"), "byte_fallback", false);
  PieceList pieces;
  PieceIds ids;
  absl::Status status = ReadNormalizer(tokenizer, data);
  if (status.ok()) status = ReadDecoder(tokenizer, data);
  if (status.ok()) status = ReadModel(Field(tokenizer, "model"), data, pieces, ids);
  if (status.ok()) CheckByteFallback(pieces, data);
  if (status.ok()) status = ReadAddedTokens(Field(tokenizer, "added_tokens"), ids, pieces, data);
  const bool plain =
      data.normalizer.unicode_form == UnicodeForm::kNone && !data.normalizer.escape_spaces;
  if (status.ok()) status = ReadPretokenizer(tokenizer, data);
  if (status.ok()) status = ReadPostProcessor(tokenizer, data);
  if (!status.ok()) return status;
  if (plain && data.normalizer.escape_spaces) {
    // Escaping by the pre_tokenizer happens behind the search for added tokens: given text it is.
    for (AddedToken& token : data.added_tokens) token.match_normalized = false;
  }
  const absl::Status written = pieces.Write(data);
  if (!written.ok()) return written;
  return data;
}

absl::StatusOr<TokenizerData> ParseTokenizerJson(absl::string_view text) {
  absl::StatusOr<Json> parsed = ParseJson(text, "tokenizer.json");
  if (!parsed.ok()) return parsed.status();
  return ReadTokenizerTree(*parsed);
}

absl::StatusOr<TokenizerData> ParseVocabAndMerges(absl::string_view vocab,
                                                  absl::string_view merges) {
  absl::StatusOr<Json> pieces = ParseJson(vocab, "vocab.json");
  if (!pieces.ok()) return pieces.status();
  Json list = Json::array();
  for (absl::string_view line : absl::StrSplit(merges, '\n')) {
    if (line.empty() || line.substr(0, 9) == "#version:") continue;
    if (line.back() == '\r') line.remove_suffix(1);
    list.push_back(std::string(line));
  }
  const Json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  Json tokenizer = {{"pre_tokenizer", byte_level}, {"decoder", byte_level}};
  Json end = {{"content", "<|endoftext|>"}, {"special", true}};
  if (pieces->is_object() && pieces->contains("<|endoftext|>")) {
    end["id"] = (*pieces)["<|endoftext|>"];
    tokenizer["added_tokens"] = Json::array({end});
  }
  tokenizer["model"] = {{"type", "BPE"}, {"vocab", *std::move(pieces)}, {"merges", list}};
  return ReadTokenizerTree(tokenizer);
}

}  // namespace inkling
