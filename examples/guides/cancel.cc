// Ending an answer: from another thread, from the callback, after a time (cancel.md).
//
// usage: guide_cancel MODEL.tflite

#include <chrono>
#include <future>
#include <iostream>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace {

absl::Status FromAnotherThread(inkling::LlmSession& session) {
  inkling::GenerateOptions options;
  options.ignore_model_stop_tokens = true;  // only for this demonstration: an answer with no end
  options.max_new_tokens = 900;

  // [snippet thread]
  std::promise<void> started;
  std::thread stop_button([&] {
    started.get_future().wait();  // the person has read the first words
    session.Cancel();
  });
  bool first = true;
  auto answer = session.Generate("Once upon a time", options, [&](absl::string_view) {
    if (first) started.set_value();
    first = false;
    return true;
  });
  if (first) started.set_value();  // the call failed before any text
  stop_button.join();
  // [/snippet]

  // [snippet outcome]
  if (absl::IsCancelled(answer.status())) {
    std::cout << "cancelled before the first token: the session is as it was\n";
  } else if (!answer.ok()) {
    return answer.status();
  } else if (answer->stop_reason == inkling::StopReason::kCancelled) {
    std::cout << "cancelled; the text so far stays in the session\n";
    return session.Rewind(answer->begin_position);  // takes it back, if the app wants that
  }
  // [/snippet]
  return absl::OkStatus();
}

absl::Status AfterSomeTime(inkling::LlmSession& session) {
  inkling::GenerateOptions options;
  options.ignore_model_stop_tokens = true;
  options.max_new_tokens = 900;
  // [snippet deadline]
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  auto answer = session.Generate("Once upon a time", options, [&](absl::string_view) {
    return std::chrono::steady_clock::now() < deadline;
  });
  if (!answer.ok()) return answer.status();
  if (answer->stop_reason == inkling::StopReason::kCallback) std::cout << "time is up\n";
  // [/snippet]
  return absl::OkStatus();
}

absl::Status Run(const std::string& path) {
  auto model = inkling::LlmModel::Open(path);
  if (!model.ok()) return model.status();
  auto session = inkling::LlmSession::Create(*model);
  if (!session.ok()) return session.status();
  absl::Status status = FromAnotherThread(**session);
  if (status.ok()) status = AfterSomeTime(**session);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: guide_cancel MODEL.tflite\n", 2;
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
