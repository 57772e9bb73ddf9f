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

struct FormatCase {
  const char* format;
  std::vector<const char*> allowed;
  std::vector<const char*> refused;
};

TEST(JsonSchemaTest, Formats) {
  const FormatCase cases[] = {
      {"date",
       {"2026-12-01", "1999-01-31", "2000-02-28"},
       {"2026-13-01", "2026-00-10", "2026-04-31", "2026-02-30", "26-12-01", "2026-1-1",
        "2026/12/01"}},
      {"time",
       {"00:00:00Z", "23:59:59Z", "12:30:15.25+01:00", "08:00:00-11:30"},
       {"24:00:00Z", "12:60:00Z", "12:00:61Z", "12:00Z", "12:00:00", "12:00:00+24:00"}},
      {"date-time",
       {"2026-12-01T10:20:30Z", "1970-01-01T00:00:00.123456+00:00"},
       {"2026-12-01", "2026-12-01 10:20:30Z", "2026-02-31T10:20:30Z", "2026-12-01T25:00:00Z"}},
      {"uuid",
       {"123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"},
       {"123e4567", "123e4567-e89b-12d3-a456-42661417400", "g23e4567-e89b-12d3-a456-426614174000"}},
      {"ipv4",
       {"0.0.0.0", "127.0.0.1", "255.255.255.255"},
       {"256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1..2.3"}},
      {"email",
       {"a@b.de", "first.last@some-host.example.org", "x_1+y@a.io"},
       {"a", "@b.de", "a@", "a@b", "a..b@c.de", ".a@b.de", "a b@c.de", "a@-b.de"}},
      {"hostname",
       {"localhost", "www.example.org", "a-b.c-d.e1"},
       {"", "-a", "a-", "a..b", "a_b", "a.b.", "a b"}},
      {"uri",
       {"https://example.org", "http://a.b:8080/c/d?e=f#g", "https://a.b/~c/"},
       {"example.org", "https://", "http://a b", "http:/a.b", "https://a.b/c d"}},
  };
  for (const FormatCase& c : cases) {
    const auto compiled =
        Compiled(std::string(R"({"type":"string","format":")") + c.format + "\"}");
    ASSERT_NE(compiled, nullptr);
    const auto allows = [&](const std::string& text) {
      return Allows(compiled, "\"" + text + "\"");
    };
    for (const char* text : c.allowed) EXPECT_TRUE(allows(text)) << c.format << " " << text;
    for (const char* text : c.refused) EXPECT_FALSE(allows(text)) << c.format << " " << text;
  }
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
      {R"({"type":"object","properties":{"q\"t":{"type":"null"},"\u00e9":{"type":"null"}}})",
       {R"({"q\"t":null})", "{\"\xC3\xA9\":null}", R"({"q":1,"qt":2})"},
       {R"({"q"t":1})", R"({"q\"t":1})", "{\"\xC3\xA9\":1}", R"({"\u00e9":1})"}},
      {R"({"type":"object","minProperties":1,"maxProperties":2,"additionalProperties":false,
           "properties":{"a":{"const":1},"b":{"const":2}}})",
       {R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
       {"{}"}},
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
      {R"({"anyOf":[{"type":"object","properties":{"k":{"const":1}},"required":["k"]},
           {"const":2},{"const":3},{"const":4},{"const":5},{"const":6},{"const":7}]})",
       {R"({"k":1})", "2", "7"},
       {R"({"k":2})", "8", "{}"}},
      {R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"}},"required":["k"]},
           {"type":"object","properties":{"k":{"enum":["b","c"]}},"required":["k"]}]})",
       {R"({"k":"a"})", R"({"k":"c"})"},
       {R"({"k":"d"})", "{}"}},
      {R"({"allOf":[{"type":"string","minLength":2},{"maxLength":3},{"$ref":"#/$defs/s"}],
           "$defs":{"s":{"type":["string","null"]}}})",
       {R"("ab")", R"("abc")"},
       {R"("a")", R"("abcd")", "null"}},
      {R"({"$ref":"#/$defs/a","maximum":5,"$defs":{"a":{"type":"integer","minimum":3}}})",
       {"3", "5"},
       {"2", "6"}},
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
