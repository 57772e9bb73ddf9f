// ProgressBar: one line on stderr that shows how far a long job is; plain lines where stderr is no
// terminal.
//
// Programs use it; libraries report progress through callbacks and never print.

#ifndef INKLING_CONVERTER_PROGRESS_BAR_H_
#define INKLING_CONVERTER_PROGRESS_BAR_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace inkling {

class ProgressBar {
 public:
  enum class Style {
    kRedrawnLine,  // one line that is drawn over and over, at most ten times a second
    kPlainLines,   // a line at every tenth of the way
  };

  // The style that fits what stderr is.
  static Style StyleOfStderr();

  // `action` ("converting") begins every line.
  ProgressBar(std::string action, Style style);

  // Takes the redrawn line away, so that what is printed next stands alone.
  ~ProgressBar();

  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done` of `total` bytes; `detail` names what is being worked on.
  void Update(int64_t done, int64_t total, absl::string_view detail);

 private:
  using Clock = std::chrono::steady_clock;

  void Redraw(double fraction, double seconds, int64_t done, absl::string_view detail);

  const std::string action_;
  const Style style_;
  const Clock::time_point start_;
  Clock::time_point last_drawn_;
  int tenths_printed_ = -1;
  bool line_is_drawn_ = false;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_PROGRESS_BAR_H_
