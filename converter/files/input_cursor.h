// InputCursor: reads little-endian numbers and strings one after another from an InputFile.
//
// Readers of binary headers use it. The first problem is kept in status() and everything read after
// it is zero or empty, so a reader reads straight on and looks at status() before it trusts a
// value. A count from the file must be compared with left() before anything is reserved for it.

#ifndef INKLING_CONVERTER_FILES_INPUT_CURSOR_H_
#define INKLING_CONVERTER_FILES_INPUT_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "converter/files/input_file.h"

namespace inkling {

class InputCursor {
 public:
  // Reads `file` from its first byte up to byte `end` (at most its size). `file` outlives this.
  InputCursor(const InputFile& file, int64_t end) : file_(file), end_(end) {}

  int64_t position() const { return position_; }
  int64_t left() const { return end_ - position_; }

  template <typename T>
  T Number() {
    static_assert(std::is_arithmetic_v<T>);
    T value = {};
    if (!Read(absl::MakeSpan(reinterpret_cast<std::byte*>(&value), sizeof(value)))) return T{};
    return value;
  }

  // `length` bytes, at most `max_length`; `what` names the string in the error.
  std::string Text(uint64_t length, uint64_t max_length, absl::string_view what);

  void Skip(uint64_t length);

  // Notes a problem at the current position, unless there was one before.
  void Fail(absl::StatusCode code, absl::string_view what);

  // OK, or the first problem: DataLoss where the file ends too early, InvalidArgument.
  const absl::Status& status() const { return status_; }

 private:
  bool Read(absl::Span<std::byte> bytes);

  const InputFile& file_;
  int64_t end_;
  int64_t position_ = 0;
  std::vector<std::byte> buffer_;  // bytes of the file from buffer_start_ on
  int64_t buffer_start_ = 0;
  absl::Status status_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_INPUT_CURSOR_H_
