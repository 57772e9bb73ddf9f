// FieldWriter and FieldReader: numbers and strings in the head of a session's file.
//
// Little-endian, one behind the other; strings and lists begin with their length. The reader trusts
// nothing: what isn't there is an error that names the field.

#ifndef INKLING_SRC_SESSION_SESSION_FIELDS_H_
#define INKLING_SRC_SESSION_SESSION_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace inkling {

class FieldWriter {
 public:
  template <typename Number>
  void Put(Number value) {
    static_assert(std::is_arithmetic_v<Number> || std::is_enum_v<Number>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void PutText(absl::string_view text) {
    Put<uint64_t>(text.size());
    bytes_.append(text);
  }
  void PutList(absl::Span<const int32_t> list) {
    PutText({reinterpret_cast<const char*>(list.data()), list.size() * sizeof(int32_t)});
  }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class FieldReader {
 public:
  explicit FieldReader(absl::string_view bytes) : rest_(bytes) {}

  // Errors of all: InvalidArgument, which names the field `what`.
  template <typename Number>
  absl::Status Take(absl::string_view what, Number& value) {
    static_assert(std::is_arithmetic_v<Number>);
    ABSL_RETURN_IF_ERROR(CheckRoom(what, sizeof(value)));
    std::memcpy(&value, rest_.data(), sizeof(value));
    rest_.remove_prefix(sizeof(value));
    return absl::OkStatus();
  }
  absl::Status TakeText(absl::string_view what, std::string& text) {
    uint64_t size = 0;
    ABSL_RETURN_IF_ERROR(Take(what, size));
    ABSL_RETURN_IF_ERROR(CheckRoom(what, size));
    text.assign(rest_.data(), static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return absl::OkStatus();
  }
  absl::Status TakeList(absl::string_view what, std::vector<int32_t>& list) {
    std::string bytes;
    ABSL_RETURN_IF_ERROR(TakeText(what, bytes));
    if (bytes.size() % sizeof(int32_t) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": expected numbers of 4 bytes, found ", bytes.size(), " bytes"));
    }
    list.resize(bytes.size() / sizeof(int32_t));
    if (!list.empty()) std::memcpy(list.data(), bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  // Errors: also for what is left over.
  absl::Status TakeEnd() const {
    if (rest_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("expected the end of the fields, found ", rest_.size(), " more bytes"));
  }

 private:
  absl::Status CheckRoom(absl::string_view what, uint64_t size) const {
    if (size <= rest_.size()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": expected ", size, " bytes, found ", rest_.size()));
  }

  absl::string_view rest_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SESSION_FIELDS_H_
