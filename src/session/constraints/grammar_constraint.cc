// A compiled grammar behind the public face of a constraint.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/output_constraint.h"
#include "src/session/constraints/constraint_access.h"
#include "src/session/constraints/token_constraint.h"
#include "src/session/model_engine.h"
#include "src/structured/compiled_grammar.h"
#include "src/structured/ebnf.h"
#include "src/structured/grammar_matcher.h"
#include "src/structured/json_schema.h"
#include "src/structured/regex.h"
#include "src/structured/token_vocabulary.h"

namespace inkling {
namespace {

class GrammarConstraint final : public TokenConstraint {
 public:
  GrammarConstraint(std::shared_ptr<const CompiledGrammar> grammar, bool drops_leading_space)
      : matcher_(std::move(grammar), drops_leading_space) {}

  void Mask(absl::Span<uint64_t> mask) override { matcher_.Mask(mask); }
  absl::Status Accept(int32_t token) override {
    if (!matcher_.Accept(token))
      return absl::InternalError("the constraint refuses a token that it allowed");
    if (!matcher_.overflowed()) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        "constraint: the text fits the grammar in more ways at once than are followed; write it so "
        "that the next characters say which way it goes");
  }
  bool is_complete() const override { return matcher_.is_complete(); }
  bool can_continue() const override { return matcher_.can_continue(); }
  std::string ForcedText(size_t most) override { return matcher_.ForcedText(most); }

 private:
  GrammarMatcher matcher_;
};

class CompiledConstraint final : public OutputConstraint {
 public:
  CompiledConstraint(std::shared_ptr<const CompiledGrammar> grammar, uint64_t vocabulary_hash)
      : grammar_(std::move(grammar)), vocabulary_hash_(vocabulary_hash) {}

  int64_t memory_bytes() const override { return static_cast<int64_t>(grammar_->memory_bytes()); }

 private:
  std::unique_ptr<TokenConstraint> Begin(bool drops_leading_space) const override {
    return std::make_unique<GrammarConstraint>(grammar_, drops_leading_space);
  }
  uint64_t vocabulary_hash() const override { return vocabulary_hash_; }

  const std::shared_ptr<const CompiledGrammar> grammar_;
  const uint64_t vocabulary_hash_;
};

absl::StatusOr<std::shared_ptr<const OutputConstraint>> Compile(const LlmModel& model,
                                                                Grammar grammar) {
  const ModelEngine& engine = ConstraintAccess::EngineOf(model);
  const std::shared_ptr<const void> shared =
      engine.SharedVocabulary("", [](const TokenizerData& data, int32_t vocab_size) {
        return std::shared_ptr<const void>(TokenVocabulary::Make(data, vocab_size));
      });
  ABSL_ASSIGN_OR_RETURN(
      std::shared_ptr<const CompiledGrammar> compiled,
      CompiledGrammar::Make(std::move(grammar),
                            std::static_pointer_cast<const TokenVocabulary>(shared)));
  return std::make_shared<const CompiledConstraint>(std::move(compiled), engine.vocabulary_hash());
}

}  // namespace

absl::StatusOr<std::shared_ptr<const OutputConstraint>> OutputConstraint::FromJsonSchema(
    const LlmModel& model, absl::string_view schema, const JsonSchemaOptions& options) {
  ABSL_ASSIGN_OR_RETURN(Grammar grammar, GrammarOfJsonSchema(schema, options.spacing));
  return Compile(model, std::move(grammar));
}

absl::StatusOr<std::shared_ptr<const OutputConstraint>> OutputConstraint::FromRegex(
    const LlmModel& model, absl::string_view regex) {
  ABSL_ASSIGN_OR_RETURN(Grammar grammar, GrammarOfRegex(regex));
  return Compile(model, std::move(grammar));
}

absl::StatusOr<std::shared_ptr<const OutputConstraint>> OutputConstraint::FromGrammar(
    const LlmModel& model, absl::string_view grammar_text) {
  ABSL_ASSIGN_OR_RETURN(Grammar grammar, GrammarOfEbnf(grammar_text));
  return Compile(model, std::move(grammar));
}

}  // namespace inkling
