// Imports a checkpoint's folder (see tokenizer_import.h): finds the vocabulary, lets
// BuildFolderTree make of it what transformers would, and adds ids and the chat template.

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "converter/files/input_file.h"
#include "converter/files/json_text.h"
#include "converter/tokenizer/folder_tree.h"
#include "converter/tokenizer/template_files.h"
#include "converter/tokenizer/tokenizer_additions.h"
#include "converter/tokenizer/tokenizer_class.h"
#include "converter/tokenizer/tokenizer_ids.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "converter/tokenizer/tokenizer_pipeline.h"
#include "converter/tokenizer/tokenizer_settings.h"
#include "src/text/pieces.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

std::string Join(const std::string& folder, absl::string_view name) {
  return (std::filesystem::path(folder) / std::string(name)).string();
}

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

// The parsed file if it is a tokenizer.json, else null.
absl::StatusOr<Json> ReadTokenizerJsonFile(const std::string& path) {
  if (!absl::EndsWith(path, ".json") || absl::EndsWith(path, "vocab.json")) return Json();
  return ReadJsonFile(path);
}

bool IsSentencePiece(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::Open(path);
  std::byte first[4] = {};
  if (!file.ok() || file->size() < 4 || !file->ReadAt(0, absl::MakeSpan(first)).ok()) return false;
  return first[0] == std::byte{0x0A} && (first[1] != std::byte{0} || first[2] != std::byte{0});
}

absl::StatusOr<ClassChoice> ChooseClass(const std::string& folder,
                                        const TokenizerSettings& settings) {
  ABSL_ASSIGN_OR_RETURN(const Json model, ReadConfigFile(folder, "config.json"));
  std::string named = StringField(settings.config, "tokenizer_class");
  if (named.empty()) named = StringField(model, "tokenizer_class");
  return ChooseTokenizerClass(StringField(model, "model_type"), named);
}

// How many tokens the model of `folder` has rows for; 0 where config.json doesn't say.
absl::StatusOr<int64_t> RowsOfModel(const std::string& folder) {
  ABSL_ASSIGN_OR_RETURN(const Json model, ReadConfigFile(folder, "config.json"));
  for (const Json* config : {&model, &Field(model, "text_config")}) {
    const Json& size = Field(*config, "vocab_size");
    if (size.is_number_integer() && size > 0) return size.get<int64_t>();
  }
  return 0;
}

// The template, ids and stops; `named` are the special tokens.
absl::Status ApplyConfig(const TokenizerSettings& settings, const NamedTokens& named,
                         const std::string& folder, ImportedTokenizer& imported) {
  ABSL_RETURN_IF_ERROR(ApplyConfigIds(named, folder, imported));
  ABSL_ASSIGN_OR_RETURN(const TemplateSource source, FindChatTemplate(settings.config, folder));
  TemplateTokens tokens = VocabularyTokens(imported.tokenizer);
  if (settings.has_config || !named.empty()) {
    tokens.named.clear();
    for (const auto& [key, token] : named) tokens.named.emplace_back(key, token.content);
  }
  if (source.note.empty()) {
    ApplyChatTemplate(source.text, tokens, imported);
  } else {
    PromptTemplateData plain;
    plain.note = source.note;
    AddPromptTemplate(std::move(plain), imported);
  }
  if (source.note.empty() && !source.others.empty()) {
    imported.notes.push_back(
        absl::StrCat("the checkpoint's other chat templates aren't used: ", source.others));
  }
  return CheckTokenizerData(imported.tokenizer);
}

// bos and eos around texts, where they aren't the post_processor's.
void ApplyAddedIds(const FolderTree& tree, const TokenizerSettings& settings,
                   ImportedTokenizer& imported) {
  TokenizerData& data = imported.tokenizer;
  if (!tree.has_post_processor) {
    data.add_bos = tree.add_bos && data.bos_id >= 0;
    data.add_eos = tree.add_eos && data.eos_id >= 0;
  }
  for (const auto& [key, added] : {std::pair<const char*, bool>{"add_bos_token", data.add_bos},
                                   {"add_eos_token", data.add_eos}}) {
    const Json& told = Field(settings.config, key);
    if (!told.is_boolean() || told == added) continue;
    imported.notes.push_back(absl::StrCat(
        "tokenizer_config.json's ", key, ": ", told.dump(),
        tree.has_post_processor || told == false
            ? " doesn't count beside tokenizer.json, as in transformers 5"
            : " doesn't count: tokenizer.json, which decides in transformers 5, adds none"));
  }
}

// Errors of trees speak of tokenizer.json; the file may be another.
absl::StatusOr<TokenizerData> ReadTree(const Json& tree, const std::string& name) {
  absl::StatusOr<TokenizerData> data = ReadTokenizerTree(tree);
  if (data.ok() || name == "tokenizer.json") return data;
  return absl::Status(data.status().code(),
                      absl::StrReplaceAll(data.status().message(), {{"tokenizer.json: ", ""}}));
}

absl::StatusOr<ImportedTokenizer> ImportFile(const std::string& path, const std::string& folder,
                                             VocabularyFile::Kind kind) {
  VocabularyFile vocabulary;
  vocabulary.kind = kind;
  vocabulary.path = path;
  ABSL_ASSIGN_OR_RETURN(vocabulary.tokenizer, ReadTokenizerJsonFile(path));
  const bool is_json = kind == VocabularyFile::Kind::kTokenizerJson;
  if (is_json && !Field(vocabulary.tokenizer, "model").is_object()) {
    return CheckedTokenizer(ReadTokenizerTree(vocabulary.tokenizer), path);  // says what is wrong
  }
  ABSL_ASSIGN_OR_RETURN(const TokenizerSettings settings,
                        ReadTokenizerSettings(folder, vocabulary.tokenizer));
  ABSL_ASSIGN_OR_RETURN(const ClassChoice choice, ChooseClass(folder, settings));
  ABSL_ASSIGN_OR_RETURN(const int64_t rows, RowsOfModel(folder));
  ABSL_ASSIGN_OR_RETURN(FolderTree tree,
                        BuildFolderTree(std::move(vocabulary), choice, settings, rows));
  const std::string name = std::filesystem::path(path).filename().string();
  ABSL_ASSIGN_OR_RETURN(
      ImportedTokenizer imported,
      CheckedTokenizer(ReadTree(tree.tokenizer, is_json ? "tokenizer.json" : name), path));
  imported.notes = std::move(tree.notes);
  ABSL_RETURN_IF_ERROR(ApplyConfig(settings, tree.named, folder, imported));
  ApplyAddedIds(tree, settings, imported);
  return imported;
}

// Vocabularies that say all themselves: tokenizer.bin, GGUF, and tokenizer.model where nothing
// names a class.
absl::StatusOr<ImportedTokenizer> ImportAlone(const std::string& path, const std::string& folder) {
  ABSL_ASSIGN_OR_RETURN(ImportedTokenizer imported, ImportTokenizerFile(path));
  ABSL_ASSIGN_OR_RETURN(const TokenizerSettings settings, ReadTokenizerSettings(folder, Json()));
  ABSL_RETURN_IF_ERROR(ApplyConfig(settings, settings.named, folder, imported));
  return imported;
}

absl::StatusOr<ImportedTokenizer> ImportSentencePiece(const std::string& path,
                                                      const std::string& folder) {
  ABSL_ASSIGN_OR_RETURN(const TokenizerSettings settings, ReadTokenizerSettings(folder, Json()));
  ABSL_ASSIGN_OR_RETURN(const ClassChoice choice, ChooseClass(folder, settings));
  const bool alone = !settings.has_config && choice.named.empty() &&
                     choice.tokenizer_class->pipeline == ClassPipeline::kAsWritten;
  if (alone) return ImportAlone(path, folder);
  return ImportFile(path, folder, VocabularyFile::Kind::kSentencePiece);
}

// Whether the class of the folder reads vocab.json rather than tokenizer.model.
absl::StatusOr<bool> ReadsVocabJson(const std::string& folder) {
  ABSL_ASSIGN_OR_RETURN(const TokenizerSettings settings, ReadTokenizerSettings(folder, Json()));
  ABSL_ASSIGN_OR_RETURN(const ClassChoice choice, ChooseClass(folder, settings));
  return choice.tokenizer_class->is_byte_level();
}

// The version in "tokenizer.4.20.0.json"; empty for other names.
std::vector<int> VersionOf(absl::string_view name) {
  std::vector<int> version;
  if (!absl::ConsumePrefix(&name, "tokenizer.") || !absl::ConsumeSuffix(&name, ".json")) return {};
  for (absl::string_view part : absl::StrSplit(name, '.')) {
    int number = 0;
    if (!absl::SimpleAtoi(part, &number)) return {};
    version.push_back(number);
  }
  return version;
}

// The tokenizer.json of the folder. fast_tokenizer_files may name others, for versions of
// transformers from the one in their names on: the newest that 5.12.1 would read.
absl::StatusOr<std::string> TokenizerJsonName(const std::string& folder) {
  ABSL_ASSIGN_OR_RETURN(const Json config, ReadConfigFile(folder, "tokenizer_config.json"));
  const Json& files = Field(config, "fast_tokenizer_files");
  std::string chosen = "tokenizer.json";
  std::vector<int> newest;
  if (!files.is_array()) return chosen;
  for (const Json& file : files) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    const std::vector<int> version = VersionOf(name);
    if (version <= newest || version > std::vector<int>{5, 12, 1}) continue;
    if (!Exists(Join(folder, name))) continue;
    newest = version;
    chosen = name;
  }
  return chosen;
}

}  // namespace

absl::StatusOr<ImportedTokenizer> ImportTokenizerWithConfig(const std::string& path,
                                                            const std::string& config_folder) {
  if (absl::EndsWith(path, "vocab.json")) {
    return ImportFile(path, config_folder, VocabularyFile::Kind::kVocabAndMerges);
  }
  if (absl::EndsWith(path, ".json")) {
    return ImportFile(path, config_folder, VocabularyFile::Kind::kTokenizerJson);
  }
  if (IsSentencePiece(path)) return ImportSentencePiece(path, config_folder);
  return ImportAlone(path, config_folder);
}

absl::StatusOr<ImportedTokenizer> ImportTokenizerFolder(const std::string& folder) {
  ABSL_ASSIGN_OR_RETURN(const std::string json_name, TokenizerJsonName(folder));
  const std::string json = Join(folder, json_name);
  if (Exists(json)) return ImportTokenizerWithConfig(json, folder);
  const std::string model = Join(folder, "tokenizer.model");
  const std::string vocab = Join(folder, "vocab.json");
  if (Exists(vocab)) {
    ABSL_ASSIGN_OR_RETURN(const bool reads_vocab, ReadsVocabJson(folder));
    if (reads_vocab || !Exists(model)) return ImportTokenizerWithConfig(vocab, folder);
  }
  if (Exists(model)) return ImportTokenizerWithConfig(model, folder);
  const std::string llama2c = Join(folder, "tokenizer.bin");
  if (Exists(llama2c)) return ImportTokenizerWithConfig(llama2c, folder);
  return absl::NotFoundError(absl::StrCat(
      folder,
      ": no tokenizer.json, tokenizer.model, vocab.json with merges.txt, or tokenizer.bin"));
}

}  // namespace inkling
