// Copies of a session, sessions in files, and what happens when the context is full
// (save_and_restore.md).
//
// usage: guide_save_and_restore MODEL.tflite SESSION_FILE

#include <iostream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace {

using ModelPointer = std::shared_ptr<const inkling::LlmModel>;

// [snippet fork]
// Two endings of one beginning, which is computed once.
absl::Status TwoEndings(inkling::LlmSession& session) {
  absl::Status begun = session.Prefill("Once upon a time, there was a little dog");
  if (!begun.ok()) return begun;
  auto copy = session.Fork();
  if (!copy.ok()) return copy.status();
  inkling::GenerateOptions options;
  options.max_new_tokens = 20;
  auto first = session.Generate(" who", options);
  auto second = (*copy)->Generate(" and a cat", options);
  if (!first.ok()) return first.status();
  if (!second.ok()) return second.status();
  std::cout << "one:" << first->text << "\nother:" << second->text << "\n";
  return absl::OkStatus();
}
// [/snippet]

absl::Status SaveAndLoad(const ModelPointer& model, inkling::LlmSession& session,
                         const std::string& file) {
  // [snippet save]
  absl::Status saved = session.Save(file);
  if (!saved.ok()) return saved;
  // [/snippet]

  // [snippet load]
  auto restored = inkling::LlmSession::Load(model, file);
  if (!restored.ok()) return restored.status();
  std::cout << "restored " << (*restored)->position() << " tokens\n";
  // [/snippet]
  auto answer = (*restored)->Generate("");
  return answer.status();
}

absl::Status Slide(const ModelPointer& model) {
  // [snippet slide]
  inkling::SessionOptions options;
  options.context_length = 64;
  options.context_overflow = inkling::ContextOverflow::kSlide;
  options.kept_tokens = 1;  // the beginning-of-sequence token
  auto session = inkling::LlmSession::Create(model, options);
  if (!session.ok()) return session.status();
  // [/snippet]
  inkling::GenerateOptions endless;
  endless.max_new_tokens = 150;
  endless.ignore_model_stop_tokens = true;
  auto story = (*session)->Generate("Once upon a time", endless);
  if (!story.ok()) return story.status();
  std::cout << story->tokens.size() << " tokens, " << story->num_dropped_tokens
            << " dropped on the way\n";
  return absl::OkStatus();
}

absl::Status Run(const std::string& path, const std::string& file) {
  auto model = inkling::LlmModel::Open(path);
  if (!model.ok()) return model.status();
  auto session = inkling::LlmSession::Create(*model);
  if (!session.ok()) return session.status();
  absl::Status status = TwoEndings(**session);
  if (status.ok()) status = SaveAndLoad(*model, **session, file);
  if (status.ok()) status = Slide(*model);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: guide_save_and_restore MODEL.tflite SESSION_FILE\n", 2;
  const absl::Status status = Run(argv[1], argv[2]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
