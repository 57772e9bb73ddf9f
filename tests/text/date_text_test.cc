// Dates in prompt templates: read strictly, written as strftime writes them.

#include "src/text/date_text.h"

#include <string>

#include "gtest/gtest.h"

namespace inkling {
namespace {

std::string Format(const char* day, const char* format) {
  const auto date = ParseDate(day);
  if (!date.ok()) return std::string(date.status().message());
  const auto text = FormatDate(format, *date);
  return text.ok() ? *text : std::string(text.status().message());
}

TEST(DateText, IsWrittenAsStrftimeWritesIt) {
  EXPECT_EQ(Format("2024-07-26", "%d %b %Y"), "26 Jul 2024");
  EXPECT_EQ(Format("2025-03-09", "%d %B %Y, %A %a"), "09 March 2025, Sunday Sun");
  EXPECT_EQ(Format("2000-02-29", "%-d.%-m.%y %m%%"), "29.2.00 02%");
  EXPECT_EQ(Format("1999-12-31", "%A"), "Friday");
  EXPECT_EQ(Format("0001-01-01", "%A %Y"), "Monday 0001");
  EXPECT_EQ(Format("9999-12-31", "%A"), "Friday");
}

TEST(DateText, RefusesWhatItCannotWriteOrRead) {
  for (const char* format : {"%H", "%", "%-", "%-Y", "%E"}) {
    EXPECT_EQ(FormatDate(format, CivilDate()).status().code(), absl::StatusCode::kUnimplemented);
  }
  for (const char* day : {"", "2024-7-26", "2024-13-01", "2024-02-30", "2023-02-29", "0000-01-01",
                          "2024-07-26x", "2024/07/26", "-024-07-26", "2024-00-10", "2024-01-00"}) {
    EXPECT_EQ(ParseDate(day).status().code(), absl::StatusCode::kInvalidArgument) << day;
  }
}

TEST(DateText, ReplacesMarkedFormats) {
  const auto text = WriteDates("a \x1A%d\x1A b\x1A%m\x1A", CivilDate());
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "a 26 b07");
  EXPECT_FALSE(WriteDates("a \x1A%d", CivilDate()).ok());
}

}  // namespace
}  // namespace inkling
