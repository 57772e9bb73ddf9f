// Building the tree (see folder_tree.h), in transformers' order: stages, then the tokens of files,
// then the named special tokens, then the extra ones.

#include "converter/tokenizer/folder_tree.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "converter/files/input_file.h"
#include "converter/files/json_text.h"
#include "converter/tokenizer/sentencepiece_file.h"
#include "converter/tokenizer/sentencepiece_tree.h"
#include "converter/tokenizer/tokenizer_pipeline.h"
#include "converter/tokenizer/tokenizer_stages.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxVocabularyBytes = int64_t{64} << 20;
constexpr char kWhatToDo[] =
    "; load the folder with transformers' AutoTokenizer, save it with save_pretrained, and convert "
    "it with the tokenizer.json that this writes";

class TreeBuilder {
 public:
  TreeBuilder(VocabularyFile vocabulary, const ClassChoice& choice,
              const TokenizerSettings& settings, int64_t rows)
      : vocabulary_(std::move(vocabulary)),
        choice_(choice),
        class_(*choice.tokenizer_class),
        settings_(settings),
        rows_(rows),
        extra_(settings.extra),
        has_extra_(settings.has_extra) {}

  absl::StatusOr<FolderTree> Build() {
    switch (vocabulary_.kind) {
      case VocabularyFile::Kind::kTokenizerJson:
        TakeTokenizerJson();
        break;
      case VocabularyFile::Kind::kSentencePiece:
        ABSL_RETURN_IF_ERROR(TakeSentencePiece());
        break;
      case VocabularyFile::Kind::kVocabAndMerges:
        ABSL_RETURN_IF_ERROR(TakeVocabAndMerges());
        break;
    }
    CollectNamed();
    AddTokens();
    DecideAddedIds();
    if (BoolField(settings_.config, "split_special_tokens", false)) {
      Note(
          "tokenizer_config.json's split_special_tokens is not obeyed: whether special tokens in a "
          "text count is said with each text");
    }
    return std::move(result_);
  }

 private:
  Json& tree() { return result_.tokenizer; }
  void Note(std::string note) { result_.notes.push_back(std::move(note)); }

  std::string ClassName() const {
    return choice_.named.empty() ? std::string(class_.name) : choice_.named;
  }

  absl::Status Refuse(absl::string_view what) const {
    return absl::UnimplementedError(absl::StrCat(vocabulary_.path, ": ", what, kWhatToDo));
  }

  absl::Status RefuseUnknownClass() const {
    if (choice_.known) return absl::OkStatus();
    return Refuse(absl::StrCat("tokenizer_class '", choice_.named,
                               "' is none that this version knows, and no tokenizer.json says what "
                               "it does"));
  }

  // A class with stages of its own puts them in the place of the file's, if they are of one kind.
  void TakeTokenizerJson() {
    tree() = std::move(vocabulary_.tokenizer);
    if (!choice_.known) {
      Note(absl::StrCat("tokenizer_class '", choice_.named,
                        "' is not known; tokenizer.json is used as it is"));
    }
    if (class_.pipeline == ClassPipeline::kAsWritten) {
      keeps_file_tokens_ = true;
      return;
    }
    const Json stages = ClassStages(class_, settings_.config);
    if (StringField(Field(tree(), "model"), "type", "BPE") != "BPE" || !SameKind(stages)) {
      keeps_file_tokens_ = true;
      Note(absl::StrCat("tokenizer.json's own stages are used, as in transformers 4, though ",
                        class_.name, " of transformers 5 would replace them by others"));
      return;
    }
    const Json before = {Field(tree(), "normalizer"), Field(tree(), "pre_tokenizer")};
    for (const auto& item : stages.items()) tree()[item.key()] = item.value();
    if (Prefix(before) != Prefix({tree()["normalizer"], tree()["pre_tokenizer"]})) {
      Note(absl::StrCat("spaces in front of text are ", class_.name,
                        "'s (add_prefix_space and legacy of tokenizer_config.json), not "
                        "tokenizer.json's"));
    }
  }

  // A Prepend normalizer is transformers 4's form of a space in front; add_prefix_space: false
  // takes it away there, too.
  bool SameKind(const Json& stages) const {
    if (SameKindOfStages(result_.tokenizer, stages)) return true;
    if (!class_.reads_sentencepiece() || class_.pipeline == ClassPipeline::kEscapedSpaces) {
      return false;
    }
    const Json& told = Field(settings_.config, "add_prefix_space");
    return told.is_boolean() && Field(result_.tokenizer, "pre_tokenizer").is_null();
  }

  // The parts of stages that say whether a space goes in front of text.
  static std::string Prefix(const Json& stages) {
    std::string text;
    for (const char* key : {"\"add_prefix_space\":true", "\"prepend_scheme\":\"always\"",
                            "\"prepend_scheme\":\"first\"", "\"Prepend\""}) {
      absl::StrAppend(&text, stages.dump().find(key) != std::string::npos ? "1" : "0");
    }
    return text;
  }

  absl::Status TakeSentencePiece() {
    ABSL_RETURN_IF_ERROR(RefuseUnknownClass());
    if (class_.is_byte_level()) {
      return Refuse(absl::StrCat(class_.name, " reads vocab.json and merges.txt, found ",
                                 std::filesystem::path(vocabulary_.path).filename().string()));
    }
    ABSL_ASSIGN_OR_RETURN(const std::string bytes,
                          ReadWholeFile(vocabulary_.path, kMaxVocabularyBytes));
    absl::StatusOr<SentencePieceFile> file = ReadSentencePieceFile(bytes);
    if (!file.ok()) {
      return absl::Status(file.status().code(),
                          absl::StrCat(vocabulary_.path, ": ", file.status().message()));
    }
    if (!has_extra_ || settings_.extra_from_map) TakePieceTokens(*file);
    if (class_.pipeline == ClassPipeline::kAsWritten) return TakePlain(*file);
    tree() = ClassStages(class_, settings_.config);
    Json model = ClassModel(class_, settings_.config);
    model.update(VocabAndMerges(*file));
    tree()["model"] = std::move(model);
    return absl::OkStatus();
  }

  void TakePieceTokens(const SentencePieceFile& file) {
    if (settings_.extra_from_map && !extra_.empty()) {
      Note(
          "special_tokens_map.json's additional_special_tokens don't count beside tokenizer.model, "
          "as in transformers 5");
    }
    extra_ = TokensOfPieces(file);
  }

  absl::Status TakePlain(const SentencePieceFile& file) {
    ABSL_ASSIGN_OR_RETURN(tree(), PlainSentencePieceTree(file, settings_.added));
    defaults_ = {{"bos_token", file.bos_id >= 0 ? file.bos_piece : ""},
                 {"eos_token", file.eos_id >= 0 ? file.eos_piece : ""},
                 {"unk_token", file.unk_id >= 0 ? file.unk_piece : ""}};
    if (file.add_dummy_prefix) {
      Note(absl::StrCat(
          "no space goes in front of text, as in transformers 5, where no class is named or "
          "config.json's model_type replaces it",
          choice_.named.empty() ? "" : absl::StrCat(" (", choice_.named, ")"),
          "; SentencePiece itself would put one there"));
    }
    return absl::OkStatus();
  }

  absl::Status TakeVocabAndMerges() {
    ABSL_RETURN_IF_ERROR(RefuseUnknownClass());
    if (!class_.is_byte_level()) {
      return Refuse(
          absl::StrCat("how text is cut into words is not known: ",
                       choice_.named.empty() && class_.pipeline == ClassPipeline::kAsWritten
                           ? "no tokenizer_class is named"
                           : absl::StrCat(ClassName(), " doesn't read vocab.json")));
    }
    ABSL_ASSIGN_OR_RETURN(Json vocab, ReadJsonFile(vocabulary_.path));
    const std::string merges_path =
        (std::filesystem::path(vocabulary_.path).parent_path() / "merges.txt").string();
    absl::StatusOr<std::string> merges = ReadWholeFile(merges_path, kMaxVocabularyBytes);
    if (absl::IsNotFound(merges.status())) {
      return absl::InvalidArgumentError(
          absl::StrCat(vocabulary_.path,
                       ": no merges.txt beside it: without merges, every byte of a text would "
                       "be a token"));
    }
    ABSL_RETURN_IF_ERROR(merges.status());
    tree() = ClassStages(class_, settings_.config);
    Json model = ClassModel(class_, settings_.config);
    model["vocab"] = std::move(vocab);
    ABSL_ASSIGN_OR_RETURN(model["merges"], MergesOf(*merges, merges_path));
    tree()["model"] = std::move(model);
    return absl::OkStatus();
  }

  static absl::StatusOr<Json> MergesOf(absl::string_view text, const std::string& path) {
    Json merges = Json::array();
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      line = absl::StripSuffix(line, "\r");
      if (line.empty() || line.substr(0, 8) == "#version") continue;
      if (WellFormedPrefix(line) != line.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": merge ", merges.size(), " is not well-formed UTF-8"));
      }
      merges.push_back(std::string(line));
    }
    return merges;
  }

  // The files' tokens, and the class's where they name none.
  void CollectNamed() {
    std::map<std::string, std::string> defaults = defaults_;
    for (const auto& [key, text] :
         {std::pair<const char*, absl::string_view>{"bos_token", class_.bos},
          {"eos_token", class_.eos},
          {"unk_token", class_.unk},
          {"pad_token", class_.pad}}) {
      if (!text.empty()) defaults[key] = std::string(text);
    }
    for (absl::string_view entry : absl::StrSplit(class_.others, ' ', absl::SkipEmpty())) {
      const size_t equals = entry.find('=');
      defaults[std::string(entry.substr(0, equals))] = std::string(entry.substr(equals + 1));
    }
    const auto take = [&](const std::string& key) {
      for (const auto& [name, token] : settings_.named) {
        if (name != key) continue;
        if (!token.content.empty()) result_.named.emplace_back(key, token);
        return;
      }
      const auto found = defaults.find(key);
      if (found == defaults.end() || found->second.empty()) return;
      TokenSpec token = ReadTokenSpec(Json(found->second), true);
      for (const auto& [id, added] : settings_.added) {
        if (added.content == token.content) token = added;
      }
      class_tokens_.insert(token.content);
      result_.named.emplace_back(key, std::move(token));
    };
    std::vector<std::string> keys = {"bos_token", "eos_token", "unk_token", "sep_token",
                                     "pad_token", "cls_token", "mask_token"};
    for (const auto& [name, token] : settings_.named) keys.push_back(name);
    for (const auto& [name, text] : defaults) keys.push_back(name);
    std::map<std::string, bool> seen;
    for (const std::string& key : keys) {
      if (!seen[key]) take(key);
      seen[key] = true;
    }
  }

  bool IsNamed(absl::string_view content) const {
    return std::any_of(result_.named.begin(), result_.named.end(),
                       [&](const auto& entry) { return entry.second.content == content; });
  }

  void AddTokens() {
    for (const auto& [key, token] : settings_.named) class_tokens_.erase(token.content);
    for (const TokenSpec& token : extra_) class_tokens_.erase(token.content);
    AddedVocabulary added(Field(tree(), "model"));
    const Json file_tokens = Field(tree(), "added_tokens");
    if (keeps_file_tokens_ && file_tokens.is_array()) {
      for (const Json& item : file_tokens) added.Add(ReadTokenSpec(item, false));
    }
    std::vector<std::pair<int64_t, TokenSpec>> tokens;
    const auto add = [&](int64_t id, const TokenSpec& token) {
      tokens.emplace_back(id, token);
      tokens.back().second.special = token.special || IsNamed(token.content);
    };
    std::map<std::string, bool> listed;
    std::vector<TokenSpec> unlisted;
    for (const auto& [id, token] : added.tokens()) listed[token.content] = true;
    for (const auto& [id, token] : settings_.added) {
      const TokenSpec* const old =
          added.Has(token.content) ? added.At(added.Find(token.content)) : nullptr;
      const bool known = old != nullptr && *old == token;
      if (!known) add(id, token);
    }
    for (const auto& [id, token] : tokens) listed[token.content] = true;
    // Twice under two names, with other flags or with none the second time: added twice, and the
    // last one's flags count.
    const auto add_unlisted = [&](const TokenSpec& token) {
      if (listed[token.content]) return;
      const bool twice = std::any_of(unlisted.begin(), unlisted.end(), [&](const TokenSpec& other) {
        return other == token && other.only_text == token.only_text;
      });
      if (twice) return;
      unlisted.push_back(token);
      add(-1, token);
    };
    for (const auto& [key, token] : result_.named) add_unlisted(token);
    for (const TokenSpec& token : extra_) add_unlisted(token);
    for (const auto& [id, token] : tokens) AddToken(id, token, added);
    if (class_.renews_special) RenewSpecial(added);
    NoteLostTokens(file_tokens, added);
    std::erase_if(result_.named, [&](const auto& entry) {  // of no use; a missing end is said later
      return entry.first != "eos_token" && added.Find(entry.second.content) < 0;
    });
    tree()["added_tokens"] = added.ToJson();
  }

  void AddToken(int64_t id, const TokenSpec& token, AddedVocabulary& added) {
    const bool is_new = added.Find(token.content) < 0;
    const bool of_class = id < 0 && class_tokens_.contains(token.content);
    if (is_new && of_class && rows_ > 0 && added.NextId() >= rows_) return;
    added.Add(token);
    const int64_t number = added.Find(token.content);
    if (id >= 0 && number != id) {
      Note(absl::StrCat("'", token.content, "' is token ", number,
                        ", as in transformers, though its file writes ", id));
    } else if (id < 0 && is_new && !of_class) {
      Note(absl::StrCat("'", token.content, "' is in no vocabulary file; added as token ", number,
                        ", as in transformers"));
    }
  }

  void RenewSpecial(AddedVocabulary& added) const {
    const bool keeps_flags = class_.pipeline == ClassPipeline::kDigitsAndWords;
    const auto renew = [&](TokenSpec token) {
      if (!keeps_flags) token = ReadTokenSpec(Json(token.content), true);
      token.special = true;
      if (added.Has(token.content)) added.Add(token);
    };
    for (const auto& [key, token] : result_.named) renew(token);
    for (const TokenSpec& token : extra_) renew(token);
  }

  void NoteLostTokens(const Json& file_tokens, const AddedVocabulary& added) {
    if (!file_tokens.is_array()) return;
    for (const Json& item : file_tokens) {
      const std::string content = StringField(item, "content");
      if (content.empty() || added.Has(content)) continue;
      Note(absl::StrCat("'", content,
                        "' of tokenizer.json's added_tokens is no token: "
                        "tokenizer_config.json's added_tokens_decoder, which wins, leaves it out"));
    }
  }

  // bos and eos around texts.
  void DecideAddedIds() {
    const Json& config = settings_.config;
    const bool from_json = vocabulary_.kind == VocabularyFile::Kind::kTokenizerJson;
    const bool has_file = from_json && !Field(tree(), "post_processor").is_null();
    result_.has_post_processor = has_file && !class_.adds_bos;
    if (class_.adds_bos) tree()["post_processor"] = nullptr;
    result_.add_bos =
        from_json ? class_.adds_bos : BoolField(config, "add_bos_token", class_.adds_bos);
    result_.add_eos = !from_json && BoolField(config, "add_eos_token", false);
  }

  VocabularyFile vocabulary_;
  const ClassChoice& choice_;
  const TokenizerClass& class_;
  const TokenizerSettings& settings_;
  const int64_t rows_;
  std::vector<TokenSpec> extra_;
  bool has_extra_;
  bool keeps_file_tokens_ = false;               // those of tokenizer.json come first
  std::map<std::string, std::string> defaults_;  // special tokens that the vocabulary names
  std::set<std::string> class_tokens_;           // those that only the class names
  FolderTree result_;
};

}  // namespace

absl::StatusOr<FolderTree> BuildFolderTree(VocabularyFile vocabulary, const ClassChoice& choice,
                                           const TokenizerSettings& settings, int64_t rows) {
  return TreeBuilder(std::move(vocabulary), choice, settings, rows).Build();
}

}  // namespace inkling
