// TextStream: finds stop strings in generated text and decides what may be shown now.
//
// The generation loop feeds it the decoded text of each token. Text that may turn out to begin a
// stop string is held back, so the callback never gets a character that isn't part of the answer.

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

  // `stop_strings` outlives the stream and has passed Validate.
  explicit TextStream(const std::vector<std::string>& stop_strings) : stop_strings_(stop_strings) {}

  // Adds text, whole characters, and returns the text that is final now. Returns nothing any more
  // after a stop string was seen.
  std::string Push(absl::string_view text);

  // Returns what is still held back. For the end, when no more text comes.
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
