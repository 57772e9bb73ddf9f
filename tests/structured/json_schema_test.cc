// JSON Schema: what each keyword allows and refuses, byte by byte.

#include "src/structured/json_schema.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/structured/grammar_texts.h"

namespace inkling {
namespace {

std::shared_ptr<const CompiledGrammar> Compiled(absl::string_view schema,
                                                JsonSpacing spacing = JsonSpacing::kNone) {
  absl::StatusOr<Grammar> grammar = GrammarOfJsonSchema(schema, spacing);
  EXPECT_TRUE(grammar.ok()) << schema << ": " << grammar.status();
  if (!grammar.ok()) return nullptr;
  auto compiled = CompiledGrammar::Make(*std::move(grammar), ByteVocabulary());
  EXPECT_TRUE(compiled.ok()) << schema << ": " << compiled.status();
  return compiled.ok() ? *compiled : nullptr;
}

struct Case {
  const char* schema;
  std::vector<const char*> allowed;
  std::vector<const char*> refused;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto compiled = Compiled(c.schema);
    ASSERT_NE(compiled, nullptr);
    for (const char* text : c.allowed) EXPECT_TRUE(Allows(compiled, text)) << c.schema << text;
    for (const char* text : c.refused) EXPECT_FALSE(Allows(compiled, text)) << c.schema << text;
  }
}

TEST(JsonSchemaTest, TypesAndValues) {
  Check({
      {R"({"type":"null"})", {"null"}, {"nul", "0", ""}},
      {R"({"type":"boolean"})", {"true", "false"}, {"1", "\"true\""}},
      {R"({"type":["string","null"]})", {"null", "\"\""}, {"1"}},
      {R"({"type":"integer"})", {"0", "-1", "1234567890123"}, {"01", "1.5", "+1", "-", "1e5"}},
      {R"({"type":"number"})", {"0", "-0.5", "12.25", "1e5", "1E-7"}, {".5", "1.", "01", "NaN"}},
      {R"({"enum":["a",1,null,[true],{"k":"v"}]})",
       {"\"a\"", "1", "null", "[true]", R"({"k":"v"})"},
       {"\"b\"", "[]", "{}", "a"}},
      {R"({"const":{"a":[1,2]}})", {R"({"a":[1,2]})"}, {R"({"a":[1]})"}},
      {R"({"type":"string","enum":["a",1]})", {"\"a\""}, {"1"}},
      {R"(true)", {"1", "[]", R"({"a":{"b":[]}})", "\"\""}, {"", "[", "a"}},
  });
}

TEST(JsonSchemaTest, Strings) {
  Check({
      {R"({"type":"string"})",
       {R"("")", R"("a\"\\\n")", R"("\u00e4")", "\"\xC3\xA4\"", "\"\xF0\x9F\x98\x80\""},
       {"\"a", "\"\n\"", R"("\q")", "\"\xFF\"", R"("\u12")"}},
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {R"("ab")", R"("abc")", "\"\xC3\xA4\xC3\xA4\xC3\xA4\"", R"("\n\n")"},
       {R"("a")", R"("abcd")"}},
      {R"({"type":"string","pattern":"^[a-c]+$"})", {R"("abc")"}, {R"("")", R"("abd")"}},
      {R"({"type":"string","pattern":"b\"c"})", {R"("ab\"cd")"}, {R"("b")", R"("bc")"}},
      {R"({"type":"string","format":"date"})", {R"("2026-12-01")"}, {R"("2026-13-01")"}},
      {R"({"type":"string","format":"uuid"})",
       {R"("123e4567-e89b-12d3-a456-426614174000")"},
       {R"("123e4567")"}},
      {R"({"type":"string","format":"ipv4"})", {R"("127.0.0.1")"}, {R"("256.0.0.1")"}},
  });
}

TEST(JsonSchemaTest, NumbersWithBounds) {
  Check({
      {R"({"type":"integer","minimum":-5,"maximum":120})",
       {"-5", "0", "99", "120"},
       {"-6", "121", "1000", "-50"}},
      {R"({"type":"integer","exclusiveMinimum":9,"exclusiveMaximum":11})",
       {"10"},
       {"9", "11", "1"}},
      {R"({"type":"number","minimum":0.5,"maximum":2})",
       {"0.5", "0.51", "1", "1.999", "2", "2.0"},
       {"0.49", "2.01", "3", "0"}},
      {R"({"type":"number","exclusiveMinimum":0})", {"0.001", "7", "1234.5"}, {"0", "0.0", "-1"}},
      {R"({"type":"integer","minimum":1e3})", {"1000", "99999"}, {"999", "1"}},
  });
}

TEST(JsonSchemaTest, Objects) {
  Check({
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"}},
           "required":["b"],"additionalProperties":false})",
       {R"({"a":1,"b":null})", R"({"b":null})"},
       {R"({"a":1})", "{}", R"({"b":null,"a":1})", R"({"b":null,"c":1})", R"({"b":null,})"}},
      {R"({"properties":{"a":{"type":"integer"}},"type":"object"})",
       {"{}", R"({"a":1})", R"({"b":"x"})", R"({"a":1,"ab":[],"c":{}})"},
       {R"({"a":"x"})", R"({"b":1,"a":1})"}},
      {R"({"type":"object","additionalProperties":{"type":"boolean"}})",
       {"{}", R"({"x":true,"y":false})"},
       {R"({"x":1})"}},
      {R"({"type":"object","required":["z"]})", {R"({"z":1})"}, {"{}"}},
  });
}

TEST(JsonSchemaTest, Arrays) {
  Check({
      {R"({"type":"array","items":{"type":"integer"}})", {"[]", "[1,2,3]"}, {"[\"a\"]", "[1,]"}},
      {R"({"type":"array","items":{"const":1},"minItems":2,"maxItems":3})",
       {"[1,1]", "[1,1,1]"},
       {"[]", "[1]", "[1,1,1,1]"}},
      {R"({"type":"array","prefixItems":[{"const":1},{"const":2}],"items":false})",
       {"[]", "[1]", "[1,2]"},
       {"[2]", "[1,2,3]"}},
      {R"({"type":"array","prefixItems":[{"const":1}],"items":{"const":2},"minItems":2})",
       {"[1,2]", "[1,2,2]"},
       {"[1]", "[2,2]"}},
      {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
  });
}

TEST(JsonSchemaTest, BranchesAndReferences) {
  Check({
      {R"({"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]})",
       {"1", R"("a")"},
       {R"("ab")", "1.5"}},
      {R"({"oneOf":[{"type":"integer"},{"type":"null"}]})", {"1", "null"}, {"\"\""}},
      {R"({"allOf":[{"type":"integer","minimum":3}]})", {"3"}, {"2"}},
      {R"({"$ref":"#/$defs/list","$defs":{"list":{"type":"object","properties":
           {"next":{"$ref":"#/$defs/list"}},"additionalProperties":false}}})",
       {"{}", R"({"next":{"next":{}}})"},
       {R"({"next":1})"}},
      {R"({"type":"object","properties":{"a":{"$ref":"#/properties/b"},"b":{"const":1}},
           "additionalProperties":false})",
       {R"({"a":1,"b":1})"},
       {R"({"a":2})"}},
      {R"({"$defs":{"a/b~c":{"const":1}},"$ref":"#/$defs/a~1b~0c"})", {"1"}, {"2"}},
  });
}

TEST(JsonSchemaTest, Spacing) {
  const char* schema = R"({"type":"object","properties":{"a":{"type":"array"}},"required":["a"]})";
  EXPECT_TRUE(Allows(Compiled(schema, JsonSpacing::kNone), R"({"a":[1,2]})"));
  EXPECT_FALSE(Allows(Compiled(schema, JsonSpacing::kNone), R"({"a": [1,2]})"));
  EXPECT_TRUE(Allows(Compiled(schema, JsonSpacing::kOne), R"({"a": [1, 2]})"));
  EXPECT_FALSE(Allows(Compiled(schema, JsonSpacing::kOne), R"({"a":[1,2]})"));
  const auto free = Compiled(schema, JsonSpacing::kFree);
  EXPECT_TRUE(Allows(free, R"({"a":[1,2]})"));
  EXPECT_TRUE(Allows(free, "{\n  \"a\": [\n    1, 2\n  ]\n}"));
}

// Repetitions are counted, not written out: neither time nor memory grows with them.
TEST(JsonSchemaTest, LongRepetitionsAreCounted) {
  const auto compiled = Compiled(R"({"type":"string","maxLength":1000000})");
  ASSERT_NE(compiled, nullptr);
  EXPECT_LT(compiled->memory_bytes(), size_t{1} << 20);
  EXPECT_TRUE(Allows(compiled, "\"" + std::string(100000, 'a') + "\""));
  EXPECT_FALSE(Allows(Compiled(R"({"type":"string","maxLength":5000})"),
                      "\"" + std::string(5001, 'a') + "\""));
}

}  // namespace
}  // namespace inkling
