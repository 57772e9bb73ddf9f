// Whether a grammar allows a text, byte by byte; for tests of the front ends.

#ifndef INKLING_TESTS_STRUCTURED_GRAMMAR_TEXTS_H_
#define INKLING_TESTS_STRUCTURED_GRAMMAR_TEXTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/structured/compiled_grammar.h"
#include "src/structured/grammar_matcher.h"
#include "src/structured/token_vocabulary.h"

namespace inkling {

// A token for each byte but NUL, whose id is the byte.
inline std::shared_ptr<const TokenVocabulary> ByteVocabulary() {
  std::vector<std::string> texts(256);
  for (int byte = 1; byte < 256; ++byte)
    texts[static_cast<size_t>(byte)] = std::string(1, static_cast<char>(byte));
  return TokenVocabulary::Make(std::move(texts));
}

inline bool Allows(const std::shared_ptr<const CompiledGrammar>& grammar, absl::string_view text) {
  GrammarMatcher matcher(grammar, /*drops_leading_space=*/false);
  for (const char byte : text) {
    if (!matcher.Accept(static_cast<uint8_t>(byte))) return false;
  }
  return matcher.is_complete();
}

}  // namespace inkling

#endif  // INKLING_TESTS_STRUCTURED_GRAMMAR_TEXTS_H_
