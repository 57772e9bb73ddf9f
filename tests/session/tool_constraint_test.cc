// Answers where tools are given: calls of each form parse and fit, text stays text.

#include "src/session/tools/tool_constraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_message.h"
#include "inkling/llm_session.h"
#include "src/format/tool_template_data.h"
#include "src/session/chat_messages.h"
#include "src/session/constraints/constraint_access.h"
#include "src/text/json_value.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using ::testing::HasSubstr;

ToolCallFormat JsonFormat(std::string prefix, std::string suffix) {
  ToolCallFormat format;
  format.syntax = ToolCallSyntax::kJson;
  format.prefix = std::move(prefix);
  format.suffix = std::move(suffix);
  format.separator = "\n";
  format.name_key = "name";
  format.arguments_key = "arguments";
  return format;
}

std::vector<ToolDefinition> Tools() {
  return {{"add", "adds", R"({"type": "object", "properties": {"a": {"type": "integer"},
               "b": {"type": "integer", "maximum": 9}}, "required": ["a", "b"]})"},
          {"say", "says", R"({"type": "object", "properties": {"text": {"type": "string",
               "maxLength": 5}, "loud": {"type": "boolean"}}, "required": ["text"]})"}};
}

class ToolConstraintTest : public SessionTest {
 protected:
  void SetUp() override { model_ = OpenModel(); }

  absl::StatusOr<std::shared_ptr<const OutputConstraint>> Make(const ToolCallFormat& format,
                                                               ToolChoice choice) {
    return MakeToolConstraint(ConstraintAccess::EngineOf(*model_), format, *TemplateTools(Tools()),
                              {.choice = choice});
  }

  // An answer that begins with `script`, as far as the constraint lets it.
  GenerateResult Answer(const ToolCallFormat& format, ToolChoice choice, uint64_t seed,
                        std::string script = "") {
    GenerateOptions options = GreedyOptions(300);
    options.sampling.temperature = 1;
    options.sampling.seed = seed;
    options.max_draft_tokens = static_cast<int32_t>(seed % 8);
    auto constraint = Make(format, choice);
    EXPECT_OK(constraint);
    if (!constraint.ok()) return {};
    options.constraint = *constraint;
    if (!script.empty()) {
      options.max_new_tokens = static_cast<int32_t>(script.size()) + 200;
      options.logits_processor = [=](absl::Span<const int32_t> tokens, absl::Span<float> logits) {
        const size_t done = tokens.size() - kPromptTokens;
        if (done < script.size()) logits[ScriptToken(script[done])] += 1000;
      };
    }
    shown_.clear();
    const auto session = NewSession(model_);
    absl::StatusOr<GenerateResult> result =
        session->Generate(kPrompt, options, [&](absl::string_view text) {
          shown_ += text;
          return true;
        });
    EXPECT_OK(result);
    return result.ok() ? *std::move(result) : GenerateResult();
  }

  // '@' stands for the token <turn>, '$' for a stop token.
  static size_t ScriptToken(char c) {
    return c == '@' ? 258 : c == '$' ? 259 : static_cast<uint8_t>(c);
  }

  static void ExpectValid(const ToolCall& call) {
    const absl::StatusOr<JsonValue> arguments = ParseJson(call.arguments);
    ASSERT_OK(arguments);
    ASSERT_TRUE(arguments->is_object());
    if (call.name == "add") {
      ASSERT_EQ(arguments->members.size(), 2u) << call.arguments;
      EXPECT_TRUE(arguments->Find("a")->is_number());
      EXPECT_TRUE(arguments->Find("b")->is_number());
    } else {
      EXPECT_EQ(call.name, "say");
      ASSERT_NE(arguments->Find("text"), nullptr) << call.arguments;
      EXPECT_TRUE(arguments->Find("text")->is_string());
    }
  }

  static constexpr char kPrompt[] = "x";
  static constexpr size_t kPromptTokens = 2;  // with the beginning of the sequence
  std::shared_ptr<const LlmModel> model_;
  std::string shown_;
};

TEST_F(ToolConstraintTest, RequiredCallsParseInEveryForm) {
  ToolCallFormat bare = JsonFormat("", "");
  bare.one_call = true;
  ToolCallFormat list = JsonFormat("", "");
  list.begin = "@CALLS [";
  list.end = "]";
  list.separator = ", ";
  list.id_key = "id";
  list.id_length = 9;
  ToolCallFormat fields = JsonFormat("<turn>call:", "<turn>");
  fields.syntax = ToolCallSyntax::kEscapedFields;
  fields.text_quote = "<turn>";
  fields.separator = "";
  ToolCallFormat plain_fields = fields;
  plain_fields.prefix = "call:";
  plain_fields.suffix = "!";
  plain_fields.text_quote = "<escape>";
  for (const ToolCallFormat& format :
       {JsonFormat("<turn>\n", "\n</tool>"), bare, list, fields, plain_fields}) {
    size_t num_calls = 0;
    for (uint64_t seed = 0; seed < 12; ++seed) {
      const GenerateResult result = Answer(format, ToolChoice::kRequired, seed);
      EXPECT_EQ(result.text, "");
      EXPECT_EQ(shown_, "");
      if (result.stop_reason == StopReason::kConstraint) {
        EXPECT_FALSE(result.tool_calls.empty());
      }
      for (const ToolCall& call : result.tool_calls) {
        ExpectValid(call);
        EXPECT_EQ(call.id.size(), format.id_length);
      }
      num_calls += result.tool_calls.size();
    }
    EXPECT_GT(num_calls, 6u) << format.prefix;
  }
}

TEST_F(ToolConstraintTest, TextIsFreeUntilTheMark) {
  const ToolCallFormat format = JsonFormat("<turn>\n", "\n<turn>");
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const GenerateResult result = Answer(format, ToolChoice::kAuto, seed, "Let me see.\n@");
    EXPECT_EQ(result.text, "Let me see.");
    EXPECT_EQ(shown_, "Let me see.\n");
    for (const ToolCall& call : result.tool_calls) ExpectValid(call);
    if (result.tokens.size() > 90) continue;  // long arguments
    EXPECT_FALSE(result.tool_calls.empty());
  }
  const GenerateResult text = Answer(format, ToolChoice::kAuto, 1, "No <turn>, no call.");
  EXPECT_THAT(text.text, HasSubstr("No <turn>, no call."));
}

TEST_F(ToolConstraintTest, AMarkOfCharactersIsHeldBackUntilItIsKnown) {
  ToolCallFormat format = JsonFormat("CALL:", ";");
  format.one_call = true;
  const GenerateResult call = Answer(format, ToolChoice::kAuto, 3, "So CAL, CALL:");
  EXPECT_EQ(call.text, "So CAL,");
  EXPECT_EQ(shown_, "So CAL, ");
  EXPECT_EQ(call.stop_reason, StopReason::kConstraint);
  ASSERT_EQ(call.tool_calls.size(), 1u);
  ExpectValid(call.tool_calls[0]);
  GenerateResult text = Answer(format, ToolChoice::kAuto, 3, "So CAL");
  EXPECT_EQ(text.text.substr(0, 6), "So CAL");
  EXPECT_EQ(text.text, shown_);
}

TEST_F(ToolConstraintTest, WithoutAMarkAnAnswerThatBeginsAsACallIsOne) {
  ToolCallFormat format = JsonFormat("", "");
  format.one_call = true;
  const GenerateResult call = Answer(format, ToolChoice::kAuto, 3, "{\"name\"");
  EXPECT_EQ(call.text, "");
  EXPECT_EQ(shown_, "");
  ASSERT_EQ(call.tool_calls.size(), 1u);
  ExpectValid(call.tool_calls[0]);
  // Behind the key, only a call is left.
  EXPECT_EQ(Answer(format, ToolChoice::kAuto, 4, "{\"name\"x").tool_calls.size(), 1u);
  for (const char* beginning : {"{\"names\"", "a {\"name\"", "{}"}) {
    const GenerateResult text = Answer(format, ToolChoice::kAuto, 3, beginning);
    EXPECT_TRUE(text.tool_calls.empty());
    EXPECT_EQ(text.text, shown_);
    EXPECT_THAT(text.text, HasSubstr(beginning));
  }
}

TEST_F(ToolConstraintTest, NoneWritesNoMark) {
  for (const ToolCallFormat& format :
       {JsonFormat("<turn>\n", ""), JsonFormat("CALL:", ""), JsonFormat("", "")}) {
    const GenerateResult result = Answer(format, ToolChoice::kNone, 2, "CALL:@ {\"name\"");
    EXPECT_TRUE(result.tool_calls.empty());
    EXPECT_EQ(result.text, shown_);
    EXPECT_FALSE(result.text.empty());
  }
}

TEST_F(ToolConstraintTest, AnAnswerThatIsCutOffHasItsWholeCalls) {
  ToolCallFormat format = JsonFormat("<turn>", "!");
  GenerateOptions options = GreedyOptions(40);
  auto constraint = Make(format, ToolChoice::kRequired);
  ASSERT_OK(constraint);
  options.constraint = *constraint;
  options.max_new_tokens = 5;
  const auto result = NewSession(model_)->Generate(kPrompt, options, IgnoreText);
  ASSERT_OK(result);
  EXPECT_EQ(result->stop_reason, StopReason::kMaxNewTokens);
  EXPECT_TRUE(result->tool_calls.empty());
  EXPECT_EQ(result->text, "");
}

TEST_F(ToolConstraintTest, WrongParametersNameTheTool) {
  const std::vector<ToolDefinition> tools = {
      {"ok", "", ""}, {"odd", "", R"({"type": "object", "properties": {"a": {"not": {}}}})"}};
  const auto made = MakeToolConstraint(ConstraintAccess::EngineOf(*model_),
                                       JsonFormat("<turn>", ""), *TemplateTools(tools), {});
  EXPECT_EQ(made.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(made.status().message(), HasSubstr("tools[1] ('odd').parameters"));
  EXPECT_THAT(made.status().message(), HasSubstr("#/properties/a"));
}

}  // namespace
}  // namespace inkling
