// Numbers between two bounds, digit by digit.

#ifndef INKLING_SRC_STRUCTURED_NUMBER_RANGE_H_
#define INKLING_SRC_STRUCTURED_NUMBER_RANGE_H_

#include <optional>

#include "absl/status/statusor.h"
#include "src/structured/grammar.h"
#include "src/text/json_value.h"

namespace inkling {

struct NumberBound {
  Decimal value;
  bool is_exclusive = false;
};

// Numbers from `low` to `high`, either of which may be missing: integers, or numbers that are
// written without an exponent. Exact for bounds of any length. Errors: InvalidArgument for a bound
// of more than 100 digits.
absl::StatusOr<ExprId> NumberRange(Grammar& grammar, std::optional<NumberBound> low,
                                   std::optional<NumberBound> high, bool integers_only);

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_NUMBER_RANGE_H_
