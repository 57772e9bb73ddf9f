// Schemas that are refused: by name and place.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "src/structured/json_schema.h"
#include "tests/structured/grammar_texts.h"

namespace inkling {
namespace {

using ::testing::HasSubstr;

absl::Status Refusal(absl::string_view schema) {
  absl::StatusOr<Grammar> grammar = GrammarOfJsonSchema(schema, JsonSpacing::kNone);
  if (!grammar.ok()) return grammar.status();
  return CompiledGrammar::Make(*std::move(grammar), ByteVocabulary()).status();
}

std::string WithProperty(absl::string_view keyword, absl::string_view value) {
  return absl::StrCat(R"({"type":"object","properties":{"a/b":{")", keyword, "\":", value, "}}}");
}

// All of draft 2020-12 that isn't enforced, older drafts' keywords, and what isn't one at all.
TEST(SchemaRefusalsTest, KeywordsThatCantBeEnforced) {
  const char* cases[][2] = {
      {"uniqueItems", "true"},
      {"not", "{}"},
      {"if", "{}"},
      {"then", "{}"},
      {"else", "{}"},
      {"contains", "{}"},
      {"minContains", "2"},
      {"maxContains", "2"},
      {"patternProperties", R"({"^a":{}})"},
      {"propertyNames", R"({"maxLength":3})"},
      {"dependentRequired", R"({"a":["b"]})"},
      {"dependentSchemas", R"({"a":{}})"},
      {"unevaluatedProperties", "false"},
      {"unevaluatedItems", "false"},
      {"multipleOf", "3"},
      {"$dynamicRef", R"("#a")"},
      {"$vocabulary", "{}"},
      {"contentEncoding", R"("base64")"},
      {"contentMediaType", R"("text/html")"},
      {"contentSchema", "{}"},
      {"$id", R"("other")"},
      {"$schema", R"("http://json-schema.org/draft-03/schema#")"},
      {"format", R"("regex")"},
      {"format", R"("phone")"},
      {"$ref", R"("other.json#/a")"},
      {"$ref", R"("#name")"},
      {"$recursiveRef", R"("#")"},
      {"dependencies", "{}"},
      {"additionalItems", "false"},
      {"divisibleBy", "2"},
      {"disallow", R"("string")"},
      {"extends", "{}"},
      {"id", R"("a")"},
      {"nullable", "true"},
      {"minlength", "3"},
      {"nonsense", "1"},
  };
  for (const auto& [keyword, value] : cases) {
    const absl::Status status = Refusal(WithProperty(keyword, value));
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << keyword << status;
    EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("#/properties/a~1b/", keyword, ": ")));
  }
}

TEST(SchemaRefusalsTest, CombinationsThatCantBeEnforced) {
  const char* cases[][2] = {
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "#/oneOf"},
      {R"({"oneOf":[{"type":"object"},{"type":"object","properties":{"a":{"const":1}}}]})",
       "#/oneOf"},
      {R"({"type":"string","pattern":"(a|bc)d*","minLength":3})", "#: 'minLength'"},
      {R"({"type":"string","pattern":"a","format":"date"})", "#/pattern"},
      {R"s({"type":"string","pattern":"(?=a)"})s", "#/pattern"},
      {R"({"type":"string","pattern":"a\\b"})", "#/pattern"},
      {R"({"type":"object","minProperties":2})", "#/minProperties"},
      {R"({"type":"object","maxProperties":1})", "#/maxProperties"},
      {R"({"enum":["a"],"maxLength":3})", "#/maxLength"},
      {R"({"type":"number","minimum":1,"exclusiveMinimum":2})", "#/exclusiveMinimum"},
      {R"({"allOf":[{"properties":{"a":{}},"additionalProperties":false},{"properties":{"b":{}}}]})",
       "#/allOf/1"},
      {R"({"allOf":[{"prefixItems":[{"type":"string"}]},{"items":{"const":1}}]})", "#/allOf/1"},
      {R"({"allOf":[{"pattern":"a"},{"pattern":"b"}]})", "#/allOf/1"},
      {R"({"items":{"anyOf":[{"pattern":"a"},{}],"pattern":"b"}})", "#/items/anyOf/0"},
      {R"({"allOf":[{"$ref":"#"}]})", "nested deeper than 16"},
      {R"({"$ref":"#/$defs/a/properties/b","$defs":{"a":{"$id":"x","properties":{"b":{}}}}})",
       "#/$ref"},
  };
  for (const auto& [schema, place] : cases) {
    const absl::Status status = Refusal(schema);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << schema << status;
    EXPECT_THAT(status.message(), HasSubstr(place)) << schema;
  }
}

// Remarks, and names of parts, say nothing about values.
TEST(SchemaRefusalsTest, AnnotationsAreTaken) {
  const absl::Status status = Refusal(R"({
      "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://a.b/c",
      "$comment": "c", "$anchor": "root", "$defs": {"unused": {"not": {}}}, "title": "t",
      "description": "d", "default": {"a": 1}, "examples": [1], "deprecated": true,
      "readOnly": true, "writeOnly": false, "x-order": 3, "uniqueItems": false,
      "properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}})");
  EXPECT_TRUE(status.ok()) << status;
}

TEST(SchemaRefusalsTest, ValuesThatKeywordsCantHave) {
  const char* cases[][3] = {
      {"type", R"("text")", "\"text\""},
      {"type", "[]", "an empty list"},
      {"type", R"(["string",1])", "a list"},
      {"enum", "1", "1"},
      {"enum", "[]", "an empty list"},
      {"properties", "[]", "an empty list"},
      {"required", R"("a")", "\"a\""},
      {"required", "[1]", "a list"},
      {"additionalProperties", "1", "1"},
      {"items", "[{}]", "prefixItems"},
      {"prefixItems", "{}", "an object"},
      {"anyOf", "[]", "an empty list"},
      {"oneOf", "{}", "an object"},
      {"allOf", "null", "null"},
      {"minItems", "-1", "-1"},
      {"maxItems", "1.5", "1.5"},
      {"minLength", R"("1")", "\"1\""},
      {"maxProperties", "true", "true"},
      {"minimum", R"("1")", "\"1\""},
      {"exclusiveMinimum", "true", "true"},
      {"maximum", "1e99999", "1e99999"},
      {"pattern", "3", "3"},
      {"format", "[]", "an empty list"},
      {"$ref", "{}", "an object"},
      {"uniqueItems", "1", "1"},
  };
  for (const auto& [keyword, value, found] : cases) {
    const absl::Status status = Refusal(WithProperty(keyword, value));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << keyword << status;
    EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("#/properties/a~1b/", keyword, ": ")));
    EXPECT_THAT(status.message(), HasSubstr("expected"));
    EXPECT_THAT(status.message(), HasSubstr(found));
  }
}

TEST(SchemaRefusalsTest, WhatIsNoSchemaOrFitsNothing) {
  const char* cases[][2] = {
      {"", "JSON"},
      {"{", "JSON"},
      {"[]", "#: expected a schema"},
      {"1", "#: expected a schema"},
      {R"({"properties":{"a":3}})", "#/properties/a: expected a schema"},
      {R"({"type":"object","type":"object"})", "two members"},
      {"{\"const\":\"\xFF\"}", "UTF-8"},
      {R"({"$ref":"#/$defs/none"})", "#/$ref"},
      {R"s({"type":"string","pattern":"("})s", "#/pattern"},
      {"false", "#: no value"},
      {R"({"type":"integer","minimum":5,"maximum":4})", "#: no value"},
      {R"({"type":"string","minLength":5,"maxLength":4})", "#: no value"},
      {R"({"type":"object","properties":{"a":{"type":"array","minItems":2,"maxItems":1}},
           "required":["a"]})",
       "#/properties/a: no value"},
      {R"({"type":"object","required":["z"],"additionalProperties":false})",
       "#/additionalProperties: no value"},
      {R"({"const":1,"type":"string"})", "#: no value"},
      {R"({"$ref":"#"})", "no text at all fits"},
      {R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})",
       "no text at all fits"},
  };
  for (const auto& [schema, what] : cases) {
    const absl::Status status = Refusal(schema);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << schema << status;
    EXPECT_THAT(status.message(), HasSubstr(what)) << schema;
  }
}

std::string Nested(int depth) {
  std::string schema;
  for (int i = 0; i < depth; ++i) schema += R"({"items":)";
  return schema + "{}" + std::string(static_cast<size_t>(depth), '}');
}

TEST(SchemaRefusalsTest, Limits) {
  EXPECT_TRUE(Refusal(Nested(60)).ok());
  EXPECT_THAT(Refusal(Nested(70)).message(), HasSubstr("nesting deeper than 64"));
  EXPECT_THAT(Refusal(Nested(100000)).message(), HasSubstr("expected at most 262144"));
  // References go deeper than the text does.
  std::string chain = R"({"$ref":"#/$defs/0","$defs":{)";
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&chain, "\"", i, R"(":{"items":{"$ref":"#/$defs/)", i + 1, "\"}},");
  }
  absl::StrAppend(&chain, R"("200":{}}})");
  EXPECT_EQ(Refusal(chain).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Refusal(chain).message(), HasSubstr("at most 128"));
  const std::string name(300, 'x');
  EXPECT_TRUE(
      Refusal(absl::StrCat(R"({"properties":{")", name, R"(":{}},"additionalProperties":false})"))
          .ok());
  const absl::Status long_name = Refusal(absl::StrCat(R"({"properties":{")", name, R"(":{}}})"));
  EXPECT_EQ(long_name.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(long_name.message(), HasSubstr("300 bytes; expected at most 200"));
  EXPECT_LT(long_name.message().size(), 300u);
}

}  // namespace
}  // namespace inkling
