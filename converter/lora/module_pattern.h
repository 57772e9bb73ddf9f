// ModulePattern: a key of PEFT's rank_pattern and alpha_pattern: a regular expression of Python's,
// which the name of a module matches as a whole or from behind one of its dots on.
//
// It becomes an automaton, so that no expression, however hostile, takes longer than a few steps
// for each character of a name.

#ifndef INKLING_CONVERTER_LORA_MODULE_PATTERN_H_
#define INKLING_CONVERTER_LORA_MODULE_PATTERN_H_

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/structured/automaton.h"

namespace inkling {

class ModulePattern {
 public:
  // Errors: InvalidArgument for what is no regular expression; Unimplemented for what Python has
  // and automata don't (earlier groups' texts, looking around, a word's edge, flags), by name;
  // ResourceExhausted for one that would need too many states.
  static absl::StatusOr<ModulePattern> Make(absl::string_view key);

  // Whether Python's re.match("(.*\.)?(KEY)$", module) finds something. Errors: InvalidArgument for
  // a name that isn't printable ASCII, about which Python's classes know more than ours;
  // ResourceExhausted for one that can be read in too many ways.
  absl::StatusOr<bool> Matches(absl::string_view module) const;

 private:
  explicit ModulePattern(Automaton automaton) : automaton_(std::move(automaton)) {}

  Automaton automaton_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_LORA_MODULE_PATTERN_H_
