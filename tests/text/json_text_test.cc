// JSON is written as Python's json module writes it; the expected texts are Python's.

#include "src/text/json_text.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "src/text/json_value.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

TEST(JsonText, NumbersAreThoseOfPython) {
  const std::pair<const char*, const char*> kCases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"-12345678901234567890123", "-12345678901234567890123"},
      {"1.0", "1.0"},
      {"-0.0", "-0.0"},
      {"0.10", "0.1"},
      {"1e5", "100000.0"},
      {"1E+2", "100.0"},
      {"12.50", "12.5"},
      {"1e15", "1000000000000000.0"},
      {"123456789012345678.0", "1.2345678901234568e+17"},
      {"1e16", "1e+16"},
      {"1.5e300", "1.5e+300"},
      {"0.0001", "0.0001"},
      {"0.00001", "1e-05"},
      {"-1.25e-7", "-1.25e-07"},
      {"0.30000000000000004", "0.30000000000000004"},
      {"3.141592653589793238", "3.141592653589793"},
      {"5e-324", "5e-324"},
      {"1e-400", "0.0"},
      {"1.7976931348623157e308", "1.7976931348623157e+308"},
      {"9007199254740993.0", "9007199254740992.0"},
  };
  for (const auto& [given, expected] : kCases) {
    ASSERT_OK_AND_ASSIGN(const std::string number, PythonNumber(given));
    EXPECT_EQ(number, expected) << given;
  }
  EXPECT_FALSE(PythonNumber("1e999").ok());
}

std::string Rewritten(const std::string& json, uint32_t indent) {
  auto value = ParseJson(json);
  EXPECT_OK(value);
  if (!value.ok()) return "";
  EXPECT_OK(SpellNumbersAsPython(*value));
  return WriteJson(*value, indent);
}

TEST(JsonText, TextsAndContainersAreThoseOfPython) {
  const std::string json =
      "{\"b\":[1 , 2.50,[],{}],\"a\":{\"x\":null,\"\\u00e9\\n\\u0001\\/\\ud83d\\ude00\":true}}";
  EXPECT_EQ(Rewritten(json, 0),
            "{\"b\": [1, 2.5, [], {}], \"a\": {\"x\": null, "
            "\"\xC3\xA9\\n\\u0001/\xF0\x9F\x98\x80\": true}}");
  EXPECT_EQ(Rewritten(json, 2),
            "{\n  \"b\": [\n    1,\n    2.5,\n    [],\n    {}\n  ],\n  \"a\": {\n    \"x\": null,\n"
            "    \"\xC3\xA9\\n\\u0001/\xF0\x9F\x98\x80\": true\n  }\n}");
  EXPECT_EQ(Rewritten("\"x\"", 4), "\"x\"");
  auto large = ParseJson("[[1e999]]");
  ASSERT_OK(large);
  EXPECT_FALSE(SpellNumbersAsPython(*large).ok());
}

}  // namespace
}  // namespace inkling
