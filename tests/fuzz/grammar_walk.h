// A walk through a grammar, for fuzz targets: it is compiled, masks are what single bytes allow,
// and a text is written that ends where it may.

#ifndef INKLING_TESTS_FUZZ_GRAMMAR_WALK_H_
#define INKLING_TESTS_FUZZ_GRAMMAR_WALK_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "src/structured/compiled_grammar.h"
#include "src/structured/grammar_matcher.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

inline std::shared_ptr<const TokenVocabulary> WalkVocabulary() {
  static const auto* const vocabulary = [] {
    std::vector<std::string> texts;
    for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
    for (const char* text :
         {"\": ", "\", \"", "{\"", "\"}", "12", "abc", "\xC3\xA9t\xC3\xA9", "]", "},"})
      texts.emplace_back(text);
    return new std::shared_ptr<const TokenVocabulary>(TokenVocabulary::Make(std::move(texts)));
  }();
  return *vocabulary;
}

// The text of the walk, or "" if it had no end within its steps. Errors: as CompiledGrammar::Make.
inline absl::StatusOr<std::string> WalkGrammar(Grammar grammar, uint32_t seed) {
  const auto vocabulary = WalkVocabulary();
  const auto compiled = CompiledGrammar::Make(std::move(grammar), vocabulary);
  if (!compiled.ok()) return compiled.status();
  GrammarMatcher matcher(*compiled, false);
  std::mt19937 random(seed);
  std::vector<uint64_t> mask(vocabulary->mask_words());
  std::string text;
  for (int step = 0; step < 200; ++step) {
    if (matcher.is_complete() && (!matcher.can_continue() || random() % 4 == 0)) return text;
    matcher.Mask(absl::MakeSpan(mask));
    if (matcher.overflowed()) return std::string();
    std::vector<int32_t> allowed;
    for (int32_t token = 0; token < vocabulary->vocab_size(); ++token) {
      if (HasBit(mask, token)) allowed.push_back(token);
    }
    Expect(!allowed.empty(), "something may follow a text that isn't complete");
    int32_t token = allowed[random() % allowed.size()];
    for (const char end : {'"', '}', ']'}) {
      if (step > 60 && HasBit(mask, end)) token = end;
    }
    Expect(matcher.Accept(token), "a token of the mask is accepted");
    text += vocabulary->text(token);
  }
  return std::string();
}

}  // namespace inkling

#endif  // INKLING_TESTS_FUZZ_GRAMMAR_WALK_H_
