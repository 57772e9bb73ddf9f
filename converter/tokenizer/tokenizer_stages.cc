// Building and comparing stages (see tokenizer_stages.h).

#include "converter/tokenizer/tokenizer_stages.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "converter/tokenizer/added_vocabulary.h"
#include "converter/tokenizer/tokenizer_pipeline.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

constexpr char kSpace[] = "\u2581";

bool IsMetaspace(const TokenizerClass& tokenizer_class) {
  return tokenizer_class.pipeline == ClassPipeline::kMetaspace ||
         tokenizer_class.pipeline == ClassPipeline::kMetaspaceFirst;
}

// add_prefix_space; null counts as missing.
bool PrefixSpace(const TokenizerClass& tokenizer_class, const Json& config) {
  return BoolField(config, "add_prefix_space", IsMetaspace(tokenizer_class));
}

std::string PrependScheme(const TokenizerClass& tokenizer_class, const Json& config) {
  if (!PrefixSpace(tokenizer_class, config)) return "never";
  const bool legacy =
      tokenizer_class.pipeline == ClassPipeline::kMetaspace && BoolField(config, "legacy", false);
  return legacy ? "always" : "first";
}

Json Replace(const char* from, const char* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

// From pieces with U+2581 and bytes to text.
Json PieceDecoder(bool strip) {
  Json stages = Json::array({Replace(kSpace, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (strip) {
    stages.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return {{"type", "Sequence"}, {"decoders", std::move(stages)}};
}

Json ByteLevel(bool prefix_space, bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", prefix_space}, {"use_regex", use_regex}};
}

// Text to words of bytes.
Json BytePretokenizer(ClassPipeline pipeline, bool prefix_space) {
  if (pipeline == ClassPipeline::kDigitsAndWords) {
    return {{"type", "Sequence"},
            {"pretokenizers", Json::array({{{"type", "Digits"}, {"individual_digits", true}},
                                           ByteLevel(prefix_space, true)})}};
  }
  if (pipeline == ClassPipeline::kPrefixedWordsNfc) {
    const Json split = {{"type", "Split"},
                        {"pattern",
                         {{"Regex",
                           "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
                           "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}}},
                        {"behavior", "Isolated"},
                        {"invert", false}};
    return {{"type", "Sequence"},
            {"pretokenizers", Json::array({split, ByteLevel(prefix_space, false)})}};
  }
  return ByteLevel(prefix_space, true);
}

// Appends what a stage is, leaf by leaf, without the settings that tokenizer_config.json decides.
void AppendKinds(const Json& stage, std::string& kinds) {
  const std::string type = StringField(stage, "type");
  if (type.empty()) return;
  if (type == "Sequence") {
    for (const char* key : {"normalizers", "pretokenizers"}) {
      const Json& list = Field(stage, key);
      if (!list.is_array()) continue;
      for (const Json& inner : list) AppendKinds(inner, kinds);
    }
    return;
  }
  const Json& pattern = Field(stage, "pattern");
  if (type == "Split" && StringField(pattern, "String") == " ")
    return;  // of no effect behind Replace
  Json kind = stage;
  for (const char* key : {"add_prefix_space", "trim_offsets", "prepend_scheme"}) kind.erase(key);
  if (type == "ByteLevel") kind["use_regex"] = BoolField(stage, "use_regex", true);
  absl::StrAppend(&kinds, kind.dump(), "\n");
}

}  // namespace

Json ClassStages(const TokenizerClass& tokenizer_class, const Json& config) {
  const ClassPipeline pipeline = tokenizer_class.pipeline;
  Json tree = {{"normalizer", nullptr}, {"pre_tokenizer", nullptr}};
  if (IsMetaspace(tokenizer_class)) {
    tree["pre_tokenizer"] = {{"type", "Metaspace"},
                             {"replacement", kSpace},
                             {"prepend_scheme", PrependScheme(tokenizer_class, config)},
                             {"split", false}};
    tree["decoder"] = PieceDecoder(pipeline == ClassPipeline::kMetaspaceFirst ||
                                   PrefixSpace(tokenizer_class, config));
    return tree;
  }
  if (pipeline == ClassPipeline::kEscapedSpaces) {
    tree["normalizer"] = Replace(" ", kSpace);
    tree["decoder"] = PieceDecoder(false);
    return tree;
  }
  const bool composed = pipeline != ClassPipeline::kSpacedWords;
  if (composed) tree["normalizer"] = {{"type", "NFC"}};
  tree["pre_tokenizer"] = BytePretokenizer(pipeline, PrefixSpace(tokenizer_class, config));
  tree["decoder"] = {{"type", "ByteLevel"}};
  return tree;
}

Json ClassModel(const TokenizerClass& tokenizer_class, const Json& config) {
  if (tokenizer_class.is_byte_level()) return {{"type", "BPE"}};
  Json model = {{"type", "BPE"}, {"fuse_unk", true}, {"byte_fallback", true}};
  if (tokenizer_class.pipeline != ClassPipeline::kMetaspace) {
    const TokenSpec unknown = ReadTokenSpec(Field(config, "unk_token"), true);
    model["unk_token"] =
        unknown.content.empty() ? std::string(tokenizer_class.unk) : unknown.content;
  }
  return model;
}

bool SameKindOfStages(const Json& left, const Json& right) {
  std::string kinds[2];
  for (const char* key : {"normalizer", "pre_tokenizer"}) {
    AppendKinds(Field(left, key), kinds[0]);
    AppendKinds(Field(right, key), kinds[1]);
    kinds[0] += "|";
    kinds[1] += "|";
  }
  return kinds[0] == kinds[1];
}

}  // namespace inkling
