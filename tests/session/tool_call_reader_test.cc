// Calls as templates have them written, whole and broken off.

#include "src/session/tools/tool_call_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "inkling/llm_message.h"
#include "src/format/tool_template_data.h"

namespace inkling {
namespace {

// "NAME ARGUMENTS ID" of each.
std::vector<std::string> Read(const std::string& text, const ToolCallFormat& format) {
  std::vector<std::string> calls;
  for (const ToolCall& call : ReadToolCalls(text, format))
    calls.push_back(absl::StrCat(call.name, " ", call.arguments, " ", call.id));
  return calls;
}
using Calls = std::vector<std::string>;

TEST(ToolCallReaderTest, JsonBetweenMarks) {
  ToolCallFormat format;
  format.syntax = ToolCallSyntax::kJson;
  format.prefix = "<tool_call>\n";
  format.suffix = "\n</tool_call>";
  format.separator = "\n";
  format.name_key = "name";
  format.arguments_key = "arguments";
  const std::string one = R"(<tool_call>
{"name": "f\u00e9", "arguments": {"a": [1, 2.50], "b": "}\"</tool_call>"}}
</tool_call>)";
  const std::string read = "f\xC3\xA9 {\"a\": [1, 2.50], \"b\": \"}\\\"</tool_call>\"} ";
  EXPECT_EQ(Read(one, format), Calls{read});
  EXPECT_EQ(Read(one + "\n" + one, format), (Calls{read, read}));
  EXPECT_EQ(Read(one + "\n<tool_call>{\"name\": \"g\", \"argu", format), Calls{read});
  EXPECT_EQ(Read(one.substr(0, one.size() - 1), format), Calls());
  EXPECT_EQ(Read(R"(<tool_call>{"arguments":{},"x":null,"name":"g"}</tool_call>)", format),
            Calls{"g {} "});
  for (const char* wrong :
       {"", "text", "<tool_call>", "<tool_call>[]</tool_call>",
        R"(<tool_call>{"name": 1, "arguments": {}}</tool_call>)",
        R"(<tool_call>{"name": "g", "arguments": "{}"}</tool_call>)",
        R"(<tool_call>{"name": "g"}</tool_call>)", "<tool_call>{]}</tool_call>"})
    EXPECT_EQ(Read(wrong, format), Calls()) << wrong;
}

TEST(ToolCallReaderTest, AListWithIds) {
  ToolCallFormat format;
  format.syntax = ToolCallSyntax::kJson;
  format.begin = "[TOOL_CALLS] [";
  format.separator = ", ";
  format.end = "]";
  format.name_key = "name";
  format.arguments_key = "parameters";
  format.id_key = "id";
  EXPECT_EQ(Read(R"([TOOL_CALLS][{"name": "f", "parameters": {"a": {}}, "id": "abc"}, )"
                 R"({"name": "g", "parameters": {}, "id": "d1"}])",
                 format),
            (Calls{"f {\"a\": {}} abc", "g {} d1"}));
}

TEST(ToolCallReaderTest, EscapedFieldsBecomeJson) {
  ToolCallFormat format;
  format.syntax = ToolCallSyntax::kEscapedFields;
  format.prefix = "<s>call:";
  format.suffix = "<e>";
  format.text_quote = "<q>";
  format.null_text = "None";
  EXPECT_EQ(Read("<s>call:f{city:<q>Kyoto, \"{a}\"<q>,days:3,exact:true,none:None,list:[1,<q>x<q>,"
                 "{k:-2.5}],empty:{}}<e>",
                 format),
            Calls{"f {\"city\": \"Kyoto, \\\"{a}\\\"\", \"days\": 3, \"exact\": true, \"none\": "
                  "null, \"list\": [1, \"x\", {\"k\": -2.5}], \"empty\": {}} "});
  EXPECT_EQ(Read("<s>call:f{}<e><s>call:g{a:soon}<e>", format),
            (Calls{"f {} ", "g {\"a\": \"soon\"} "}));
  for (const char* wrong : {"<s>call:f{", "<s>call:f{a:<q>x}<e>", "<s>call:{}<e>",
                            "<s>call:f{a}<e>", "<s>call:f{a:[1}<e>"})
    EXPECT_EQ(Read(wrong, format), Calls()) << wrong;
  std::string deep = "<s>call:f{a:";
  for (int i = 0; i < 100000; ++i) deep += "[";
  EXPECT_EQ(Read(deep, format), Calls());
}

}  // namespace
}  // namespace inkling
