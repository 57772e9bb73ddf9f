// Regular expressions and grammars in EBNF: any text is compiled or refused in bounded time.

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "src/structured/ebnf.h"
#include "src/structured/regex.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/grammar_walk.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  if (bytes.empty()) return false;
  const uint8_t choice = static_cast<uint8_t>(bytes[0]);
  absl::StatusOr<Grammar> grammar =
      choice % 2 == 0 ? GrammarOfRegex(bytes.substr(1)) : GrammarOfEbnf(bytes.substr(1));
  if (!grammar.ok()) return false;
  return WalkGrammar(*std::move(grammar), choice).ok();
}

}  // namespace inkling
