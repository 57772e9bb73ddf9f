// Compares a tokenizer with golden vectors that other tools computed (Hugging Face tokenizers,
// SentencePiece).
//
// The golden tests of tokenizers share it. Each mismatch is one line that names the text, so that a
// failure can be read; after ten of them the rest are only counted.

#ifndef INKLING_TESTS_CONVERTER_GOLDEN_TOKENIZER_H_
#define INKLING_TESTS_CONVERTER_GOLDEN_TOKENIZER_H_

#include <string>

#include "nlohmann/json.hpp"
#include "src/text/tokenizer.h"

namespace inkling {

struct GoldenOptions {
  Markup markup = Markup::kParse;  // SentencePiece alone doesn't parse control pieces: kAsText
  SpecialTokenText special_tokens = SpecialTokenText::kShow;
};

// What was compared and what differed.
struct GoldenResult {
  int num_cases = 0;
  int num_mismatches = 0;
  std::string report;  // the first mismatches, one line each
};

// Reads a JSON file; an empty value if it can't be read.
nlohmann::json LoadJson(const std::string& path);

// Compares ids, pieces, decoded text (whole and streamed), ids with the vocabulary's own additions,
// ill-formed input and random ids, as far as `golden` has them.
GoldenResult CompareWithGolden(const Tokenizer& tokenizer, const nlohmann::json& golden,
                               const GoldenOptions& options);

}  // namespace inkling

#endif  // INKLING_TESTS_CONVERTER_GOLDEN_TOKENIZER_H_
