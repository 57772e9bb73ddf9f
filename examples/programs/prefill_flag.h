// The values of --prefill, which programs that run a model take.

#ifndef INKLING_EXAMPLES_PROGRAMS_PREFILL_FLAG_H_
#define INKLING_EXAMPLES_PROGRAMS_PREFILL_FLAG_H_

#include <map>
#include <string>

#include "inkling/llm_options.h"

namespace inkling {

inline constexpr char kPrefillHelp[] =
    "Prompts are multiplied with quantised weights as int8 or float rows; auto: what this CPU does "
    "faster";

// By what the flag is given.
inline const std::map<std::string, ActivationPrecision>& PrefillChoices() {
  static const auto& choices =
      *new std::map<std::string, ActivationPrecision>{{"auto", ActivationPrecision::kAuto},
                                                      {"int8", ActivationPrecision::kInt8},
                                                      {"float", ActivationPrecision::kFloat}};
  return choices;
}

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_PREFILL_FLAG_H_
