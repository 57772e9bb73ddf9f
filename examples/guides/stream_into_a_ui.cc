// Text on a thread of its own, shown by the thread that owns the window (stream_into_a_ui.md).
//
// usage: guide_stream_into_a_ui MODEL.tflite

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace {

// [snippet queue]
// What the two threads share: text that isn't shown yet, and how the call ended.
class PendingText {
 public:
  void Add(absl::string_view text) {
    std::lock_guard<std::mutex> lock(mutex_);
    text_.append(text.data(), text.size());
    changed_.notify_one();
  }
  void End(absl::Status status) {
    std::lock_guard<std::mutex> lock(mutex_);
    status_ = std::move(status);
    ended_ = true;
    changed_.notify_one();
  }
  // Takes what is there, after at most one frame. Returns false once all is taken.
  bool Take(std::string& text) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(16),
                      [&] { return ended_ || !text_.empty(); });
    text = std::exchange(text_, {});
    return !ended_ || !text.empty();
  }
  absl::Status status() {
    std::lock_guard<std::mutex> lock(mutex_);
    return status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  absl::Status status_;
  bool ended_ = false;
};
// [/snippet]

absl::Status Run(const std::string& path) {
  auto model = inkling::LlmModel::Open(path);
  if (!model.ok()) return model.status();
  auto session = inkling::LlmSession::Create(*model);
  if (!session.ok()) return session.status();

  // [snippet worker]
  PendingText pending;
  std::thread worker([&] {
    auto answer = (*session)->Generate("Once upon a time", {}, [&](absl::string_view text) {
      pending.Add(text);  // whole UTF-8 characters
      return true;        // false ends the answer
    });
    pending.End(answer.status());
  });
  // [/snippet]

  // [snippet window]
  std::string text;
  while (pending.Take(text)) std::cout << text << std::flush;  // a window appends and draws
  worker.join();
  std::cout << "\n";
  return pending.status();
  // [/snippet]
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: guide_stream_into_a_ui MODEL.tflite\n", 2;
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
