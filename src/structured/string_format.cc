// RFC 3339 (dates), 4122 (uuid), 2673 (ipv4), 1123 (hostname), and plain forms of 5321 (email) and
// 3986 (uri).

#include "src/structured/string_format.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

#define INKLING_DATE                                                                  \
  "(?:19|20)[0-9]{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-" \
  "(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
#define INKLING_TIME                                                      \
  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-]" \
  "(?:[01][0-9]|2[0-3]):[0-5][0-9])"
#define INKLING_LABEL "[a-zA-Z0-9]{1,20}(?:-[a-zA-Z0-9]{1,20}){0,2}"

namespace inkling {
namespace {

struct Known {
  absl::string_view format, regex;
};

constexpr Known kKnown[] = {
    {"date-time", "^" INKLING_DATE "T" INKLING_TIME "$"},
    {"date", "^" INKLING_DATE "$"},
    {"time", "^" INKLING_TIME "$"},
    {"uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
    {"email", "^[a-zA-Z0-9_+-]{1,40}(?:\\.[a-zA-Z0-9_+-]{1,20})?@" INKLING_LABEL
              "(?:\\." INKLING_LABEL ")?\\.[a-z]{2,8}$"},
    {"ipv4",
     "^(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\\.(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|"
     "[1-9]?[0-9])){3}$"},
    {"hostname", "^" INKLING_LABEL "(?:\\." INKLING_LABEL "){0,4}$"},
    {"uri", "^https?://" INKLING_LABEL "(?:\\." INKLING_LABEL "){0,4}(?::[1-9][0-9]{0,3})?"
            "(?:/[a-zA-Z0-9._~!$&'()*+,;=:@-]*)*(?:\\?[a-zA-Z0-9._~!$&'()*+,;=:@/?-]*)?"
            "(?:#[a-zA-Z0-9._~!$&'()*+,;=:@/?-]*)?$"},
};

}  // namespace

absl::string_view RegexOfFormat(absl::string_view format) {
  for (const Known& known : kKnown) {
    if (known.format == format) return known.regex;
  }
  return "";
}

std::string KnownFormats() {
  return absl::StrJoin(kKnown, ", ", [](std::string* out, const Known& known) {
    absl::StrAppend(out, known.format);
  });
}

}  // namespace inkling
