// A session as inkling-eval's commands ask for it.

#ifndef INKLING_EXAMPLES_PROGRAMS_EVAL_SESSION_H_
#define INKLING_EXAMPLES_PROGRAMS_EVAL_SESSION_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "examples/programs/eval_commands.h"
#include "examples/programs/kv_cache_flag.h"
#include "examples/programs/lora_flag.h"
#include "examples/programs/prefill_flag.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace inkling {

// Errors: those of opening the model and its adapters.
inline absl::StatusOr<std::unique_ptr<LlmSession>> OpenSession(const EvalModelOptions& options) {
  ModelOptions model_options;
  model_options.num_threads = options.threads;
  model_options.prefill_chunk = options.chunk;
  model_options.prefill_activations = PrefillChoices().at(options.prefill);
  absl::StatusOr<std::shared_ptr<const LlmModel>> model =
      LlmModel::Open(options.model, model_options);
  if (!model.ok()) return model.status();
  SessionOptions session_options;
  session_options.kv_cache_type = KvCacheTypes().at(options.kv_cache);
  absl::StatusOr<std::vector<WeightedAdapter>> adapters = LoadAdapters(*model, options.lora);
  if (!adapters.ok()) return adapters.status();
  session_options.adapters = *std::move(adapters);
  return LlmSession::Create(*model, session_options);
}

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_EVAL_SESSION_H_
