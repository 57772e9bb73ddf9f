// Small reads come out of a buffer, large ones go to the file directly.

#include "converter/files/input_cursor.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

constexpr int64_t kBufferBytes = int64_t{64} << 10;

}  // namespace

std::string InputCursor::Text(uint64_t length, uint64_t max_length, absl::string_view what) {
  if (!status_.ok()) return "";
  if (length > max_length) {
    Fail(absl::StatusCode::kInvalidArgument,
         absl::StrCat(what, ": expected at most ", max_length, " bytes, found ", length));
    return "";
  }
  if (length > static_cast<uint64_t>(left())) {
    Fail(absl::StatusCode::kDataLoss,
         absl::StrCat("truncated: ", what, " has ", length, " bytes, found ", left()));
    return "";
  }
  std::string text(static_cast<size_t>(length), '\0');
  if (!Read(absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size()))) return "";
  return text;
}

void InputCursor::Skip(uint64_t length) {
  if (!status_.ok()) return;
  if (length > static_cast<uint64_t>(left())) {
    return Fail(absl::StatusCode::kDataLoss,
                absl::StrCat("truncated: expected ", length, " bytes more, found ", left()));
  }
  position_ += static_cast<int64_t>(length);
}

void InputCursor::Fail(absl::StatusCode code, absl::string_view what) {
  status_.Update(absl::Status(code, absl::StrCat(file_.path(), ": byte ", position_, ": ", what)));
}

bool InputCursor::Read(absl::Span<std::byte> bytes) {
  if (!status_.ok()) return false;
  const int64_t size = static_cast<int64_t>(bytes.size());
  if (size > left()) {
    Fail(absl::StatusCode::kDataLoss,
         absl::StrCat("truncated: expected ", size, " bytes more, found ", left()));
    return false;
  }
  if (size > kBufferBytes) {
    status_ = file_.ReadAt(position_, bytes);
    position_ += size;
    return status_.ok();
  }
  const int64_t buffered = static_cast<int64_t>(buffer_.size());
  if (position_ < buffer_start_ || position_ + size > buffer_start_ + buffered) {
    buffer_.resize(static_cast<size_t>(std::min(kBufferBytes, left())));
    buffer_start_ = position_;
    status_ = file_.ReadAt(position_, absl::MakeSpan(buffer_));
    if (!status_.ok()) {
      buffer_.clear();
      return false;
    }
  }
  if (size > 0)
    std::memcpy(bytes.data(), buffer_.data() + (position_ - buffer_start_), bytes.size());
  position_ += size;
  return true;
}

}  // namespace inkling
