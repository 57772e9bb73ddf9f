// OutputConstraint: what generated text must look like: JSON of a schema, a regular expression, a
// grammar.
//
//   auto constraint = inkling::OutputConstraint::FromJsonSchema(*model, R"({"type": "object",
//       "properties": {"name": {"type": "string"}}, "required": ["name"]})");
//   options.constraint = *constraint;
//   session->Generate("Who?", options);
//
// While it generates, the session chooses only among tokens that can still lead to such a text.
// Stop tokens are allowed where the text is complete, and generation ends with
// StopReason::kConstraint where nothing may follow. GenerateOptions::max_new_tokens and stop
// strings can still cut it off.
//
// A component: in a library that is built with INKLING_STRUCTURED_OUTPUT=OFF these functions return
// the error Unimplemented.
//
// Threads: a constraint never changes, so any number of calls, on any threads, use one at once.

#ifndef INKLING_OUTPUT_CONSTRAINT_H_
#define INKLING_OUTPUT_CONSTRAINT_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inkling/export.h"
#include "inkling/llm_model.h"

namespace inkling {

class TokenConstraint;  // one text that is followed; not part of the API

// White space between the parts of JSON.
enum class JsonSpacing : uint8_t {
  kNone = 0,  // {"a":1,"b":[2,3]}
  kOne = 1,   // {"a": 1, "b": [2, 3]}
  // One blank, or a line break with up to 40 blanks, wherever JSON allows white space.
  kFree = 2,
};

// How JSON is written.
struct JsonSchemaOptions {
  JsonSpacing spacing = JsonSpacing::kOne;  // between its parts
};

// What a text must look like, compiled for a vocabulary.
class INKLING_EXPORT OutputConstraint {
 public:
  // JSON that `schema` describes (JSON Schema, draft 2020-12, at most 256 KiB, nested at most 64
  // deep). Properties come in the schema's order, others behind them unless additionalProperties is
  // false.
  //
  // Enforced: type, enum, const, properties, required, additionalProperties, items, prefixItems,
  // minItems, maxItems, minLength, maxLength, pattern, format (date-time, date, time, uuid, email,
  // ipv4, hostname, uri), minimum, maximum, exclusiveMinimum, exclusiveMaximum, anyOf, oneOf of
  // branches that exclude each other, allOf and anything beside $ref, anyOf or oneOf as far as the
  // parts make one schema, minProperties (1, or what `required` ensures), maxProperties (what
  // additionalProperties: false ensures), uniqueItems: false, $ref into the schema, recursion
  // included.
  //
  // Taken as remarks: title, description, default, examples, example, deprecated, readOnly,
  // writeOnly, $comment, $anchor, $dynamicAnchor, x-..., and where they belong $schema, $id, $defs,
  // definitions. Every other keyword, and every other value of `format`, is refused.
  //
  // Whatever is written fits the schema. Not all that fits is written: numbers with bounds have no
  // exponents; dates are of 1900 to 2099, without 29 February; UUIDs are in small letters; names of
  // additional properties have no escapes.
  //
  // Errors: InvalidArgument (no JSON, no schema, or nothing fits it); Unimplemented (a keyword that
  // can't be enforced); ResourceExhausted (too large): what, at which place as a JSON pointer, what
  // was expected and found. Compiling takes milliseconds, and under a second at worst.
  static absl::StatusOr<std::shared_ptr<const OutputConstraint>> FromJsonSchema(
      const LlmModel& model, absl::string_view schema, const JsonSchemaOptions& options = {});

  // Texts that `regex` matches as a whole: ECMAScript's syntax without assertions and references
  // back. Errors: InvalidArgument, Unimplemented: what, at which byte; ResourceExhausted.
  static absl::StatusOr<std::shared_ptr<const OutputConstraint>> FromRegex(const LlmModel& model,
                                                                           absl::string_view regex);

  // Texts of a grammar in EBNF, from its rule `root` on, as GBNF files write them:
  // NAME ::= "text" [a-z0-9_]+ (one | two)? item{2,5}   # comment
  // Errors: InvalidArgument: what, in which line, or a rule that begins with itself;
  // ResourceExhausted.
  static absl::StatusOr<std::shared_ptr<const OutputConstraint>> FromGrammar(
      const LlmModel& model, absl::string_view grammar);

  virtual ~OutputConstraint() = default;
  OutputConstraint(const OutputConstraint&) = delete;
  OutputConstraint& operator=(const OutputConstraint&) = delete;

  // Memory that it takes, in bytes; grows as texts reach further places, up to about 64 MiB.
  virtual int64_t memory_bytes() const = 0;

 protected:
  OutputConstraint() = default;

 private:
  friend struct ConstraintAccess;
  // For the session: a text from its beginning, and the vocabulary that it is made of.
  virtual std::unique_ptr<TokenConstraint> Begin(bool drops_leading_space) const = 0;
  virtual uint64_t vocabulary_hash() const = 0;
};

}  // namespace inkling

#endif  // INKLING_OUTPUT_CONSTRAINT_H_
