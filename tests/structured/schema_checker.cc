// Says which texts schemas allow: for tests in Python.
//
//   schema_checker < LINES
//
// Lines: "schema SPACING JSON", answered by "ok", or "refused MESSAGE"; "text TEXT", answered by
// "allowed" or "refused" by the schema in front of it. SPACING is 0, 1 or 2, as JsonSpacing.

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "src/structured/json_schema.h"
#include "tests/structured/grammar_texts.h"

namespace inkling {
namespace {

absl::StatusOr<std::shared_ptr<const CompiledGrammar>> Compile(absl::string_view line) {
  const JsonSpacing spacing = static_cast<JsonSpacing>(line[0] - '0');
  absl::StatusOr<Grammar> grammar = GrammarOfJsonSchema(line.substr(2), spacing);
  if (!grammar.ok()) return grammar.status();
  return CompiledGrammar::Make(*std::move(grammar), ByteVocabulary());
}

int Run() {
  std::shared_ptr<const CompiledGrammar> compiled;
  for (std::string line; std::getline(std::cin, line);) {
    const absl::string_view rest = absl::string_view(line).substr(line.find(' ') + 1);
    if (absl::StartsWith(line, "schema ") && rest.size() > 2) {
      const auto made = Compile(rest);
      compiled = made.ok() ? *made : nullptr;
      const std::string message = absl::StrReplaceAll(made.status().ToString(), {{"\n", " "}});
      std::cout << (made.ok() ? "ok" : "refused " + message) << std::endl;
    } else if (absl::StartsWith(line, "text ") && compiled != nullptr) {
      std::cout << (Allows(compiled, rest) ? "allowed" : "refused") << std::endl;
    } else {
      std::cerr << "schema_checker: expected 'schema SPACING JSON' or, behind one that is ok, "
                   "'text TEXT', found '"
                << line << "'\n";
      return 2;
    }
  }
  return 0;
}

}  // namespace
}  // namespace inkling

int main() { return inkling::Run(); }
