// Building the tree (see sentencepiece_tree.h). Source: transformers 5.12.1,
// convert_slow_tokenizer.py (SentencePieceExtractor, SpmConverter.build_tokenizer_from_spm_proto)
// and tokenization_utils_base.py (generate_merges).

#include "converter/tokenizer/sentencepiece_tree.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

Json Bpe(const std::vector<std::string>& pieces) {
  absl::flat_hash_map<absl::string_view, size_t> ids;
  Json vocab = Json::object();
  for (size_t id = 0; id < pieces.size(); ++id) {
    ids[pieces[id]] = id;
    vocab[pieces[id]] = id;
  }
  Json merges = Json::array();
  for (size_t id = 0; id < pieces.size(); ++id) {
    const absl::string_view piece = pieces[id];
    if (ids[piece] != id) continue;  // a later piece has the same text
    for (size_t cut = DecodeUtf8(piece).length; cut < piece.size();
         cut += DecodeUtf8(piece.substr(cut)).length) {
      if (!ids.contains(piece.substr(0, cut)) || !ids.contains(piece.substr(cut))) continue;
      merges.push_back({std::string(piece.substr(0, cut)), std::string(piece.substr(cut))});
    }
  }
  return {{"vocab", std::move(vocab)}, {"merges", std::move(merges)}};
}

std::vector<std::string> Texts(const SentencePieceFile& file) {
  std::vector<std::string> texts;
  texts.reserve(file.pieces.size());
  for (const SentencePieceFile::Piece& piece : file.pieces) texts.push_back(piece.text);
  return texts;
}

// Pieces whose text added_tokens_decoder gives anew: placeholders that fine-tunes take.
void Rename(const std::map<int64_t, TokenSpec>& added, std::vector<std::string>& texts) {
  absl::flat_hash_set<std::string> known(texts.begin(), texts.end());
  for (const auto& [id, token] : added) {
    if (id < 0 || static_cast<size_t>(id) >= texts.size()) continue;
    if (known.insert(token.content).second) texts[static_cast<size_t>(id)] = token.content;
  }
}

}  // namespace

Json VocabAndMerges(const SentencePieceFile& file) { return Bpe(Texts(file)); }

absl::StatusOr<Json> PlainSentencePieceTree(const SentencePieceFile& file,
                                            const std::map<int64_t, TokenSpec>& added) {
  std::vector<std::string> texts = Texts(file);
  Rename(added, texts);
  Json model;
  if (file.model_type == 1) {
    Json vocab = Json::array();
    for (size_t id = 0; id < texts.size(); ++id) {
      vocab.push_back({texts[id], file.pieces[id].score});
    }
    model = {{"type", "Unigram"}, {"unk_id", file.unk_id}, {"vocab", std::move(vocab)}};
  } else if (file.model_type == 2) {
    model = Bpe(texts);
    model["type"] = "BPE";
    model["unk_token"] = file.unk_piece;
    model["fuse_unk"] = true;
  } else {
    return absl::UnimplementedError(
        absl::StrCat("tokenizer.model: model_type ", file.model_type, " is not supported"));
  }
  model["byte_fallback"] = file.byte_fallback;
  Json normalizers = Json::array();
  if (!file.charsmap.empty()) {
    normalizers.push_back(
        {{"type", "Precompiled"}, {"precompiled_charsmap", absl::Base64Escape(file.charsmap)}});
  }
  const Json pattern = {{"String", " "}};
  normalizers.push_back(
      {{"type", "Replace"}, {"pattern", pattern}, {"content", std::string(kEscapedSpaceText)}});
  Json decoders = Json::array({{{"type", "Replace"},
                                {"pattern", {{"String", std::string(kEscapedSpaceText)}}},
                                {"content", " "}}});
  if (file.byte_fallback) {
    decoders.push_back({{"type", "ByteFallback"}});
    decoders.push_back({{"type", "Fuse"}});
  }
  return Json{{"model", std::move(model)},
              {"normalizer", {{"type", "Sequence"}, {"normalizers", std::move(normalizers)}}},
              {"decoder", {{"type", "Sequence"}, {"decoders", std::move(decoders)}}}};
}

std::vector<TokenSpec> TokensOfPieces(const SentencePieceFile& file) {
  std::vector<TokenSpec> tokens;
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    const bool control = piece.type == static_cast<uint64_t>(PieceType::kControl);
    const bool defined = piece.type == static_cast<uint64_t>(PieceType::kUserDefined);
    if (!control && !defined) continue;
    TokenSpec token;
    token.content = piece.text;
    token.special = control;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace inkling
