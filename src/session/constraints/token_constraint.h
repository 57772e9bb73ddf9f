// TokenConstraint: what the text of one generation must look like, token by token.
//
// The seam between sessions and whatever decides it: src/structured does; the session knows only
// this. OutputConstraint::Begin makes one for each call.

#ifndef INKLING_SRC_SESSION_CONSTRAINTS_TOKEN_CONSTRAINT_H_
#define INKLING_SRC_SESSION_CONSTRAINTS_TOKEN_CONSTRAINT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "inkling/llm_message.h"

namespace inkling {

class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;
  TokenConstraint(const TokenConstraint&) = delete;
  TokenConstraint& operator=(const TokenConstraint&) = delete;

  // Sets the bits [vocab_size] of the tokens that may come next, and clears all others. Tokens that
  // end generation aren't among them.
  virtual void Mask(absl::Span<uint64_t> mask) = 0;
  // Goes on by a token. Errors: Internal, and nothing changes, if it may not come next;
  // ResourceExhausted if the text fits in more ways at once than are followed.
  virtual absl::Status Accept(int32_t token) = 0;
  // Whether the text may end here, and whether it may go on.
  virtual bool is_complete() const = 0;
  virtual bool can_continue() const = 0;
  // The bytes that come next whatever else does, at most `most`.
  virtual std::string ForcedText(size_t most) = 0;

  // For answers that aren't text alone. Whether the last token belongs to the text; how many bytes
  // at the end of the text may turn out not to; and what else the answer has.
  virtual bool is_text() const { return true; }
  virtual size_t held_back() const { return 0; }
  virtual std::vector<ToolCall> calls() const { return {}; }

 protected:
  TokenConstraint() = default;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_CONSTRAINTS_TOKEN_CONSTRAINT_H_
