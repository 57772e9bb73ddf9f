// Reading vocabularies (see tokenizer_vocabulary.h).

#include "converter/tokenizer/tokenizer_vocabulary.h"

#include <cstddef>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "converter/tokenizer/byte_alphabet.h"
#include "converter/tokenizer/tokenizer_pipeline.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Json = nlohmann::json;
using PieceIds = absl::flat_hash_map<std::string, int32_t>;

// Returns the byte of a piece written "<0x0A>", or -1.
int ByteOfPiece(absl::string_view piece) {
  uint32_t byte = 0;
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece.back() != '>') return -1;
  return absl::SimpleHexAtoi(piece.substr(3, 2), &byte) ? static_cast<int>(byte) : -1;
}

// A piece of a vocabulary that isn't byte-level.
PieceList::Piece TextPiece(const std::string& text, const TokenizerData& data, float score) {
  const bool byte_pieces = data.decoder.byte_runs == ByteRunText::kReplaceWholeRun;
  const int byte = byte_pieces ? ByteOfPiece(text) : -1;
  if (byte >= 0) return {std::string(1, static_cast<char>(byte)), PieceType::kByte, score};
  return {text, PieceType::kNormal, score};
}

absl::Status ReadVocabulary(const Json& vocab, const TokenizerData& data,
                            TokenizerVocabulary& vocabulary) {
  if (!vocab.is_object() || vocab.empty()) {
    return InvalidTokenizerJson("model.vocab: expected an object");
  }
  const bool bytes = data.kind == TokenizerKind::kByteLevelBpe;
  for (const auto& item : vocab.items()) {
    const std::string& text = item.key();
    if (!item.value().is_number_integer()) {
      return InvalidTokenizerJson(absl::StrCat("model.vocab['", text, "']: expected an id"));
    }
    const int64_t id = item.value().get<int64_t>();
    const absl::Status set = vocabulary.pieces.Set(
        id, bytes ? PieceList::Piece{BytesOfPiece(text), PieceType::kNormal, 0}
                  : TextPiece(text, data, 0));
    if (!set.ok()) return InvalidTokenizerJson(absl::StrCat("model.vocab: ", set.message()));
    vocabulary.ids.emplace(text, static_cast<int32_t>(id));
  }
  return absl::OkStatus();
}

absl::Status ReadMerges(const Json& merges, const PieceIds& ids, TokenizerData& data) {
  if (merges.is_null()) return absl::OkStatus();
  if (!merges.is_array()) return InvalidTokenizerJson("model.merges: expected an array");
  data.merges.reserve(merges.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    const Json& merge = merges[i];
    std::pair<std::string, std::string> sides;
    if (merge.is_string()) {
      const std::string& line = merge.get_ref<const std::string&>();
      const size_t space = line.find(' ');
      if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
        return InvalidTokenizerJson(
            absl::StrCat("model.merges[", i, "]: expected two pieces, found '", line, "'"));
      }
      sides = {line.substr(0, space), line.substr(space + 1)};
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      sides = {merge[0].get<std::string>(), merge[1].get<std::string>()};
    } else {
      return InvalidTokenizerJson(absl::StrCat("model.merges[", i, "]: expected two pieces"));
    }
    const auto left = ids.find(sides.first);
    const auto right = ids.find(sides.second);
    const auto result = ids.find(sides.first + sides.second);
    if (left == ids.end() || right == ids.end() || result == ids.end()) {
      return InvalidTokenizerJson(absl::StrCat("model.merges[", i, "]: '", sides.first, "' + '",
                                               sides.second,
                                               "' names a piece that is not in the vocabulary"));
    }
    data.merges.push_back({left->second, right->second, result->second});
  }
  return absl::OkStatus();
}

absl::Status ReadBpe(const Json& model, TokenizerVocabulary& vocabulary, TokenizerData& data) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!StringField(model, key).empty()) {
      return UnsupportedInTokenizerJson(absl::StrCat("model.", key));
    }
  }
  const Json& dropout = Field(model, "dropout");
  if (dropout.is_number() && dropout.get<double>() != 0) {
    return UnsupportedInTokenizerJson("model.dropout");
  }
  data.whole_words_first = BoolField(model, "ignore_merges", false);
  data.fuse_unknown = BoolField(model, "fuse_unk", false);
  ABSL_RETURN_IF_ERROR(ReadVocabulary(Field(model, "vocab"), data, vocabulary));
  ABSL_RETURN_IF_ERROR(ReadMerges(Field(model, "merges"), vocabulary.ids, data));
  const std::string unknown = StringField(model, "unk_token");
  const auto found = vocabulary.ids.find(unknown);
  if (found != vocabulary.ids.end()) {
    data.unk_id = found->second;  // still a piece like others, which merges may make
    data.decoder.unknown_text = unknown;
  }
  return absl::OkStatus();
}

absl::Status ReadUnigramPiece(const Json& entry, size_t id, TokenizerVocabulary& vocabulary,
                              const TokenizerData& data) {
  if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
    return InvalidTokenizerJson(absl::StrCat("model.vocab[", id,
                                             "]: expected a piece and its score, found ",
                                             entry.dump().substr(0, 100)));
  }
  const std::string text = entry[0].get<std::string>();
  const double score = entry[1].get<double>();
  const absl::Status set = vocabulary.pieces.Set(static_cast<int64_t>(id),
                                                 TextPiece(text, data, static_cast<float>(score)));
  if (!set.ok()) return InvalidTokenizerJson(absl::StrCat("model.vocab: ", set.message()));
  vocabulary.ids.emplace(text, static_cast<int32_t>(id));
  vocabulary.scores.push_back(score);
  return absl::OkStatus();
}

absl::Status ReadUnigram(const Json& model, TokenizerVocabulary& vocabulary, TokenizerData& data) {
  const Json& vocab = Field(model, "vocab");
  if (!vocab.is_array() || vocab.empty()) {
    return InvalidTokenizerJson("model.vocab: expected an array of pieces with scores");
  }
  for (size_t id = 0; id < vocab.size(); ++id) {
    ABSL_RETURN_IF_ERROR(ReadUnigramPiece(vocab[id], id, vocabulary, data));
  }
  data.fuse_unknown = true;
  const Json& unknown = Field(model, "unk_id");
  if (unknown.is_null()) return UnsupportedInTokenizerJson("a Unigram model without unk_id");
  if (!unknown.is_number_integer() || unknown < 0 || unknown >= vocab.size()) {
    return InvalidTokenizerJson(
        absl::StrCat("model.unk_id: expected 0 to ", vocab.size() - 1, ", found ", unknown.dump()));
  }
  data.unk_id = unknown.get<int32_t>();
  data.decoder.unknown_text = vocab[static_cast<size_t>(data.unk_id)][0].get<std::string>();
  return absl::OkStatus();
}

}  // namespace

std::string BytesOfPiece(const std::string& piece) {
  std::string bytes = piece;
  BytesOfCharacters(piece, bytes);
  return bytes;
}

absl::Status ReadTokenizerModel(const Json& model, TokenizerVocabulary& vocabulary,
                                TokenizerData& data) {
  const std::string type = StringField(model, "type", "BPE");
  if (type == "Unigram") return ReadUnigram(model, vocabulary, data);
  if (type != "BPE") return UnsupportedInTokenizerJson(absl::StrCat("model type ", type));
  return ReadBpe(model, vocabulary, data);
}

absl::Status CheckMergesAreThere(const PieceList& pieces, const TokenizerData& data) {
  if (data.kind == TokenizerKind::kUnigram || !data.merges.empty()) return absl::OkStatus();
  for (int32_t id = 0; id < pieces.size(); ++id) {
    const PieceList::Piece& piece = pieces[id];
    if (piece.type != PieceType::kNormal || id == data.unk_id || piece.bytes.empty()) continue;
    const bool bytes = data.kind == TokenizerKind::kByteLevelBpe;
    const size_t unit = bytes ? 1 : DecodeUtf8(piece.bytes).length;
    if (piece.bytes.size() == unit) continue;
    return InvalidTokenizerJson(
        absl::StrCat("model.merges: expected the merges that make pieces such as ", id,
                     ", found none; give the tokenizer files of the checkpoint that "
                     "this one comes from"));
  }
  return absl::OkStatus();
}

}  // namespace inkling
