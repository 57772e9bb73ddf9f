// Windows are run chunk by chunk; chunks that hold no scored position compute no logits.

#include "examples/programs/text_windows.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "examples/programs/kv_cache_flag.h"
#include "examples/programs/lora_flag.h"
#include "examples/programs/prefill_flag.h"
#include "inkling/llm_options.h"
#include "kernels/softmax.h"
#include "src/decoder/decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/session/model_engine.h"
#include "src/text/tokenizer.h"

namespace inkling {

absl::Status CheckFinite(float normalizer, int32_t position) {
  if (std::isfinite(normalizer)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the logits of position ", position, " are not numbers"));
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("can't read '", path, "'"));
  std::ostringstream text;
  text << file.rdbuf();
  if (text.str().empty()) return absl::InvalidArgumentError(absl::StrCat("'", path, "' is empty"));
  return text.str();
}

absl::StatusOr<std::vector<std::vector<int32_t>>> CutWindows(const ModelEngine& engine,
                                                             const std::string& text_file,
                                                             int32_t context, int32_t max_windows) {
  if (context < 4 || context > engine.config().context_length) {
    return absl::InvalidArgumentError(
        absl::StrCat("--context is ", context, "; expected 4 to ", engine.config().context_length));
  }
  absl::StatusOr<std::string> text = ReadTextFile(text_file);
  if (!text.ok()) return text.status();
  const TokenizerData& vocabulary = engine.reader().metadata().tokenizer;
  const bool has_bos = vocabulary.add_bos && vocabulary.bos_id >= 0;
  EncodeOptions encode;
  if (has_bos) encode.added_ids = AddedIds::kBos;
  absl::StatusOr<std::vector<int32_t>> encoded = engine.tokenizer().Encode(*text, encode);
  if (!encoded.ok()) return encoded.status();
  const std::vector<int32_t>& tokens = *encoded;
  const size_t width = static_cast<size_t>(context);
  if (tokens.size() < width) {
    return absl::InvalidArgumentError(absl::StrCat("'", text_file, "' has ", tokens.size(),
                                                   " tokens; expected at least one window of ",
                                                   context));
  }
  std::vector<std::vector<int32_t>> windows;
  for (size_t begin = 0; begin + width <= tokens.size(); begin += width) {
    if (max_windows > 0 && windows.size() == static_cast<size_t>(max_windows)) break;
    windows.emplace_back(tokens.begin() + static_cast<ptrdiff_t>(begin),
                         tokens.begin() + static_cast<ptrdiff_t>(begin + width));
    if (has_bos) windows.back()[0] = vocabulary.bos_id;
  }
  return windows;
}

absl::StatusOr<std::unique_ptr<WindowRunner>> WindowRunner::Create(const EvalModelOptions& options,
                                                                   int32_t context) {
  auto runner = std::make_unique<WindowRunner>();
  ModelOptions model_options;
  model_options.num_threads = options.threads;
  model_options.prefill_chunk = options.chunk;
  model_options.prefill_activations = PrefillChoices().at(options.prefill);
  absl::StatusOr<std::unique_ptr<ModelEngine>> engine =
      ModelEngine::Open(ModelSource::FromPath(options.model), model_options);
  if (!engine.ok()) return engine.status();
  runner->engine_ = *std::move(engine);
  SessionOptions session_options;
  session_options.context_length = context;
  session_options.kv_cache_type = KvCacheTypes().at(options.kv_cache);
  absl::StatusOr<CacheOptions> cache_options =
      ResolveCacheOptions(session_options, runner->engine_->config(), options.chunk);
  if (!cache_options.ok()) return cache_options.status();
  absl::StatusOr<std::unique_ptr<KvCache>> cache =
      runner->engine_->decoder().CreateCache(*cache_options);
  if (!cache.ok()) return cache.status();
  runner->cache_ = *std::move(cache);
  for (const std::string& value : options.lora) {
    absl::StatusOr<LoraFlag> flag = ParseLoraFlag(value);
    if (!flag.ok()) return flag.status();
    absl::StatusOr<LoadedAdapter> loaded = LoadAdapter(*runner->engine_, flag->path);
    if (!loaded.ok()) return loaded.status();
    runner->adapters_.push_back({loaded->adapter.get(), flag->weight});
    runner->loaded_.push_back(*std::move(loaded));
  }
  return runner;
}

absl::Status WindowRunner::Run(
    absl::Span<const int32_t> tokens, int32_t first,
    absl::FunctionRef<absl::Status(int32_t, absl::Span<const float>)> consume,
    const MatmulObserver* observer) {
  absl::Status rewound = cache_->Rewind(0);
  if (!rewound.ok()) return rewound;
  const size_t vocab = static_cast<size_t>(engine_->config().vocab_size);
  const size_t chunk_rows = static_cast<size_t>(engine_->decoder().max_rows());
  logits_.resize(std::min(chunk_rows, tokens.size()) * vocab);
  size_t begin = 0;
  while (begin < tokens.size()) {
    // A chunk ends where scoring begins, so that it needs logits of all of its rows or of none.
    const size_t scored_from = static_cast<size_t>(first);
    size_t end = std::min(begin + chunk_rows, tokens.size());
    if (begin < scored_from) end = std::min(end, scored_from);
    const absl::Span<const int32_t> chunk = tokens.subspan(begin, end - begin);
    const bool scored = begin >= scored_from;
    const absl::Span<float> logits =
        scored ? absl::MakeSpan(logits_).subspan(0, chunk.size() * vocab) : absl::Span<float>();
    absl::Status status =
        engine_->decoder().Forward({.tokens = chunk,
                                    .cache = *cache_,
                                    .rows = scored ? OutputRows::kAll : OutputRows::kNone,
                                    .output = logits,
                                    .adapters = adapters_,
                                    .instruments = {.observer = observer}});
    if (!status.ok()) return status;
    if (scored) {
      status = consume(static_cast<int32_t>(begin), logits);
      if (!status.ok()) return status;
    }
    begin = end;
  }
  return absl::OkStatus();
}

absl::Status WindowRunner::LogProbabilities(absl::Span<const int32_t> tokens, int32_t first,
                                            std::vector<float>& output,
                                            const MatmulObserver* observer) {
  const size_t vocab = static_cast<size_t>(engine_->config().vocab_size);
  output.clear();
  const auto consume = [&](int32_t position, absl::Span<const float> rows) {
    for (size_t row = 0; row * vocab < rows.size(); ++row) {
      const absl::Span<const float> logits = rows.subspan(row * vocab, vocab);
      const float normalizer = kernels::LogSumExp(logits.data(), vocab);
      absl::Status status = CheckFinite(normalizer, position + static_cast<int32_t>(row));
      if (!status.ok()) return status;
      for (float logit : logits) output.push_back(logit - normalizer);
    }
    return absl::OkStatus();
  };
  return Run(tokens, first, consume, observer);
}

}  // namespace inkling
