// Decoder: tokens in, logits out. The seam between sessions and what computes for them.
//
// LlmModel owns one; every session of the model has a cache made by it and calls Forward with that.
// CpuDecoder is the one of this library. Another backend derives its decoder from this class and
// its cache from KvCache, and is made where CpuDecoder is: in src/session/decoder_start.cc.

#ifndef INKLING_SRC_DECODER_DECODER_H_
#define INKLING_SRC_DECODER_DECODER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/decoder/adapter.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/kv_cache.h"
#include "src/format/lora_file.h"
#include "src/format/model_config.h"

namespace inkling {

struct DecoderMemory {
  int64_t packed_weight_bytes = 0;  // one copy, in the form that matmuls read
  int64_t scratch_bytes = 0;        // intermediate rows
};

// What a decoder computes with, in words for LlmModel::Describe.
struct DecoderDescription {
  std::string kernel_class = {};  // of the matmuls
  std::string simd_target = {};   // of the other kernels
  std::string prefill_activations = {};
  int32_t num_threads = 0;
  int32_t decode_threads = 0;
  std::vector<int32_t> cpus = {};  // what threads are bound to; empty: nothing
};

// Thread-safe, except that a cache is used by one call at a time.
class Decoder {
 public:
  virtual ~Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  virtual const ModelConfig& config() const = 0;
  // Most rows of one Forward: prefill goes in chunks of this many.
  virtual int32_t max_rows() const = 0;
  // Rows that cost little more than one, and have the same bits together as in passes of their own:
  // a token and the draft that is verified with it.
  virtual int32_t max_decode_rows() const = 0;
  virtual DecoderMemory memory() const = 0;
  virtual DecoderDescription Describe() const = 0;
  // An even number that isn't 0 for the process that calls (ProcessStamp). In one that was forked
  // from where the decoder was made, Forwards work as they do there, whatever other threads were
  // doing.
  virtual uint64_t process() const = 0;

  // A cache for a session of the model. It may outlive the decoder, but isn't used without it.
  // Errors: InvalidArgument, ResourceExhausted.
  virtual absl::StatusOr<std::unique_ptr<KvCache>> CreateCache(
      const CacheOptions& options) const = 0;
  // A cache of the same size that holds the same as `cache`, one of this decoder's, in the time and
  // memory of what is filled. The two are independent. Errors: InvalidArgument, ResourceExhausted.
  virtual absl::StatusOr<std::unique_ptr<KvCache>> CloneCache(const KvCache& cache) const = 0;
  // An empty cache of the same size as `cache`. Errors: as CloneCache.
  virtual absl::StatusOr<std::unique_ptr<KvCache>> CreateCacheLike(const KvCache& cache) const = 0;
  // What CreateCache would reserve, in bytes. Errors: InvalidArgument.
  virtual absl::StatusOr<int64_t> CacheBytes(const CacheOptions& options) const = 0;

  // An adapter for passes of this decoder. Errors: InvalidArgument if it isn't made for the model;
  // Unimplemented where a backend has none.
  virtual absl::StatusOr<std::shared_ptr<const Adapter>> CreateAdapter(const LoraFile& file) const;

  // Gives memory back that the next passes take again, at the cost of some time: scratch, and
  // `mapped_weights`, the pages of files. Waits for a pass that runs. A backend that has none does
  // nothing.
  virtual void Trim(bool mapped_weights) { static_cast<void>(mapped_weights); }

  // Runs a pass: computes the request's tokens at positions cache.length()..., makes them part of
  // the cache's past, and writes the asked rows to the output. Errors leave the cache as before:
  // InvalidArgument, ResourceExhausted if the cache has no room, Cancelled when `stop` says so.
  // Calls with different caches take turns.
  virtual absl::Status Forward(const ForwardRequest& request) = 0;

 protected:
  Decoder() = default;
  // InvalidArgument for tokens or an output that a Forward can't have.
  absl::Status CheckRequest(const ForwardRequest& request) const;
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_DECODER_H_
