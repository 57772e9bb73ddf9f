// The pre_tokenizer of a tokenizer.json (see tokenizer_pipeline.h). Regular expressions are
// recognised by their text: each published one has an exact scanner in src/text, any other is
// refused.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "converter/tokenizer/tokenizer_pipeline.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

struct KnownPattern {
  absl::string_view regex;
  WordSplitData split;
};

constexpr absl::string_view kPrefixedWordsTail =
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

std::optional<WordSplitData> FindCasedPattern(const std::string& regex) {
  for (const auto& [contractions, split] :
       {std::pair<absl::string_view, WordSplit>{"", WordSplit::kCasedWords},
        {kOptionalContractions, WordSplit::kCasedWordsAndContractions}}) {
    for (const auto& [digits, limit] :
         {std::pair<absl::string_view, uint32_t>{"\\p{N}{1,3}", 3}, {"\\p{N}", 1}}) {
      if (regex == CasedWordsPattern(contractions, digits)) return WordSplitData{split, limit};
    }
  }
  return std::nullopt;
}

// Returns the scanner for a pattern, or nothing.
std::optional<WordSplitData> FindPattern(const std::string& regex) {
  static constexpr KnownPattern kPatterns[] = {
      {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
       {WordSplit::kSpacedWords, 0}},
      {"'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
       {WordSplit::kSpacedWords, 0}},
      {"[0-9][0-9][0-9]", {WordSplit::kAsciiDigitRuns, 3}},
      {"\\p{N}{1,3}", {WordSplit::kDigits, 3}},
      {"\\p{N}", {WordSplit::kDigits, 1}},
      {"\\p{N}+", {WordSplit::kDigits, 0}},
  };
  for (const KnownPattern& known : kPatterns) {
    if (known.regex == regex) return known.split;
  }
  if (const auto cased = FindCasedPattern(regex); cased.has_value()) return cased;
  // Possessive quantifiers and the + behind [\r\n] change nothing here: what they take from is
  // never wanted back.
  const std::string plain = absl::StrReplaceAll(
      regex, {{"]?+\\p{L}", "]?\\p{L}"}, {"]++[", "]+["}, {"|\\s*[\\r\\n]|", "|\\s*[\\r\\n]+|"}});
  for (absl::string_view contractions :
       {"(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?i:[sdmt]|ll|ve|re)", "(?i:'[sdmt]|'ll|'ve|'re)"}) {
    const std::string head = absl::StrCat(contractions, "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|");
    for (const auto& [digits, limit] : {std::pair<absl::string_view, uint32_t>{"\\p{N}{1,3}", 3},
                                        {"\\p{N}{1,2}", 2},
                                        {"\\p{N}", 1},
                                        {"\\p{N}+", 0}}) {
      if (plain == absl::StrCat(head, digits, kPrefixedWordsTail)) {
        return WordSplitData{WordSplit::kPrefixedWords, limit};
      }
    }
  }
  return std::nullopt;
}

absl::Status Unsupported(const Json& stage) {
  return UnsupportedInTokenizerJson(absl::StrCat("pre_tokenizer ", stage.dump().substr(0, 400)));
}

absl::Status ReadSplit(const Json& stage, TokenizerData& data) {
  const std::string behavior = StringField(stage, "behavior");
  const bool invert = BoolField(stage, "invert", false);
  const Json& pattern = Field(stage, "pattern");
  if (StringField(pattern, "String") == " ") {
    // With escaped spaces there is no space left to split at.
    return data.normalizer.escape_spaces ? absl::OkStatus() : Unsupported(stage);
  }
  const std::optional<WordSplitData> known = FindPattern(StringField(pattern, "Regex"));
  if (!known.has_value()) return Unsupported(stage);
  // Patterns that match all of every text give the same words when what is between is removed.
  const bool covers_all = known->split == WordSplit::kSpacedWords ||
                          known->split == WordSplit::kPrefixedWords ||
                          known->split == WordSplit::kCasedWords ||
                          known->split == WordSplit::kCasedWordsAndContractions;
  const bool isolates =
      (behavior == "Isolated" && !invert) || (behavior == "Removed" && invert && covers_all);
  if (!isolates) return Unsupported(stage);
  data.word_splits.push_back(*known);
  return absl::OkStatus();
}

absl::Status ReadMetaspace(const Json& stage, TokenizerData& data) {
  NormalizerData& normalizer = data.normalizer;
  const bool first_stage = data.word_splits.empty();
  const bool escaped_already =
      normalizer.escape_spaces || normalizer.space_prefix != SpacePrefix::kNone;
  if (StringField(stage, "replacement") != kEscapedSpaceText || !first_stage || escaped_already) {
    return Unsupported(stage);
  }
  const bool prefix = BoolField(stage, "add_prefix_space", true);
  const std::string scheme = StringField(stage, "prepend_scheme", prefix ? "always" : "never");
  normalizer.escape_spaces = true;
  if (scheme == "always") {
    normalizer.space_prefix = SpacePrefix::kEverySegmentUnlessSpaced;
  } else if (scheme == "first") {
    normalizer.space_prefix = SpacePrefix::kFirstSegmentUnlessSpaced;
  } else if (scheme != "never") {
    return Unsupported(stage);
  }
  if (BoolField(stage, "split", true)) data.word_splits.push_back({WordSplit::kEscapedSpaces, 0});
  return absl::OkStatus();
}

absl::Status ReadByteLevel(const Json& stage, bool is_first, TokenizerData& data) {
  if (BoolField(stage, "add_prefix_space", true)) {
    if (data.normalizer.space_prefix != SpacePrefix::kNone) return Unsupported(stage);
    // Of every word so far: where tokens are still looked for in normalised text, what is between
    // them. Otherwise that is every segment, which older model files say like this, too.
    const bool search_follows =
        std::any_of(data.added_tokens.begin(), data.added_tokens.end(),
                    [](const AddedToken& token) { return token.match_normalized; });
    if (is_first && !search_follows) {
      data.normalizer.space_prefix = SpacePrefix::kEverySegmentUnlessSpaced;
    } else {
      data.word_splits.push_back({WordSplit::kSpaceInFront, 0});
    }
  }
  if (BoolField(stage, "use_regex", true)) {
    data.word_splits.push_back({WordSplit::kSpacedWords, 0});
  }
  return absl::OkStatus();
}

// A stage behind ByteLevel sees bytes as the characters that stand for them.
absl::Status ReadByteStage(const Json& stage, TokenizerData& data) {
  const std::string type = StringField(stage, "type");
  if (type == "Digits") {
    const uint32_t limit = BoolField(stage, "individual_digits", false) ? 1 : 0;
    data.word_splits.push_back({WordSplit::kByteDigits, limit});
    return absl::OkStatus();
  }
  if (type != "Split") return Unsupported(stage);
  const size_t before = data.word_splits.size();
  ABSL_RETURN_IF_ERROR(ReadSplit(stage, data));
  // Of the known patterns, only that of ASCII digits means the same in both.
  const bool is_ascii = data.word_splits.size() > before &&
                        data.word_splits.back().split == WordSplit::kAsciiDigitRuns;
  return is_ascii ? absl::OkStatus() : Unsupported(stage);
}

void Flatten(const Json& stage, std::vector<const Json*>& stages) {
  if (StringField(stage, "type") != "Sequence") {
    stages.push_back(&stage);
    return;
  }
  const Json& list = Field(stage, "pretokenizers");
  if (!list.is_array()) return;
  for (const Json& inner : list) Flatten(inner, stages);
}

}  // namespace

std::string CasedWordsPattern(absl::string_view contractions, absl::string_view digits) {
  constexpr absl::string_view kFront = "[^\\r\\n\\p{L}\\p{N}]?";
  constexpr absl::string_view kCapitals = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  constexpr absl::string_view kSmalls = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  constexpr absl::string_view kTail =
      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  return absl::StrCat(absl::StrCat(kFront, kCapitals, "*", kSmalls, "+", contractions, "|"),
                      absl::StrCat(kFront, kCapitals, "+", kSmalls, "*", contractions, "|"), digits,
                      kTail);
}

absl::Status ReadPretokenizer(const Json& tokenizer, TokenizerData& data) {
  const Json& tree = Field(tokenizer, "pre_tokenizer");
  if (tree.is_null()) return absl::OkStatus();
  std::vector<const Json*> stages;
  Flatten(tree, stages);
  bool in_bytes = false;  // behind ByteLevel, text is in the byte-level alphabet
  for (size_t i = 0; i < stages.size(); ++i) {
    const Json& stage = *stages[i];
    const std::string type = StringField(stage, "type");
    absl::Status status;
    if (in_bytes) {
      status = ReadByteStage(stage, data);
    } else if (type == "ByteLevel") {
      in_bytes = true;
      status = ReadByteLevel(stage, i == 0, data);
    } else if (type == "Split") {
      status = ReadSplit(stage, data);
    } else if (type == "Metaspace") {
      status = i == 0 ? ReadMetaspace(stage, data) : Unsupported(stage);
    } else if (type == "Digits") {
      const uint32_t limit = BoolField(stage, "individual_digits", false) ? 1 : 0;
      data.word_splits.push_back({WordSplit::kDigits, limit});
    } else if (type == "Punctuation") {
      const std::string behavior = StringField(stage, "behavior", "Isolated");
      if (behavior != "Contiguous" && behavior != "Isolated") return Unsupported(stage);
      data.word_splits.push_back(
          {behavior == "Contiguous" ? WordSplit::kPunctuation : WordSplit::kEachPunctuation, 0});
    } else {
      status = Unsupported(stage);
    }
    ABSL_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

}  // namespace inkling
