// Dates that prompt templates write ("Today Date: 26 Jul 2024"), formatted without locale or clock.
//
// A template's string holds the format of a date between two marks; `PromptTemplate` writes the
// date that the session was given. Names of days and months are English, as in the templates.

#ifndef INKLING_SRC_TEXT_DATE_TEXT_H_
#define INKLING_SRC_TEXT_DATE_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace inkling {

// A day of the Gregorian calendar. The default is the day that published templates fall back to
// where they know none.
struct CivilDate {
  int32_t year = 2024;  // 1 to 9999
  int32_t month = 7;    // 1 to 12
  int32_t day = 26;     // 1 to 31
};

// Stands in front of and behind the format of a date in a template's string.
inline constexpr char kDateMark = '\x1A';

// Reads "2024-07-26". InvalidArgument for anything else and for days that don't exist.
absl::StatusOr<CivilDate> ParseDate(absl::string_view text);

// Writes a date as strftime does. Unimplemented for codes other than %a %A %b %B %d %-d %m %-m %y
// %Y
// %%.
absl::StatusOr<std::string> FormatDate(absl::string_view format, const CivilDate& date);

// Returns `text` with every marked format replaced by the date. Errors: those of FormatDate;
// InvalidArgument for a mark without its pair.
absl::StatusOr<std::string> WriteDates(absl::string_view text, const CivilDate& date);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_DATE_TEXT_H_
