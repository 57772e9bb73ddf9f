// TextWindows: the windows of a text that perplexity and divergence are measured on, as llama.cpp
// cuts them.
//
// The text's tokens are cut into windows of `context` that don't overlap; what doesn't fill one at
// the end is left out. Where the vocabulary has a beginning-of-sequence token, it replaces the
// first token of every window. The second half of each window is scored: the logits of positions
// context/2 .. context-2 against the tokens that follow them.

#ifndef INKLING_EXAMPLES_PROGRAMS_TEXT_WINDOWS_H_
#define INKLING_EXAMPLES_PROGRAMS_TEXT_WINDOWS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "examples/programs/eval_commands.h"
#include "src/decoder/kv_cache.h"
#include "src/decoder/matmul_observer.h"
#include "src/session/lora_loading.h"
#include "src/session/model_engine.h"

namespace inkling {

// Error (Internal): the log-sum-exp of the logits of `position` isn't a number.
absl::Status CheckFinite(float normalizer, int32_t position);

// Reads a whole file. Errors: NotFound, InvalidArgument (empty).
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

// The windows of `text_file` for `engine`'s tokenizer. Errors: InvalidArgument if the context is
// below 4 or above the model's, or the text is shorter than one window.
absl::StatusOr<std::vector<std::vector<int32_t>>> CutWindows(const ModelEngine& engine,
                                                             const std::string& text_file,
                                                             int32_t context, int32_t max_windows);

// A model with a cache of its own, to run windows through.
class WindowRunner {
 public:
  static absl::StatusOr<std::unique_ptr<WindowRunner>> Create(const EvalModelOptions& options,
                                                              int32_t context);

  const ModelEngine& engine() const { return *engine_; }

  // Runs `tokens` from position 0 and gives the logits of positions [first, tokens.size()) in
  // chunks, in order: consume(position of the first row, rows [n, vocab]). `observer` (or null)
  // sees the matmuls.
  absl::Status Run(absl::Span<const int32_t> tokens, int32_t first,
                   absl::FunctionRef<absl::Status(int32_t, absl::Span<const float>)> consume,
                   const MatmulObserver* observer = nullptr);

  // Natural logarithms of the probabilities that follow the positions from `first` on, [positions,
  // vocab]; `observer` (or null) sees the matmuls. Errors: Internal where the logits aren't
  // numbers.
  absl::Status LogProbabilities(absl::Span<const int32_t> tokens, int32_t first,
                                std::vector<float>& output,
                                const MatmulObserver* observer = nullptr);

 private:
  std::unique_ptr<ModelEngine> engine_;
  std::unique_ptr<KvCache> cache_;
  std::vector<LoadedAdapter> loaded_;
  std::vector<ActiveAdapter> adapters_;  // of `loaded_`
  std::vector<float> logits_;
};

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_TEXT_WINDOWS_H_
