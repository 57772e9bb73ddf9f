// A whole file as text, for options that name one.

#ifndef INKLING_EXAMPLES_PROGRAMS_TEXT_FILE_H_
#define INKLING_EXAMPLES_PROGRAMS_TEXT_FILE_H_

#include <fstream>
#include <iterator>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace inkling {

// Errors: NotFound.
inline absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": the file can't be read"));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return absl::NotFoundError(absl::StrCat(path, ": the file can't be read"));
  return text;
}

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_TEXT_FILE_H_
