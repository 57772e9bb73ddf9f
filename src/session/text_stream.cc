// Stop strings are few and short, and `pending_` is hardly longer than the longest of them, so
// plain searches are fast enough.

#include "src/session/text_stream.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/text/utf8.h"

namespace inkling {

absl::Status TextStream::Validate(const std::vector<std::string>& stop_strings) {
  for (size_t i = 0; i < stop_strings.size(); ++i) {
    const std::string& stop = stop_strings[i];
    if (stop.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("stop_strings[", i, "] is empty; expected at least one character"));
    }
    if (WellFormedPrefix(stop) != stop.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "stop_strings[", i, "] is not UTF-8 from byte ", WellFormedPrefix(stop), " on"));
    }
  }
  return absl::OkStatus();
}

std::string TextStream::Show(size_t bytes) {
  std::string shown = pending_.substr(0, bytes);
  pending_.erase(0, bytes);
  shown_bytes_ += bytes;
  return shown;
}

// The length of the longest end of `pending_` that some stop string begins with.
size_t TextStream::HeldBackBytes() const {
  const absl::string_view pending = pending_;
  size_t held = 0;
  for (const std::string& stop : stop_strings_) {
    for (size_t length = std::min(stop.size() - 1, pending.size()); length > held; --length) {
      if (absl::StartsWith(stop, pending.substr(pending.size() - length))) held = length;
    }
  }
  return held;
}

std::string TextStream::Push(absl::string_view text) {
  if (stopped_) return std::string();
  pending_.append(text.data(), text.size());
  size_t first = std::string::npos;
  for (const std::string& stop : stop_strings_) first = std::min(first, pending_.find(stop));
  if (first != std::string::npos) {
    stopped_ = true;
    std::string shown = Show(first);
    pending_.clear();
    return shown;
  }
  return Show(pending_.size() - HeldBackBytes());
}

std::string TextStream::Flush() {
  if (stopped_) return std::string();
  return Show(pending_.size());
}

}  // namespace inkling
