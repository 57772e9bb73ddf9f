// Vocabularies of GGUF files: SentencePiece's ("llama") with scores, and byte-level ones ("gpt2")
// with merges, which become the tree of a tokenizer.json. What a file leaves open is done as
// llama.cpp does it, the reference for these files.

#include "converter/tokenizer/tokenizer_import_gguf.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "converter/files/config_fields.h"
#include "converter/files/gguf_header.h"
#include "converter/files/json_text.h"
#include "converter/tokenizer/gguf_pretokenizer.h"
#include "converter/tokenizer/piece_list.h"
#include "converter/tokenizer/sentencepiece_axes.h"
#include "converter/tokenizer/tokenizer_additions.h"
#include "converter/tokenizer/tokenizer_pipeline.h"
#include "src/text/pieces.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

constexpr char kPrefix[] = "tokenizer.ggml.";
constexpr uint32_t kNoId = std::numeric_limits<uint32_t>::max();  // how some files write "none"

class GgufTokenizerReader {
 public:
  GgufTokenizerReader(const InputFile& file, const GgufHeader& header)
      : path_(file.path()),
        metadata_(header.metadata),
        spelling_(header.spelling),
        fields_(header.metadata, file.path(), &header.spelling) {}

  absl::StatusOr<ImportedTokenizer> Read() {
    const std::string model = fields_.String(Key("model"), "");
    ABSL_RETURN_IF_ERROR(fields_.status());
    if (model.empty() || model == "none" || model == "no_vocab") {
      return absl::NotFoundError(absl::StrCat(path_, ": has no tokenizer: give one by name"));
    }
    if (model != "llama" && model != "gpt2") {
      return absl::UnimplementedError(
          absl::StrCat(path_, ": tokenizer.ggml.model: ", model,
                       " is not supported; this version reads llama and gpt2"));
    }
    ImportedTokenizer imported;
    imported.source = path_;
    absl::StatusOr<TokenizerData> data = model == "llama" ? ReadScored() : ReadByteLevel(imported);
    if (!data.ok()) {
      return absl::Status(data.status().code(), absl::StrCat(path_, ": ", data.status().message()));
    }
    imported.tokenizer = *std::move(data);
    ABSL_RETURN_IF_ERROR(Apply(imported));
    return imported;
  }

  // Ids, what is added to texts, and the chat template.
  absl::Status Apply(ImportedTokenizer& imported) {
    TokenizerData& data = imported.tokenizer;
    SetId("bos_token_id", data.bos_id, imported);
    SetId("eos_token_id", data.eos_id, imported);
    SetId("unknown_token_id", data.unk_id, imported);
    SetId("padding_token_id", data.pad_id, imported);
    data.add_bos = fields_.Bool(Key("add_bos_token"), add_bos_) && data.bos_id >= 0;
    data.add_eos = fields_.Bool(Key("add_eos_token"), false) && data.eos_id >= 0;
    AddStopId(data.eos_id, data);
    for (const char* key : {"eot_token_id", "eom_token_id"}) {
      // Converters write these for a whole family, whatever the vocabulary: 107 for Gemma.
      int32_t id = -1;
      SetId(key, id, imported);
      if (id >= 0 && TypeOfPiece(data, id) != PieceType::kNormal) AddStopId(id, data);
    }
    const std::string chat_template = fields_.String("tokenizer.chat_template", "");
    ABSL_RETURN_IF_ERROR(fields_.status());
    ApplyChatTemplate(chat_template, VocabularyTokens(data), imported);
    const absl::Status checked = CheckTokenizerData(data);
    return absl::Status(checked.code(), absl::StrCat(path_, ": ", checked.message()));
  }

 private:
  static std::string Key(absl::string_view name) { return absl::StrCat(kPrefix, name); }

  // An id in the vocabulary; another one leaves `id` as it is, with a note.
  void SetId(absl::string_view name, int32_t& id, ImportedTokenizer& imported) {
    const std::string key = Key(name);
    const auto found = metadata_.find(key);
    if (found == metadata_.end() || *found == kNoId || *found == -1) return;
    const int32_t number = fields_.Count(key, 0);
    const int32_t size = NumPieces(imported.tokenizer);
    if (fields_.status().ok() && number < size) {
      id = number;
    } else if (fields_.status().ok()) {
      imported.notes.push_back(absl::StrCat(key, " ", number, " is not in the vocabulary of ", size,
                                            " tokens: left out"));
    }
  }

  // The list `name`, of the length of the vocabulary.
  absl::StatusOr<const Json*> List(absl::string_view name) const {
    ABSL_RETURN_IF_ERROR(CheckListType(name));
    const auto tokens = metadata_.find(Key("tokens"));
    const auto found = metadata_.find(Key(name));
    const size_t size = tokens == metadata_.end() ? 0 : tokens->size();
    if (found == metadata_.end() || !found->is_array() || found->empty() || found->size() != size) {
      return absl::InvalidArgumentError(absl::StrCat(
          Key(name), ": expected a list of ", size, " entries, one a token, found ",
          found == metadata_.end() || !found->is_array() ? "nothing"
                                                         : absl::StrCat(found->size())));
    }
    return &*found;
  }

  // The type of token `id`; normal where the file has no types or doesn't define this one's.
  static absl::StatusOr<uint64_t> TypeAt(const Json* types, size_t id) {
    if (types == nullptr) return uint64_t{1};
    const Json& type = (*types)[id];
    if (!type.is_number_integer() || type < 0 || type > 6) {
      return absl::InvalidArgumentError(absl::StrCat("tokenizer.ggml.token_type[", id,
                                                     "]: expected 0 to 6, found ", type.dump()));
    }
    // 0, undefined: llama.cpp finds such a token in text as it finds a normal one.
    return std::max<uint64_t>(type.get<uint64_t>(), 1);
  }

  static absl::StatusOr<std::string> TextAt(const Json& tokens, size_t id) {
    const Json& token = tokens[id];
    if (!token.is_string()) {
      return absl::InvalidArgumentError("tokenizer.ggml.tokens: expected strings");
    }
    const std::string& text = token.get_ref<const std::string&>();
    if (WellFormedPrefix(text) == text.size()) return text;
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer.ggml.tokens[", id, "]: is not well-formed UTF-8"));
  }

  // A byte-level vocabulary's merges.
  absl::StatusOr<Json> Merges() const {
    const auto merges = metadata_.find(Key("merges"));
    if (merges != metadata_.end() && merges->is_array() && !merges->empty()) return *merges;
    return absl::InvalidArgumentError(
        absl::StrCat(Key("merges"), ": expected the merges of a byte-level vocabulary, found ",
                     merges == metadata_.end() ? "nothing"
                     : merges->is_array()      ? "an empty list"
                                               : JsonTypeName(*merges),
                     ": without merges, every byte of a text would be a token"));
  }

  absl::StatusOr<const Json*> Types() const {
    if (!metadata_.contains(Key("token_type"))) return nullptr;
    return List("token_type");
  }

  absl::StatusOr<TokenizerData> ReadScored() {
    ABSL_ASSIGN_OR_RETURN(const Json* tokens, List("tokens"));
    ABSL_ASSIGN_OR_RETURN(const Json* scores, List("scores"));
    ABSL_ASSIGN_OR_RETURN(const Json* types, Types());
    PieceList pieces;
    SentencePieceSettings settings;
    settings.kind = TokenizerKind::kCodepointBpe;
    for (size_t id = 0; id < tokens->size(); ++id) {
      ABSL_ASSIGN_OR_RETURN(std::string text, TextAt(*tokens, id));
      ABSL_ASSIGN_OR_RETURN(const uint64_t type, TypeAt(types, id));
      if (!(*scores)[id].is_number()) {
        return absl::InvalidArgumentError("tokenizer.ggml.scores: expected numbers");
      }
      // User-defined tokens are written with the spaces that they stand for.
      if (type == static_cast<uint64_t>(PieceType::kUserDefined)) {
        text = absl::StrReplaceAll(text, {{" ", kEscapedSpaceText}});
      }
      absl::StatusOr<PieceList::Piece> piece =
          MakeSentencePiece(std::move(text), (*scores)[id].get<float>(), type);
      if (!piece.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("token ", id, " ", piece.status().message()));
      }
      settings.byte_fallback = settings.byte_fallback || piece->type == PieceType::kByte;
      ABSL_RETURN_IF_ERROR(pieces.Set(static_cast<int64_t>(id), *std::move(piece)));
    }
    settings.add_dummy_prefix = fields_.Bool(Key("add_space_prefix"), true);
    settings.remove_extra_whitespaces = fields_.Bool(Key("remove_extra_whitespaces"), false);
    ABSL_RETURN_IF_ERROR(fields_.status());
    if (metadata_.contains(Key("precompiled_charsmap"))) {
      return absl::UnimplementedError("tokenizer.ggml.precompiled_charsmap is not supported");
    }
    ABSL_ASSIGN_OR_RETURN(TokenizerData data, MakeSentencePieceTokenizer(pieces, settings));
    // The segment behind a special token gets its space, too.
    if (settings.add_dummy_prefix) data.normalizer.space_prefix = SpacePrefix::kEverySegment;
    if (fields_.String("general.architecture", "") == "phi3") StripBehindMarks(data);
    add_bos_ = true;
    return data;
  }

  // Error: the list `name` is of another type in the file than it should be.
  absl::Status CheckListType(absl::string_view name) const {
    const auto type = spelling_.types.find(Key(name));
    if (type == spelling_.types.end()) return absl::OkStatus();
    const bool has_texts = absl::EndsWith(type->second, "string");
    const bool has_reals = absl::StrContains(type->second, "float");
    const bool is_list = absl::StartsWith(type->second, "array of ");
    const absl::string_view expected = name == "tokens"   ? "array of string"
                                       : name == "scores" ? "array of float32"
                                                          : "array of int32";
    const bool fits = name == "tokens"   ? has_texts
                      : name == "scores" ? has_reals
                                         : !has_texts && !has_reals;
    if (is_list && fits) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(Key(name), ": expected ", expected, ", found ", type->second));
  }

  // Phi-3's special tokens swallow the white space behind them, but for these; files don't say.
  static void StripBehindMarks(TokenizerData& data) {
    for (AddedToken& token : data.added_tokens) {
      token.strip_right =
          token.content != "<unk>" && token.content != "<s>" && token.content != "<|endoftext|>";
    }
  }

  absl::StatusOr<TokenizerData> ReadByteLevel(ImportedTokenizer& imported) {
    ABSL_ASSIGN_OR_RETURN(const Json* tokens, List("tokens"));
    ABSL_ASSIGN_OR_RETURN(const Json* types, Types());
    ABSL_ASSIGN_OR_RETURN(
        GgufPretokenizer known,
        FindGgufPretokenizer(fields_.String(Key("pre"), ""),
                             fields_.String("general.architecture", ""), tokens->size()));
    Json vocab = Json::object();
    Json added = Json::array();
    for (size_t id = 0; id < tokens->size(); ++id) {
      ABSL_ASSIGN_OR_RETURN(std::string text, TextAt(*tokens, id));
      ABSL_ASSIGN_OR_RETURN(const uint64_t type, TypeAt(types, id));
      const PieceType piece = static_cast<PieceType>(type);
      if (piece == PieceType::kUnused) continue;
      if (piece == PieceType::kControl || piece == PieceType::kUserDefined) {
        const bool special = piece == PieceType::kControl;
        added.push_back({{"id", id},
                         {"content", std::move(text)},
                         {"special", special},
                         {"normalized", !special}});
      } else if (!vocab.emplace(text, id).second) {
        return absl::InvalidArgumentError(absl::StrCat("tokenizer.ggml.tokens[", id, "]: '", text,
                                                       "' is token ", vocab[text].dump(), ", too"));
      }
    }
    const Json byte_level = {{"type", "ByteLevel"}};
    Json tree = {{"model", {{"type", "BPE"}, {"ignore_merges", known.ignore_merges}}},
                 {"added_tokens", std::move(added)},
                 {"pre_tokenizer", std::move(known.pre_tokenizer)},
                 {"decoder", byte_level}};
    tree["model"]["vocab"] = std::move(vocab);
    ABSL_ASSIGN_OR_RETURN(tree["model"]["merges"], Merges());
    if (fields_.Bool(Key("normalizer.nfc"), known.nfc)) tree["normalizer"] = {{"type", "NFC"}};
    ABSL_RETURN_IF_ERROR(fields_.status());
    if (!known.note.empty()) imported.notes.push_back(known.note);
    add_bos_ = known.add_bos;
    absl::StatusOr<TokenizerData> data = ReadTokenizerTree(tree);
    if (data.ok()) return data;
    return absl::Status(data.status().code(),  // by the names of this file
                        absl::StrReplaceAll(data.status().message(),
                                            {{"tokenizer.json: model.vocab", Key("tokens")},
                                             {"tokenizer.json: model.", kPrefix},
                                             {"tokenizer.json: added_tokens", Key("tokens")},
                                             {"tokenizer.json: ", kPrefix}}));
  }

  std::string path_;
  const Json& metadata_;
  const FieldSpelling& spelling_;
  ConfigFields fields_;
  bool add_bos_ = false;  // where the file doesn't say
};

}  // namespace

absl::StatusOr<ImportedTokenizer> ImportTokenizerGguf(const InputFile& file) {
  ABSL_ASSIGN_OR_RETURN(const GgufHeader header, ReadGgufHeader(file, GgufParts::kMetadata));
  return GgufTokenizerReader(file, header).Read();
}

absl::Status ApplyGgufMetadata(const InputFile& file, ImportedTokenizer& imported) {
  ABSL_ASSIGN_OR_RETURN(const GgufHeader header, ReadGgufHeader(file, GgufParts::kMetadata));
  return GgufTokenizerReader(file, header).Apply(imported);
}

}  // namespace inkling
