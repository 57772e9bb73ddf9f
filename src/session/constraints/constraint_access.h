// ConstraintAccess: what constraints and sessions have of each other that apps don't see.

#ifndef INKLING_SRC_SESSION_CONSTRAINTS_CONSTRAINT_ACCESS_H_
#define INKLING_SRC_SESSION_CONSTRAINTS_CONSTRAINT_ACCESS_H_

#include <cstdint>
#include <memory>

#include "inkling/llm_model.h"
#include "inkling/output_constraint.h"
#include "src/session/constraints/token_constraint.h"

namespace inkling {

struct ConstraintAccess {
  static const ModelEngine& EngineOf(const LlmModel& model);
  static std::unique_ptr<TokenConstraint> Begin(const OutputConstraint& constraint,
                                                bool drops_leading_space) {
    return constraint.Begin(drops_leading_space);
  }
  static uint64_t VocabularyHash(const OutputConstraint& constraint) {
    return constraint.vocabulary_hash();
  }
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_CONSTRAINTS_CONSTRAINT_ACCESS_H_
