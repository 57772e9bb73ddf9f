// Formatting of dates (see date_text.h).

#include "src/text/date_text.h"

#include <array>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

constexpr absl::string_view kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
constexpr absl::string_view kMonths[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};

bool IsLeapYear(int32_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int32_t DaysIn(int32_t month, int32_t year) {
  constexpr std::array<int32_t, 12> kDaysIn = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDaysIn[static_cast<size_t>(month - 1)] + (month == 2 && IsLeapYear(year) ? 1 : 0);
}

// Monday is 0.
size_t WeekDay(const CivilDate& date) {
  const int32_t before = date.year - 1;
  int32_t days = before * 365 + before / 4 - before / 100 + before / 400 + date.day - 1;
  for (int32_t month = 1; month < date.month; ++month) days += DaysIn(month, date.year);
  return static_cast<size_t>(days % 7);  // 0001-01-01 was a Monday
}

std::string TwoDigits(int32_t number) { return absl::StrCat(number < 10 ? "0" : "", number); }

}  // namespace

absl::StatusOr<CivilDate> ParseDate(absl::string_view text) {
  CivilDate date;
  bool good = text.size() == 10 && text[4] == '-' && text[7] == '-';
  for (size_t i = 0; i < text.size() && good; ++i) {
    good = i == 4 || i == 7 || absl::ascii_isdigit(static_cast<unsigned char>(text[i]));
  }
  good = good && absl::SimpleAtoi(text.substr(0, 4), &date.year) &&
         absl::SimpleAtoi(text.substr(5, 2), &date.month) &&
         absl::SimpleAtoi(text.substr(8, 2), &date.day);
  good = good && date.year >= 1 && date.month >= 1 && date.month <= 12 && date.day >= 1 &&
         date.day <= DaysIn(date.month, date.year);
  if (good) return date;
  return absl::InvalidArgumentError(
      absl::StrCat("expected a date like 2024-07-26, found '", text, "'"));
}

absl::StatusOr<std::string> FormatDate(absl::string_view format, const CivilDate& date) {
  std::string text;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text.push_back(format[i]);
      continue;
    }
    const bool unpadded = i + 1 < format.size() && format[i + 1] == '-';
    i += unpadded ? 2 : 1;
    const char code = i < format.size() ? format[i] : '\0';
    const absl::string_view day = kDays[WeekDay(date)];
    const absl::string_view month = kMonths[date.month - 1];
    if (code == 'd') {
      text += unpadded ? absl::StrCat(date.day) : TwoDigits(date.day);
    } else if (code == 'm') {
      text += unpadded ? absl::StrCat(date.month) : TwoDigits(date.month);
    } else if (code == 'y' && !unpadded) {
      text += TwoDigits(date.year % 100);
    } else if (code == 'Y' && !unpadded) {
      text += TwoDigits(date.year / 100) + TwoDigits(date.year % 100);
    } else if ((code == 'a' || code == 'A') && !unpadded) {
      absl::StrAppend(&text, code == 'a' ? day.substr(0, 3) : day);
    } else if ((code == 'b' || code == 'B') && !unpadded) {
      absl::StrAppend(&text, code == 'b' ? month.substr(0, 3) : month);
    } else if (code == '%' && !unpadded) {
      text.push_back('%');
    } else {
      return absl::UnimplementedError(
          absl::StrCat("the date format '", format, "' is not supported"));
    }
  }
  return text;
}

absl::StatusOr<std::string> WriteDates(absl::string_view text, const CivilDate& date) {
  std::string written;
  while (true) {
    const size_t begin = text.find(kDateMark);
    absl::StrAppend(&written, text.substr(0, begin));
    if (begin == absl::string_view::npos) return written;
    const size_t end = text.find(kDateMark, begin + 1);
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError("the mark of a date (U+001A) without its pair");
    }
    ABSL_ASSIGN_OR_RETURN(const std::string day,
                          FormatDate(text.substr(begin + 1, end - begin - 1), date));
    written += day;
    text.remove_prefix(end + 1);
  }
}

}  // namespace inkling
