// What a model takes before it is opened, and giving memory back while it is open
// (memory_pressure.md).
//
// usage: guide_memory_pressure MODEL.tflite FOLDER

#include <cstdint>
#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace {

// [snippet choose]
// The options with the most precise cache that leave the app within `budget` bytes.
absl::StatusOr<inkling::SessionOptions> ChooseOptions(const std::string& path, int64_t budget) {
  for (auto type : {inkling::KvCacheType::kFloat16, inkling::KvCacheType::kInt8}) {
    inkling::SessionOptions options;
    options.context_length = 512;
    options.kv_cache_type = type;
    auto estimate = inkling::LlmModel::EstimateMemory(path, {}, options);
    if (!estimate.ok()) return estimate.status();
    std::cout << "weights " << estimate->packed_weights << ", scratch " << estimate->scratch
              << ", cache " << estimate->kv_cache << " bytes\n";
    if (estimate->total() <= budget) return options;
  }
  return absl::ResourceExhaustedError("the model is too large for this device");
}
// [/snippet]

// [snippet trim]
// What an app does in onTrimMemory or didReceiveMemoryWarning. No call of the session may run.
absl::Status GiveMemoryBack(inkling::LlmSession& session, const std::string& folder) {
  session.model().Trim(inkling::TrimLevel::kPackedWeights);
  return session.Trim(folder);  // the cache comes back from a file with the next call
}
// [/snippet]

absl::Status Run(const std::string& path, const std::string& folder) {
  auto options = ChooseOptions(path, int64_t{1} << 30);
  if (!options.ok()) return options.status();
  // [snippet cache_dir]
  inkling::ModelOptions model_options;
  model_options.cache_dir = folder;  // packed weights lie in a file there from now on
  auto model = inkling::LlmModel::Open(path, model_options);
  if (!model.ok()) return model.status();
  // [/snippet]
  auto session = inkling::LlmSession::Create(*model, *options);
  if (!session.ok()) return session.status();
  auto before = (*session)->Chat("Hello!");
  if (!before.ok()) return before.status();
  const absl::Status trimmed = GiveMemoryBack(**session, folder);
  if (!trimmed.ok()) return trimmed;
  auto after = (*session)->Chat("What is two plus two?");
  if (!after.ok()) return after.status();
  std::cout << "after trimming: " << after->text << "\n";
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: guide_memory_pressure MODEL.tflite FOLDER\n", 2;
  const absl::Status status = Run(argv[1], argv[2]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
