// Folders that transformers wrote or reads, with the ids that it gives: what every side file says
// counts. tokenizer_folders_test.py makes them (--write) and compares many more where Python has
// transformers.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "converter/files/json_text.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "src/text/tokenizer.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

const char kFolders[] = INKLING_TEST_DATA_DIR "/converter/tokenizer_folders";

std::vector<std::string> FolderNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolders)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class TokenizerFolder : public testing::TestWithParam<std::string> {};

TEST_P(TokenizerFolder, GivesTheIdsOfTransformers) {
  const std::string folder = std::string(kFolders) + "/" + GetParam();
  absl::StatusOr<Json> expected = ReadJsonFile(folder + "/expected.json");
  ASSERT_TRUE(expected.ok()) << expected.status();
  absl::StatusOr<ImportedTokenizer> imported = ImportTokenizerFolder(folder);
  ASSERT_TRUE(imported.ok()) << imported.status();
  const std::vector<int32_t> stops = imported->tokenizer.stop_ids;
  const int32_t bos = imported->tokenizer.bos_id;
  auto tokenizer = Tokenizer::Create(std::move(imported->tokenizer));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const Json& texts = (*expected)["texts"];
  ASSERT_GE(texts.size(), 50u);
  for (size_t i = 0; i < texts.size(); ++i) {
    EncodeOptions options;
    options.markup = Markup::kParse;
    EXPECT_EQ(*(*tokenizer)->Encode(texts[i].get<std::string>(), options),
              (*expected)["ids"][i].get<std::vector<int32_t>>())
        << texts[i];
    DecodeOptions show;
    show.special_tokens = SpecialTokenText::kShow;
    EXPECT_EQ(*(*tokenizer)->Decode((*expected)["ids"][i].get<std::vector<int32_t>>(), show),
              (*expected)["decoded"][i].get<std::string>())
        << texts[i];
    options.added_ids = AddedIds::kAsVocabularySays;
    EXPECT_EQ(*(*tokenizer)->Encode(texts[i].get<std::string>(), options),
              (*expected)["framed"][i].get<std::vector<int32_t>>())
        << texts[i];
  }
  const Json& eos = (*expected)["eos"];
  if (eos.is_number() && eos != bos) {
    EXPECT_NE(std::find(stops.begin(), stops.end(), eos.get<int32_t>()), stops.end()) << eos;
  }
}

INSTANTIATE_TEST_SUITE_P(All, TokenizerFolder, testing::ValuesIn(FolderNames()),
                         [](const auto& info) { return info.param; });

// A copy of a committed folder that a test changes.
class ChangedFolder : public testing::Test {
 protected:
  void Copy(const std::string& name) {
    std::filesystem::copy(std::string(kFolders) + "/" + name, dir_.path(),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }

  void Change(const std::string& name, const Json& fields) {
    const std::string path = dir_.File(name);
    absl::StatusOr<Json> old = ReadJsonFile(path);
    Json value = old.ok() ? *std::move(old) : Json::object();
    value.update(fields);
    std::ofstream(path) << value.dump();
  }

  void Remove(const std::string& name) { std::filesystem::remove(dir_.File(name)); }

  // The notes of an import, or its error.
  std::string Said() {
    const auto imported = ImportTokenizerFolder(dir_.path());
    if (!imported.ok()) return std::string(imported.status().message());
    stops_ = imported->tokenizer.stop_ids;
    template_ = imported->prompt_template;
    return absl::StrJoin(imported->notes, "\n");
  }

  void ExpectSays(const std::string& fragment) {
    const std::string said = Said();
    EXPECT_TRUE(absl::StrContains(said, fragment)) << "expected '" << fragment << "' in: " << said;
  }

  TempDir dir_;
  std::vector<int32_t> stops_;
  PromptTemplateData template_;
};

TEST_F(ChangedFolder, AnUnknownClassIsRefusedWithoutTokenizerJson) {
  for (const char* name : {"gpt2_added_json", "llama_legacy"}) {
    Copy(name);
    Change("tokenizer_config.json", {{"tokenizer_class", "QWenTokenizer"}});
    ExpectSays("tokenizer_class 'QWenTokenizer' is none that this version knows");
    ExpectSays("save_pretrained");
    Remove("vocab.json");
  }
}

TEST_F(ChangedFolder, AClassThatReadsOtherFilesIsRefused) {
  Copy("gpt2_added_json");
  Change("tokenizer_config.json", {{"tokenizer_class", "LlamaTokenizer"}});
  ExpectSays("LlamaTokenizer doesn't read vocab.json");
  Change("tokenizer_config.json", {{"tokenizer_class", nullptr}});
  ExpectSays("no tokenizer_class is named");
}

TEST_F(ChangedFolder, MissingMergesAreRefused) {
  Copy("gpt2_added_json");
  Remove("merges.txt");
  ExpectSays("no merges.txt beside it");
  std::ofstream(dir_.File("merges.txt")) << "#version: 0.2\n";
  ExpectSays("model.merges: expected the merges that make pieces");
  std::ofstream(dir_.File("merges.txt")) << "#version: 0.2\nt h\n\xFF h\n";
  ExpectSays("merges.txt: merge 1 is not well-formed UTF-8");
}

TEST_F(ChangedFolder, MergesThatTokenizerJsonLacksAreNamed) {
  Copy("fast_config_flags");
  absl::StatusOr<Json> file = ReadJsonFile(dir_.File("tokenizer.json"));
  ASSERT_TRUE(file.ok()) << file.status();
  for (const Json& merges : {Json::array(), Json()}) {
    (*file)["model"]["merges"] = merges;
    std::ofstream(dir_.File("tokenizer.json")) << file->dump();
    ExpectSays("tokenizer.json: model.merges: expected the merges");
  }
}

TEST_F(ChangedFolder, NamedTokensThatNoFileHasAreSaid) {
  Copy("llama_legacy");
  Change("tokenizer_config.json", {{"eos_token", "<|nowhere|>"}});
  ExpectSays("'<|nowhere|>' is in no vocabulary file; added as token");
}

TEST_F(ChangedFolder, IdsBeyondTheVocabularyAreSaid) {
  Copy("llama_legacy");
  Change("generation_config.json", {{"eos_token_id", {2, 5, 9000}}, {"pad_token_id", -1}});
  ExpectSays("generation_config.json: eos_token_id 9000 is not in the vocabulary");
  EXPECT_EQ(stops_, (std::vector<int32_t>{2, 5}));
  Change("generation_config.json", {{"eos_token_id", "two"}});
  ExpectSays("generation_config.json: eos_token_id: expected an id or a list of ids");
}

TEST_F(ChangedFolder, DamagedSideFilesAreNamed) {
  Copy("llama_legacy");
  Change("added_tokens.json", {{"<|x|>", "five"}});
  ExpectSays("added_tokens.json: '<|x|>': expected an id");
  Remove("added_tokens.json");
  Change("tokenizer_config.json", {{"added_tokens_decoder", {{"x", {{"content", "y"}}}}}});
  ExpectSays("added_tokens_decoder['x']: expected an id as the key");
  Change("tokenizer_config.json", {{"added_tokens_decoder", {{"7", "y"}}}});
  ExpectSays("added_tokens_decoder['7']: expected an object with a content");
  Change("tokenizer_config.json", {{"added_tokens_decoder", nullptr}});
  ExpectSays("added_tokens_decoder: expected an object");
}

TEST_F(ChangedFolder, StagesOfAnotherKindThanTheClassBuildsAreKeptWithANote) {
  Copy("llama_saved_flags");
  absl::StatusOr<Json> file = ReadJsonFile(dir_.File("tokenizer.json"));
  ASSERT_TRUE(file.ok()) << file.status();
  (*file)["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "Prepend"}, {"prepend", "\u2581"}},
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}};
  (*file)["pre_tokenizer"] = nullptr;
  std::ofstream(dir_.File("tokenizer.json")) << file->dump();
  ExpectSays("tokenizer.json's own stages are used, as in transformers 4");
}

TEST_F(ChangedFolder, TemplatesOfTheirOwnFilesCountBeforeTheConfigs) {
  Copy("llama_legacy");
  const std::string turns =
      "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
      "{% if add_generation_prompt %}<|assistant|>{% endif %}";
  Change(
      "tokenizer_config.json",
      {{"chat_template",
        {{{"name", "default"}, {"template", turns}}, {{"name", "rag"}, {"template", "{{ 1 }}"}}}}});
  ExpectSays("other chat templates aren't used: rag");
  EXPECT_EQ(template_.user.prefix, "<|user|>");
  std::filesystem::create_directory(dir_.File("additional_chat_templates"));
  std::ofstream(dir_.File("additional_chat_templates/tool_use.jinja")) << "{{ 1 }}";
  (void)Said();
  EXPECT_TRUE(absl::StrContains(template_.note, "(tool_use) is named default")) << template_.note;
  std::ofstream(dir_.File("chat_template.jinja"))
      << "{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>{% endfor %}"
         "{% if add_generation_prompt %}[assistant]{% endif %}";
  ExpectSays("other chat templates aren't used: tool_use");
  EXPECT_EQ(template_.user.prefix, "[user]");
}

}  // namespace
}  // namespace inkling
