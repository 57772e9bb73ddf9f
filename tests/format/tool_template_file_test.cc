// Tools of a template in a model file: what is written is read, and what has no meaning is refused.

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/format/model_metadata.h"
#include "src/format/tool_template_data.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using ::testing::HasSubstr;

// Every field is another one than by default.
ToolTemplateData FullTools() {
  ToolTemplateData tools;
  tools.call = {.syntax = ToolCallSyntax::kEscapedFields,
                .begin = "[",
                .prefix = "<call>",
                .suffix = "</call>",
                .separator = ", ",
                .end = "]",
                .name_key = "name",
                .arguments_key = "arguments",
                .id_key = "id",
                .text_quote = "<escape>",
                .null_text = "None",
                .id_length = 9,
                .one_call = true};
  tools.placement = ToolPlacement::kLastUserTurn;
  tools.declaration = {{"<", ToolField::kName}, {":", ToolField::kParameters}, {">"}};
  tools.declaration_separator = "\n";
  tools.json_indent = 4;
  tools.system = {{"<sys>", ToolField::kSystemText}, {"</sys>"}};
  tools.no_system = {{"<nosys>"}};
  tools.user = {{"<user>", ToolField::kTools}};
  tools.user_with_system = {{"<user>", ToolField::kSystemText}, {"\n", ToolField::kTools}};
  tools.calls = {{"<model>", ToolField::kCalls}, {"\n"}};
  tools.calls_with_text = {{"<model>", ToolField::kText}, {"\n", ToolField::kCalls}};
  tools.results_prefix = "<results>";
  tools.result = {{"<", ToolField::kTextJson}, {" ", ToolField::kCallId}, {">"}};
  tools.object_result = {{"<", ToolField::kFields}, {">"}};
  tools.results_separator = ";";
  tools.results_suffix = "</results>";
  tools.trim_result = tools.results_stay_in_turn = tools.calls_need_results = true;
  tools.results_need_answer = tools.keeps_recent_thoughts = true;
  tools.omits_missing_descriptions = true;
  tools.stop_strings = {"<results>", ""};
  return tools;
}

ModelMetadata MetadataWith(ToolTemplateData tools) {
  ModelMetadata metadata = TinyMetadata(TinyConfig());
  metadata.model_id = "0123456789abcdef0123456789abcdef";
  metadata.prompt_template.tools = std::move(tools);
  return metadata;
}

// The encoding is a function of every field, so equal bytes mean that every field came back.
TEST(ToolTemplateFileTest, EveryFieldComesBack) {
  const std::vector<std::byte> encoded = EncodeMetadata(MetadataWith(FullTools()));
  ASSERT_OK_AND_ASSIGN(const ModelMetadata decoded, DecodeMetadata(encoded));
  EXPECT_EQ(EncodeMetadata(decoded), encoded);
  const ToolTemplateData& tools = decoded.prompt_template.tools;
  EXPECT_EQ(tools.call.null_text, "None");
  EXPECT_EQ(tools.user_with_system[1].field, ToolField::kTools);
  EXPECT_EQ(tools.result[1].text, " ");
  EXPECT_EQ(tools.stop_strings, (std::vector<std::string>{"<results>", ""}));
}

TEST(ToolTemplateFileTest, WithoutToolsNothingIsStored) {
  ToolTemplateData none;
  none.results_prefix = "has no meaning";
  const std::vector<std::byte> encoded = EncodeMetadata(MetadataWith(none));
  EXPECT_EQ(encoded, EncodeMetadata(MetadataWith({})));
  ASSERT_OK_AND_ASSIGN(const ModelMetadata decoded, DecodeMetadata(encoded));
  EXPECT_EQ(decoded.prompt_template.tools.call.syntax, ToolCallSyntax::kNone);
}

struct Damage {
  std::string message;
  std::function<void(ToolTemplateData&)> apply;
};

TEST(ToolTemplateFileTest, WhatHasNoMeaningIsRefused) {
  const std::vector<Damage> damages = {
      {"call.syntax 9", [](auto& tools) { tools.call.syntax = static_cast<ToolCallSyntax>(9); }},
      {"keys that differ",
       [](auto& tools) {
         tools.call.syntax = ToolCallSyntax::kJson;
         tools.call.name_key = "";
       }},
      {"keys that differ",
       [](auto& tools) {
         tools.call.syntax = ToolCallSyntax::kJson;
         tools.call.id_key = "name";
       }},
      {"object_result: expected none where calls are JSON",
       [](auto& tools) { tools.call.syntax = ToolCallSyntax::kJson; }},
      {"text_quote", [](auto& tools) { tools.call.text_quote = ""; }},
      {"id_length", [](auto& tools) { tools.call.id_length = 1000; }},
      {"placement 0", [](auto& tools) { tools.placement = ToolPlacement::kNone; }},
      {"placement 4", [](auto& tools) { tools.placement = static_cast<ToolPlacement>(4); }},
      {"system: expected field 8",
       [](auto& tools) { tools.placement = ToolPlacement::kSystemTurn; }},
      {"user: expected field 8", [](auto& tools) { tools.user = {{"<user>"}}; }},
      {"declaration: expected a text", [](auto& tools) { tools.declaration = {}; }},
      {"declaration: field 12 has no place",
       [](auto& tools) {
         tools.declaration = {{"", ToolField::kCalls}};
       }},
      {"declaration: field 99",
       [](auto& tools) {
         tools.declaration = {{"", static_cast<ToolField>(99)}};
       }},
      {"calls: expected field 12", [](auto& tools) { tools.calls = {}; }},
      {"stands there twice",
       [](auto& tools) {
         tools.result = {{"", ToolField::kText}, {"", ToolField::kText}};
       }},
      {"json_indent", [](auto& tools) { tools.json_indent = 1000000; }},
  };
  for (const Damage& damage : damages) {
    ToolTemplateData tools = FullTools();
    damage.apply(tools);
    const auto decoded = DecodeMetadata(EncodeMetadata(MetadataWith(tools)));
    ASSERT_FALSE(decoded.ok()) << damage.message;
    EXPECT_THAT(decoded.status().message(), HasSubstr(damage.message));
  }
}

}  // namespace
}  // namespace inkling
