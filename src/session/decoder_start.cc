// The file is named after the model's id and a fingerprint of this CPU's packing, so that models
// and CPUs that share a folder (a home directory on a network) don't overwrite each other's files.

#include "src/session/decoder_start.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "inkling/llm_options.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/packed_weights.h"
#include "src/compute/packed_weights_file.h"
#include "src/compute/pass_limits.h"
#include "src/compute/thread_pool.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/cpu_kv_cache.h"
#include "src/format/model_reader.h"

namespace inkling {
namespace {

MatmulInput MatmulInputOf(ActivationPrecision precision) {
  switch (precision) {
    case ActivationPrecision::kAuto:
      break;
    case ActivationPrecision::kInt8:
      return MatmulInput::kInt8;
    case ActivationPrecision::kFloat:
      return MatmulInput::kFloat;
  }
  return MatmulInput::kAuto;
}

CpuDecoderOptions CpuOptions(const ModelOptions& options) {
  CpuDecoderOptions resolved;
  resolved.num_threads = options.num_threads;
  if (resolved.num_threads == 0) {
    resolved.num_threads = options.cpus.empty()
                               ? std::min(ThreadPool::DefaultThreadCount(), kMaxThreads)
                               : static_cast<int32_t>(options.cpus.size());
  }
  resolved.decode_threads = options.decode_threads;
  resolved.cpus = options.cpus;
  resolved.prefill_rows = options.prefill_chunk;
  resolved.decode_rows = std::min(resolved.decode_rows, options.prefill_chunk);
  resolved.prefill_activations = MatmulInputOf(options.prefill_activations);
  return resolved;
}

}  // namespace

absl::StatusOr<StartedDecoder> StartDecoder(const ModelReader& reader,
                                            const ModelOptions& options) {
  CpuDecoderOptions cpu_options = CpuOptions(options);
  PackingProgress progress;
  if (options.progress != nullptr) {
    progress = [&options](int64_t done, int64_t total) {
      return options.progress({.done_bytes = done, .total_bytes = total});
    };
    cpu_options.progress = &progress;
  }
  StartedDecoder started;
  if (options.cache_dir.empty()) {
    ABSL_ASSIGN_OR_RETURN(started.decoder, CpuDecoder::Create(reader, cpu_options));
    started.packed_weights = "packed";
    return started;
  }
  ABSL_ASSIGN_OR_RETURN(const std::string fingerprint, PackingFingerprint());
  const std::string& model_id = reader.metadata().model_id;
  const std::string path =
      absl::StrCat(options.cache_dir, "/", model_id, "-", fingerprint.substr(0, 8), ".packed");
  absl::StatusOr<std::unique_ptr<PackedWeights>> kept =
      LoadPackedWeights(path, model_id, fingerprint);
  if (kept.ok()) {
    absl::StatusOr<std::unique_ptr<CpuDecoder>> decoder =
        CpuDecoder::Create(reader, cpu_options, *std::move(kept));
    if (absl::IsCancelled(decoder.status())) return decoder.status();
    if (decoder.ok()) {
      started.decoder = *std::move(decoder);
      started.packed_weights = absl::StrCat("mapped from ", path);
      return started;
    }
  }
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<CpuDecoder> decoder,
                        CpuDecoder::Create(reader, cpu_options));
  const absl::Status saved =
      SavePackedWeights(decoder->packed_weights(), path, model_id, fingerprint);
  started.decoder = std::move(decoder);
  started.packed_weights = saved.ok() ? absl::StrCat("packed and kept in ", path)
                                      : absl::StrCat("packed; not kept: ", saved.message());
  return started;
}

absl::StatusOr<MemoryEstimate> EstimateDecoder(const ModelReader& reader,
                                               const ModelOptions& options,
                                               const CacheOptions& cache_options) {
  ABSL_ASSIGN_OR_RETURN(const DecoderMemory memory,
                        CpuDecoder::EstimateMemory(reader, CpuOptions(options)));
  ABSL_ASSIGN_OR_RETURN(const int64_t cache_bytes,
                        CpuKvCache::RequiredBytes(reader.config(), cache_options));
  MemoryEstimate estimate;
  estimate.packed_weights = memory.packed_weight_bytes;
  estimate.scratch = memory.scratch_bytes;
  estimate.kv_cache = cache_bytes;
  return estimate;
}

}  // namespace inkling
