// The table of names. Each was compared with the tokenizer.json that files of the name are made
// from; names whose patterns src/text has no scanner for are left out.

#include "converter/tokenizer/gguf_pretokenizer.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "converter/tokenizer/tokenizer_pipeline.h"

namespace inkling {
namespace {

using nlohmann::json;

enum class Split : uint8_t {
  kSpacedWords,          // GPT-2's pattern
  kDigitsAndWords,       // every digit alone, then GPT-2's pattern
  kPunctuationAndWords,  // runs of punctuation, GPT-2's pattern, digits in threes
  kPrefixedOneDigit,     // the pattern of cl100k with digits alone
  kPrefixedThreeDigits,  // the pattern of cl100k
  kCasedOneDigit,        // the pattern of tekken
  kCasedThreeDigits,     // the pattern of o200k
};

struct Known {
  absl::string_view name;
  Split split;
  bool nfc;
  bool ignore_merges;
  bool add_bos;
};

constexpr Known kKnown[] = {
    {"gpt-2", Split::kSpacedWords, false, false, false},
    {"phi-2", Split::kSpacedWords, false, false, false},
    {"mpt", Split::kSpacedWords, true, false, false},
    {"olmo", Split::kSpacedWords, true, false, false},
    {"smollm", Split::kDigitsAndWords, false, false, false},
    {"starcoder", Split::kDigitsAndWords, false, false, false},
    {"refact", Split::kDigitsAndWords, false, false, false},
    {"falcon", Split::kPunctuationAndWords, false, false, false},
    {"qwen2", Split::kPrefixedOneDigit, true, false, false},
    {"deepseek-r1-qwen", Split::kPrefixedOneDigit, false, false, false},
    {"stablelm2", Split::kPrefixedOneDigit, false, false, false},
    {"llama-bpe", Split::kPrefixedThreeDigits, false, true, true},
    {"llama3", Split::kPrefixedThreeDigits, false, true, true},
    {"llama-v3", Split::kPrefixedThreeDigits, false, true, true},
    {"smaug-bpe", Split::kPrefixedThreeDigits, false, true, false},  // Llama 3's without bos
    {"dbrx", Split::kPrefixedThreeDigits, false, false, false},
    {"tekken", Split::kCasedOneDigit, false, true, true},
    {"gpt-4o", Split::kCasedThreeDigits, false, false, false},
};

// Architectures whose vocabularies of these sizes are all of one kind. The first line that fits
// holds.
struct Assumed {
  absl::string_view architecture;
  size_t least_tokens;
  absl::string_view name;
};
constexpr Assumed kAssumed[] = {
    {"falcon", 0, "falcon"},            //
    {"gptneox", 0, "olmo"},             //
    {"llama", 128000, "llama-bpe"},     // Llama 3
    {"phi2", 0, "phi-2"},               //
    {"qwen2", 0, "qwen2"},              //
    {"stablelm", 100000, "stablelm2"},  // StableLM 2
    {"stablelm", 50000, "olmo"},        // StableLM 3B
};

json ByteLevel(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", use_regex}};
}

json Isolated(absl::string_view regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", std::string(regex)}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

json PrefixedWords(absl::string_view digits) {
  return Isolated(absl::StrCat("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|",
                               digits,
                               "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"));
}

json Stages(Split split) {
  switch (split) {
    case Split::kSpacedWords:
      return json::array({ByteLevel(true)});
    case Split::kDigitsAndWords:
      return json::array({{{"type", "Digits"}, {"individual_digits", true}}, ByteLevel(true)});
    case Split::kPunctuationAndWords:
      return json::array({{{"type", "Punctuation"}, {"behavior", "Contiguous"}},
                          ByteLevel(true),
                          {{"type", "Digits"}, {"individual_digits", false}},
                          Isolated("[0-9][0-9][0-9]")});
    case Split::kPrefixedOneDigit:
      return json::array({PrefixedWords("\\p{N}"), ByteLevel(false)});
    case Split::kPrefixedThreeDigits:
      return json::array({PrefixedWords("\\p{N}{1,3}"), ByteLevel(false)});
    case Split::kCasedOneDigit:
      return json::array({Isolated(CasedWordsPattern("", "\\p{N}")), ByteLevel(false)});
    case Split::kCasedThreeDigits:
      return json::array(
          {Isolated(CasedWordsPattern(kOptionalContractions, "\\p{N}{1,3}")), ByteLevel(false)});
  }
  return json::array();
}

}  // namespace

absl::StatusOr<GgufPretokenizer> FindGgufPretokenizer(absl::string_view name,
                                                      absl::string_view architecture,
                                                      size_t num_tokens) {
  std::string note;
  if (name.empty() || name == "default") {
    for (const Assumed& assumed : kAssumed) {
      if (assumed.architecture != architecture || num_tokens < assumed.least_tokens) continue;
      name = assumed.name;
      note = absl::StrCat("the file doesn't say how text is cut into words; taken to be ", name);
      break;
    }
  }
  for (const Known& known : kKnown) {
    if (known.name != name) continue;
    GgufPretokenizer result;
    result.pre_tokenizer = {{"type", "Sequence"}, {"pretokenizers", Stages(known.split)}};
    result.nfc = known.nfc;
    result.ignore_merges = known.ignore_merges;
    result.add_bos = known.add_bos;
    result.note = std::move(note);
    return result;
  }
  return absl::UnimplementedError(absl::StrCat(
      "tokenizer.ggml.pre: '", name, "' is not supported; this version knows ",
      absl::StrJoin(kKnown, ", ",
                    [](std::string* out, const Known& known) { absl::StrAppend(out, known.name); }),
      "; the original's tokenizer.json can be given instead"));
}

}  // namespace inkling
