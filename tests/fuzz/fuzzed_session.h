// The model whose sessions session_file_fuzz loads: the same one for the target and for its seeds.

#ifndef INKLING_TESTS_FUZZ_FUZZED_SESSION_H_
#define INKLING_TESTS_FUZZ_FUZZED_SESSION_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "tests/testing/random_model.h"
#include "tests/testing/temp_dir.h"

namespace inkling {

inline std::shared_ptr<const LlmModel> FuzzedSessionModel() {
  const TempDir folder;
  ModelConfig config = TinyConfig();
  config.layers[0].window = 16;
  const std::string path = folder.File("fuzzed.tflite");
  if (!WriteRandomModel(path, config, TensorType(), TensorType(), 1).ok()) return nullptr;
  ModelOptions options;
  options.num_threads = 1;
  options.prefill_chunk = 16;
  absl::StatusOr<std::shared_ptr<const LlmModel>> model = LlmModel::Open(path, options);
  return model.ok() ? *model : nullptr;
}

inline SessionOptions FuzzedSessionOptions() {
  SessionOptions options;
  options.kv_cache_type = KvCacheType::kInt8;
  return options;
}

}  // namespace inkling

#endif  // INKLING_TESTS_FUZZ_FUZZED_SESSION_H_
