// LoRA adapters: loaded once, used by any session, changed between calls (lora.md).
//
// usage: guide_lora MODEL.tflite ADAPTER.tflite

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "inkling/lora_adapter.h"

namespace {

absl::Status Run(const std::string& model_path, const std::string& adapter_path) {
  auto model = inkling::LlmModel::Open(model_path);
  if (!model.ok()) return model.status();

  // [snippet load]
  auto adapter = inkling::LoraAdapter::Load(*model, adapter_path);
  if (!adapter.ok()) return adapter.status();
  std::cout << (*adapter)->description().num_matrices << " matrices, "
            << (*adapter)->description().bytes << " bytes\n";
  // [/snippet]

  // [snippet session]
  inkling::SessionOptions options;
  options.adapters = {{*adapter}};
  auto session = inkling::LlmSession::Create(*model, options);
  if (!session.ok()) return session.status();
  // [/snippet]

  inkling::GenerateOptions greedy;
  greedy.max_new_tokens = 20;
  greedy.sampling.temperature = 0;
  auto with = (*session)->Generate("Once upon a time", greedy);
  if (!with.ok()) return with.status();
  std::cout << "with the adapter:" << with->text << "\n";

  // [snippet change]
  absl::Status changed = (*session)->SetAdapters({{*adapter, 0.5f}});  // half of its effect
  if (changed.ok()) changed = (*session)->SetAdapters({});             // the model alone
  if (!changed.ok()) return changed;
  // [/snippet]

  if (absl::Status emptied = (*session)->Reset(); !emptied.ok()) return emptied;
  auto without = (*session)->Generate("Once upon a time", greedy);
  if (!without.ok()) return without.status();
  std::cout << "without:" << without->text << "\n";
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: guide_lora MODEL.tflite ADAPTER.tflite\n", 2;
  const absl::Status status = Run(argv[1], argv[2]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
