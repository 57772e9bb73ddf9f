// Decoder: tokens in, logits out. One model's weights, its two execution contexts and its threads.
//
// LlmModel owns one; every session of the model calls Forward with its own cache. Forward picks the
// prefill or the decode context by row count; both read the same packed weights. This is the whole
// engine seen from above.

#ifndef INKLING_SRC_DECODER_DECODER_H_
#define INKLING_SRC_DECODER_DECODER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/packed_weights.h"
#include "src/decoder/kv_cache.h"
#include "src/decoder/matmul_observer.h"
#include "src/decoder/step_timer.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"

namespace inkling {

// Which rows of a Forward get logits.
enum class LogitRows : uint8_t { kNone, kLast, kAll };

struct DecoderOptions {
  int32_t num_threads = 1;
  int32_t decode_threads = 0;  // of the decode context; 0 = num_threads
  // What threads are bound to (see ThreadPool); empty = nothing. Create copies it.
  absl::Span<const int32_t> cpus = {};
  int32_t prefill_rows = 128;  // most rows of one Forward
  int32_t decode_rows = 8;     // Forwards of at most this many rows use the decode context
  MatmulInput prefill_activations = MatmulInput::kAuto;  // of the prefill context
};

struct DecoderMemory {
  int64_t packed_weight_bytes = 0;  // one copy, both contexts
  int64_t scratch_bytes = 0;        // activations of both contexts
};

class Decoder {
 public:
  // Packs the weights of `reader` (which outlives the decoder) and releases the file's pages behind
  // itself.
  static absl::StatusOr<std::unique_ptr<Decoder>> Create(const ModelReader& reader,
                                                         const DecoderOptions& options);
  // The same over weights that were packed before, by a decoder of the same model in a process that
  // packs alike. Errors: also NotFound if some aren't there.
  static absl::StatusOr<std::unique_ptr<Decoder>> Create(const ModelReader& reader,
                                                         const DecoderOptions& options,
                                                         std::unique_ptr<PackedWeights> packed);
  // What Create would use, without reading any weight.
  static absl::StatusOr<DecoderMemory> EstimateMemory(const ModelReader& reader,
                                                      const DecoderOptions& options);

  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  const DecoderOptions& options() const;  // with decode_threads above 0
  const ModelConfig& config() const;
  DecoderMemory memory() const;
  const PackedWeights& packed_weights() const;
  // What DecoderOptions::prefill_activations came to.
  const DequantizedMatmul& prefill_activations() const;
  // How often a context found its weights already packed; equals the number of weight matrices
  // after Create.
  int64_t num_shared_weights() const;
  // A number for the process that calls (ProcessStamp). In one that was forked from where the
  // decoder was made, Forwards work as they do there, whatever other threads were doing: threads
  // are started again for the first.
  uint64_t process() const;

  // Runs `tokens` (1 to prefill_rows of them, each in [0, vocab)) at positions cache.length()...,
  // commits their keys and values, and writes logits of the asked rows to `logits` ([1 or
  // tokens.size(), vocab_size], sized exactly; empty for kNone). `cancel` may be null; when it
  // turns true the call returns Cancelled at the next slice of a matmul and the cache is as
  // before. Any error leaves the cache as before. Thread-safe for different caches: callers take
  // turns. Errors in a forked process: also those of ThreadPool::StartThreads.
  absl::Status Forward(absl::Span<const int32_t> tokens, KvCache& cache, LogitRows rows,
                       absl::Span<float> logits, const std::atomic<bool>* cancel);

  // Forward with any condition in place of the flag: `stop` is asked between the steps of the pass,
  // on the calling thread, and true ends it with Cancelled. For deadlines, and for tests that stop
  // at a chosen step.
  absl::Status ForwardUntil(absl::Span<const int32_t> tokens, KvCache& cache, LogitRows rows,
                            absl::Span<float> logits, absl::FunctionRef<bool()> stop);

  // Forward with `observer` called for every matmul, on the calling thread.
  absl::Status ForwardObserved(absl::Span<const int32_t> tokens, KvCache& cache, LogitRows rows,
                               absl::Span<float> logits, MatmulObserver observer);

  // Forward with the time of every step added to `timer`; what a failed pass took until then too.
  absl::Status ForwardTimed(absl::Span<const int32_t> tokens, KvCache& cache, LogitRows rows,
                            absl::Span<float> logits, StepTimer& timer);

  // The hidden rows after the final norm of the last Forward-like pass, for embeddings and tests:
  // as Forward, but writes [tokens.size(), hidden_dim] instead of logits.
  absl::Status ForwardHidden(absl::Span<const int32_t> tokens, KvCache& cache,
                             absl::Span<float> hidden, const std::atomic<bool>* cancel);

 private:
  struct State;
  explicit Decoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_DECODER_H_
