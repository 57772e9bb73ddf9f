// Draws with a carriage return and "erase to end of line", which every terminal knows.

#include "converter/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"

namespace inkling {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval(100);
constexpr int kBarWidth = 24;
constexpr char kEraseLine[] = "\r\x1b[K";

// A drawn line must not wrap, or the next one would leave a piece of it behind.
int TerminalColumns() {
  struct winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

ProgressBar::Style ProgressBar::StyleOfStderr() {
  return isatty(STDERR_FILENO) ? Style::kRedrawnLine : Style::kPlainLines;
}

ProgressBar::ProgressBar(std::string action, Style style)
    : action_(std::move(action)), style_(style), start_(Clock::now()) {}

ProgressBar::~ProgressBar() {
  if (line_is_drawn_) std::fputs(kEraseLine, stderr);
}

void ProgressBar::Update(int64_t done, int64_t total, absl::string_view detail) {
  const double fraction = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1.0;
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  if (style_ == Style::kPlainLines) {
    const int tenths = static_cast<int>(fraction * 10.0);
    if (tenths <= tenths_printed_) return;
    tenths_printed_ = tenths;
    std::fputs(
        absl::StrFormat("%s: %d%%, %.1f s, %s\n", action_, tenths * 10, seconds, detail).c_str(),
        stderr);
    return;
  }
  if (line_is_drawn_ && done < total && now - last_drawn_ < kRedrawInterval) return;
  last_drawn_ = now;
  Redraw(fraction, seconds, done, detail);
}

void ProgressBar::Redraw(double fraction, double seconds, int64_t done, absl::string_view detail) {
  const int filled = std::clamp(static_cast<int>(fraction * kBarWidth), 0, kBarWidth);
  const double speed = seconds > 0 ? static_cast<double>(done) / seconds : 0.0;
  const double left = fraction > 0 ? seconds * (1.0 - fraction) / fraction : 0.0;
  std::string line = absl::StrFormat("%s [%s%s] %3d%%  %.0f MB/s  %.0f s left  %s", action_,
                                     std::string(filled, '#'), std::string(kBarWidth - filled, '.'),
                                     static_cast<int>(fraction * 100.0), speed / 1e6, left, detail);
  line.resize(std::min(line.size(), static_cast<size_t>(std::max(1, TerminalColumns() - 1))));
  std::fputs(kEraseLine, stderr);
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  line_is_drawn_ = true;
}

}  // namespace inkling
