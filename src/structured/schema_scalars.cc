// Strings and numbers.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/structured/number_range.h"
#include "src/structured/regex.h"
#include "src/structured/schema_compiler.h"
#include "src/structured/schema_keywords.h"
#include "src/structured/string_format.h"
#include "src/text/json_value.h"

namespace inkling {
namespace {

uint32_t Add(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{a} + b, kUnbounded));
}

uint32_t Multiply(uint32_t a, uint32_t b) {
  if (a == 0 || b == 0) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{a} * b, kUnbounded));
}

// How many characters an expression may have, of which `characters` are one each.
CountBounds LengthOf(const Grammar& grammar, ExprId id,
                     const absl::flat_hash_set<ExprId>& characters) {
  if (characters.contains(id)) return {1, 1};
  const Expr& e = grammar.expr(id);
  CountBounds length;
  switch (e.kind) {
    case ExprKind::kSequence:
      for (ExprId child : e.children) {
        const CountBounds part = LengthOf(grammar, child, characters);
        length = {Add(length.min, part.min), Add(length.max, part.max)};
      }
      break;
    case ExprKind::kChoice:
      length.min = kUnbounded;
      for (ExprId child : e.children) {
        const CountBounds part = LengthOf(grammar, child, characters);
        length = {std::min(length.min, part.min), std::max(length.max, part.max)};
      }
      break;
    case ExprKind::kRepeat: {
      const CountBounds part = LengthOf(grammar, e.children[0], characters);
      length = {Multiply(part.min, e.bounds.min), Multiply(part.max, e.bounds.max)};
      break;
    }
    default:
      break;
  }
  return length;
}

}  // namespace

// A pattern beside a length: enough if all its texts have the length, or if it is of fixed parts
// and one repeated character, whose bounds can be changed.
absl::StatusOr<ExprId> SchemaCompiler::LimitLength(ExprId pattern, CountBounds length,
                                                   const absl::flat_hash_set<ExprId>& characters,
                                                   const std::string& path) {
  const CountBounds own = LengthOf(grammar_, pattern, characters);
  if (own.min >= length.min && own.max <= length.max) return pattern;
  if (own.min > length.max || own.max < length.min) return grammar_.Never();
  std::vector<ExprId> parts = {pattern};
  if (grammar_.expr(pattern).kind == ExprKind::kSequence && !characters.contains(pattern)) {
    parts = grammar_.expr(pattern).children;
  }
  uint32_t fixed = 0;
  std::optional<size_t> repeated;
  bool fits = true;
  for (size_t i = 0; i < parts.size(); ++i) {
    const CountBounds part = LengthOf(grammar_, parts[i], characters);
    if (part.min == part.max) {
      fixed = Add(fixed, part.min);
      continue;
    }
    const Expr& e = grammar_.expr(parts[i]);
    fits &= !repeated.has_value() && e.kind == ExprKind::kRepeat &&
            LengthOf(grammar_, e.children[0], characters) == CountBounds{1, 1};
    repeated = i;
  }
  if (!fits || !repeated.has_value()) {
    return SchemaUnsupported(
        path,
        "'minLength' or 'maxLength' beside this 'pattern' or 'format' (put the length into the "
        "pattern)");
  }
  const Expr e = grammar_.expr(parts[*repeated]);
  const uint32_t least = std::max(e.bounds.min, length.min > fixed ? length.min - fixed : 0);
  const uint32_t most =
      std::min(e.bounds.max, length.max == kUnbounded ? kUnbounded : length.max - fixed);
  parts[*repeated] = grammar_.Repeat(e.children[0], least, most);
  return grammar_.Sequence(std::move(parts));
}

absl::StatusOr<ExprId> SchemaCompiler::CompilePattern(const std::string& regex, CountBounds length,
                                                      const std::string& path) {
  // Forms that come often, as those of formats do, are compiled once.
  const std::string key = absl::StrCat(length.min, " ", length.max, " ", regex);
  if (const auto known = patterns_.find(key); known != patterns_.end()) return known->second;
  absl::flat_hash_set<ExprId> characters;
  absl::StatusOr<ExprId> pattern =
      ParseRegex(regex, RegexMatch::kSearch, grammar_, [&](const CodepointSet& set) {
        const ExprId character = json_.Character(set);
        if (character != grammar_.Never()) characters.insert(character);
        return character;
      });
  if (!pattern.ok()) {
    return absl::Status(
        pattern.status().code(),
        absl::StrCat("JSON Schema at ", PathOf(path, "pattern"), ": ", pattern.status().message()));
  }
  ABSL_ASSIGN_OR_RETURN(const ExprId limited, LimitLength(*pattern, length, characters, path));
  const ExprId quote = grammar_.Literal("\"");
  const ExprId made = Shared(grammar_.Sequence({quote, limited, quote}), path);
  patterns_[key] = made;
  return made;
}

absl::StatusOr<ExprId> SchemaCompiler::CompileString(const JsonValue& schema,
                                                     const std::string& path) {
  const CountBounds length = {CountOf(schema, "minLength", 0),
                              CountOf(schema, "maxLength", kUnbounded)};
  if (length.min > length.max) return grammar_.Never();
  const JsonValue* pattern = schema.Find("pattern");
  const JsonValue* format = schema.Find("format");
  if (pattern != nullptr && format != nullptr) {
    return SchemaUnsupported(PathOf(path, "pattern"), "'pattern' beside 'format'");
  }
  if (pattern != nullptr) return CompilePattern(pattern->text, length, path);
  if (format != nullptr) {
    return CompilePattern(std::string(RegexOfFormat(format->text)), length, path);
  }
  return json_.String(length);
}

absl::StatusOr<ExprId> SchemaCompiler::CompileNumber(const JsonValue& schema, bool integers_only,
                                                     const std::string& path) {
  std::optional<NumberBound> low;
  std::optional<NumberBound> high;
  static constexpr absl::string_view kKeywords[] = {"minimum", "exclusiveMinimum", "maximum",
                                                    "exclusiveMaximum"};
  for (const absl::string_view keyword : kKeywords) {
    const JsonValue* value = schema.Find(keyword);
    if (value == nullptr) continue;
    absl::StatusOr<Decimal> decimal = ParseDecimal(value->text);
    if (!decimal.ok()) return SchemaError(PathOf(path, keyword), decimal.status().message());
    const bool is_low = absl::EndsWith(keyword, "inimum");
    std::optional<NumberBound>& bound = is_low ? low : high;
    if (bound.has_value()) {
      return SchemaUnsupported(PathOf(path, keyword),
                               absl::StrCat("'", keyword, "' beside its other form"));
    }
    bound = {*std::move(decimal), absl::StartsWith(keyword, "exclusive")};
  }
  if (!low.has_value() && !high.has_value()) {
    return integers_only ? json_.Integer() : json_.Number();
  }
  absl::StatusOr<ExprId> range = NumberRange(grammar_, low, high, integers_only);
  if (!range.ok()) return SchemaError(path, range.status().message());
  return range;
}

}  // namespace inkling
