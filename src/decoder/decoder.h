// Decoder: tokens in, logits out. One model's weights, its two execution contexts and its threads.
//
// LlmModel owns one; every session of the model calls Forward with its own cache. Forward picks the
// prefill or the decode context by row count; both read the same packed weights. This is the whole
// engine seen from above.

#ifndef INKLING_SRC_DECODER_DECODER_H_
#define INKLING_SRC_DECODER_DECODER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/compute/decode_rows.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/packed_weights.h"
#include "src/decoder/forward_request.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"

namespace inkling {

struct DecoderOptions {
  int32_t num_threads = 1;
  int32_t decode_threads = 0;  // of the decode context; 0 = num_threads
  // What threads are bound to (see ThreadPool); empty = nothing. Create copies it.
  absl::Span<const int32_t> cpus = {};
  int32_t prefill_rows = 128;  // most rows of one Forward
  // Forwards of at most this many rows use the decode context.
  int32_t decode_rows = kDecodeRows;
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

  // Runs a pass: computes the request's tokens at positions cache.length()..., commits their keys
  // and values, and writes the asked rows to the output. Errors leave the cache as before:
  // InvalidArgument, ResourceExhausted if the cache has no room, Cancelled when `stop` says so (at
  // the next slice of a matmul), and in a forked process those of ThreadPool::StartThreads.
  // Thread-safe for different caches: callers take turns.
  absl::Status Forward(const ForwardRequest& request);

 private:
  struct State;
  explicit Decoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_DECODER_H_
