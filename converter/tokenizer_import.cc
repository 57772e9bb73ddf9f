// Finds the files of a tokenizer, reads them, and adds what the config files say (see
// tokenizer_import.h).

#include "converter/tokenizer_import.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "converter/chat_template.h"
#include "converter/gguf_header.h"
#include "converter/input_file.h"
#include "converter/json_text.h"
#include "converter/tokenizer_additions.h"
#include "converter/tokenizer_import_gguf.h"
#include "converter/tokenizer_pipeline.h"
#include "src/text/pieces.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

// Twice the largest published tokenizer.json.
constexpr int64_t kMaxTokenizerBytes = int64_t{64} << 20;

std::string Join(const std::string& folder, absl::string_view name) {
  return (std::filesystem::path(folder) / std::string(name)).string();
}

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

// Adds `path` to an error, and refuses data that src/text would refuse.
absl::StatusOr<ImportedTokenizer> Checked(absl::StatusOr<TokenizerData> data,
                                          const std::string& path) {
  absl::Status status = data.ok() ? CheckTokenizerData(*data) : data.status();
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  }
  ImportedTokenizer imported;
  imported.tokenizer = *std::move(data);
  imported.source = path;
  imported.prompt_template = RecognizeChatTemplate("", {});
  return imported;
}

absl::StatusOr<TokenizerData> ParseByContent(absl::string_view bytes) {
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first != absl::string_view::npos && bytes[first] == '{') return ParseTokenizerJson(bytes);
  // A SentencePiece model begins with its first piece: field 1, length-delimited. A tokenizer.bin
  // begins with the length of its longest piece; 0x0A in that place is the unlikely length 10, and
  // then the next bytes are zeros.
  const bool model = bytes.size() > 4 && bytes[0] == 0x0A && (bytes[1] != 0 || bytes[2] != 0);
  return model ? ParseSentencePieceModel(bytes) : ParseLlama2cTokenizer(bytes);
}

// A config file's object; empty where the file is missing.
absl::StatusOr<Json> ReadConfig(const std::string& path) {
  if (!Exists(path)) return Json::object();
  absl::StatusOr<Json> parsed = ReadJsonFile(path);
  if (!parsed.ok()) return parsed.status();
  if (!parsed->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected an object"));
  }
  return parsed;
}

// A token in tokenizer_config.json is its text, or an object with its content.
std::string TokenText(const Json& config, const char* key) {
  const Json& value = Field(config, key);
  return value.is_object() ? StringField(value, "content") : StringField(config, key);
}

// Reads an id, or the first of a list of ids; all of them become stops if `stops`.
enum class Stops { kNo, kYes };

void ReadIds(const Json& value, Stops stops, int32_t& id, TokenizerData& data) {
  const Json list = value.is_array() ? value : Json::array({value});
  for (const Json& item : list) {
    if (!item.is_number_integer()) continue;
    const int64_t number = item.get<int64_t>();
    if (number < 0 || number >= NumPieces(data)) continue;
    if (id < 0) id = static_cast<int32_t>(number);
    if (stops == Stops::kYes) AddStopId(number, data);
  }
}

// The ids: by name in tokenizer_config.json, else by number in generation_config.json and
// config.json.
void ApplyIds(const Json& tokenizer_config, const Json& generation, const Json& model,
              TokenizerData& data) {
  const auto named = [&](const char* key, int32_t& id) {
    const std::optional<int32_t> found = FindToken(data, TokenText(tokenizer_config, key));
    if (found.has_value()) id = *found;
  };
  if (!data.add_bos) named("bos_token", data.bos_id);
  named("eos_token", data.eos_id);
  named("pad_token", data.pad_id);
  for (const Json* config : {&generation, &model}) {
    ReadIds(Field(*config, "bos_token_id"), Stops::kNo, data.bos_id, data);
    ReadIds(Field(*config, "pad_token_id"), Stops::kNo, data.pad_id, data);
    ReadIds(Field(*config, "eos_token_id"), Stops::kYes, data.eos_id, data);
  }
  if (data.eos_id >= 0 && data.eos_id != data.bos_id) AddStopId(data.eos_id, data);
}

// What Hugging Face's classes do on top of the files: Llama's and Gemma's add bos unless told not
// to, and the older of them put a space in front of every segment.
void ApplyClass(const Json& config, bool from_json, TokenizerData& data) {
  const std::string name = StringField(config, "tokenizer_class");
  const bool llama = absl::StartsWith(name, "Llama") || absl::StartsWith(name, "CodeLlama");
  const bool gemma = absl::StartsWith(name, "Gemma");
  if (!llama && !gemma) return;
  data.add_bos = BoolField(config, "add_bos_token", true) && data.bos_id >= 0;
  data.add_eos = BoolField(config, "add_eos_token", false) && data.eos_id >= 0;
  if (llama && !from_json && data.normalizer.space_prefix == SpacePrefix::kFirstSegment &&
      BoolField(config, "legacy", true)) {
    data.normalizer.space_prefix = SpacePrefix::kEverySegment;
  }
}

// A checkpoint's template, or a note that says why there is none.
struct TemplateSource {
  std::string text;
  std::string note;
};

// The template of a config: a string, or the one named "default" of a list.
TemplateSource TemplateOf(const Json& config) {
  const Json& value = Field(config, "chat_template");
  if (value.is_string()) return {value.get<std::string>(), ""};
  if (!value.is_array()) return {};
  std::vector<std::string> names;
  for (const Json& item : value) {
    names.push_back(StringField(item, "name"));
    if (names.back() == "default") return {StringField(item, "template"), ""};
  }
  return {"", absl::StrCat("none of the checkpoint's chat templates (", absl::StrJoin(names, ", "),
                           ") is named default: prompts are plain text")};
}

// In the order that transformers looks: a file of its own, the processor's file, the tokenizer's
// config.
absl::StatusOr<TemplateSource> FindTemplate(const Json& config, const std::string& folder) {
  const std::string file = Join(folder, "chat_template.jinja");
  if (Exists(file)) {
    absl::StatusOr<std::string> text = ReadWholeFile(file, kMaxTokenizerBytes);
    if (!text.ok()) return text.status();
    return TemplateSource{*std::move(text), ""};
  }
  absl::StatusOr<Json> processor = ReadConfig(Join(folder, "chat_template.json"));
  if (!processor.ok()) return processor.status();
  const TemplateSource source = TemplateOf(config);
  return source.text.empty() && source.note.empty() ? TemplateOf(*processor) : source;
}

// What the template may write: the tokens that tokenizer_config.json names, or, where there is no
// such file, the vocabulary's own.
TemplateTokens TokensOf(const Json& config, const TokenizerData& data) {
  TemplateTokens tokens = VocabularyTokens(data);
  if (config.empty()) return tokens;
  tokens.named.clear();
  for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
    const std::string text = TokenText(config, key);
    if (!text.empty()) tokens.named.emplace_back(key, text);
  }
  return tokens;
}

absl::StatusOr<ImportedTokenizer> ApplyConfig(ImportedTokenizer imported,
                                              const std::string& folder) {
  Json configs[3];
  const char* names[3] = {"tokenizer_config.json", "generation_config.json", "config.json"};
  for (int i = 0; i < 3; ++i) {
    absl::StatusOr<Json> config = ReadConfig(Join(folder, names[i]));
    if (!config.ok()) return config.status();
    configs[i] = *std::move(config);
  }
  const bool from_json = absl::EndsWith(imported.source, ".json");
  ApplyIds(configs[0], configs[1], configs[2], imported.tokenizer);
  ApplyClass(configs[0], from_json, imported.tokenizer);
  absl::StatusOr<TemplateSource> source = FindTemplate(configs[0], folder);
  if (!source.ok()) return source.status();
  if (source->note.empty()) {
    ApplyChatTemplate(source->text, TokensOf(configs[0], imported.tokenizer), imported);
  } else {
    PromptTemplateData plain;
    plain.note = source->note;
    AddPromptTemplate(std::move(plain), imported);
  }
  const absl::Status checked = CheckTokenizerData(imported.tokenizer);
  if (!checked.ok()) return checked;
  return imported;
}

absl::StatusOr<ImportedTokenizer> ImportVocabAndMerges(const std::string& vocab_path,
                                                       const std::string& merges_path) {
  absl::StatusOr<std::string> vocab = ReadWholeFile(vocab_path, kMaxTokenizerBytes);
  if (!vocab.ok()) return vocab.status();
  absl::StatusOr<std::string> merges = ReadWholeFile(merges_path, kMaxTokenizerBytes);
  if (!merges.ok()) return merges.status();
  return Checked(ParseVocabAndMerges(*vocab, *merges), vocab_path);
}

}  // namespace

absl::StatusOr<ImportedTokenizer> ImportTokenizerFile(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.status();
  if (IsGguf(*file)) return ImportTokenizerGguf(*file);
  absl::StatusOr<std::string> bytes = ReadWholeFile(path, kMaxTokenizerBytes);
  if (!bytes.ok()) return bytes.status();
  if (bytes->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a tokenizer, found an empty file"));
  }
  const bool is_json = absl::EndsWith(path, ".json");  // even where it is damaged
  return Checked(is_json ? ParseTokenizerJson(*bytes) : ParseByContent(*bytes), path);
}

absl::StatusOr<ImportedTokenizer> ImportTokenizerWithConfig(const std::string& path,
                                                            const std::string& config_folder) {
  absl::StatusOr<ImportedTokenizer> imported = ImportTokenizerFile(path);
  if (!imported.ok()) return imported;
  return ApplyConfig(*std::move(imported), config_folder);
}

absl::StatusOr<ImportedTokenizer> ImportTokenizerFolder(const std::string& folder) {
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    const std::string path = Join(folder, name);
    if (Exists(path)) return ImportTokenizerWithConfig(path, folder);
  }
  const std::string vocab = Join(folder, "vocab.json");
  const std::string merges = Join(folder, "merges.txt");
  if (Exists(vocab) && Exists(merges)) {
    absl::StatusOr<ImportedTokenizer> imported = ImportVocabAndMerges(vocab, merges);
    if (!imported.ok()) return imported;
    return ApplyConfig(*std::move(imported), folder);
  }
  const std::string llama2c = Join(folder, "tokenizer.bin");
  if (Exists(llama2c)) return ImportTokenizerWithConfig(llama2c, folder);
  return absl::NotFoundError(absl::StrCat(
      folder,
      ": no tokenizer.json, tokenizer.model, vocab.json with merges.txt, or tokenizer.bin"));
}

}  // namespace inkling
