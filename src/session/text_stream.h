// TextStream: decides which generated text may be shown now, and sees stop strings.
//
// The generation loop feeds it the decoded text of each token. Text that could still turn out to be
// the beginning of a stop string is held back, so that the callback never gets a character that has
// to be taken back.

#ifndef INKLING_SRC_SESSION_TEXT_STREAM_H_
#define INKLING_SRC_SESSION_TEXT_STREAM_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace inkling {

class TextStream {
 public:
  // Errors: InvalidArgument for a stop string that is empty or isn't UTF-8, with its index.
  static absl::Status Validate(const std::vector<std::string>& stop_strings);

  // `stop_strings` outlives the stream and is as Validate allows it.
  explicit TextStream(const std::vector<std::string>& stop_strings) : stop_strings_(stop_strings) {}

  // Adds text, whole characters, and returns what became final by it; empty after a stop string was
  // seen.
  std::string Push(absl::string_view text);

  // Returns what is still held back; call when no more text comes.
  std::string Flush();

  // True once a stop string was seen; all text in front of it has been returned.
  bool stopped() const { return stopped_; }

  // Bytes returned so far.
  size_t shown_bytes() const { return shown_bytes_; }

 private:
  std::string Show(size_t bytes);
  size_t HeldBackBytes() const;

  const std::vector<std::string>& stop_strings_;
  std::string pending_;
  size_t shown_bytes_ = 0;
  bool stopped_ = false;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_TEXT_STREAM_H_
