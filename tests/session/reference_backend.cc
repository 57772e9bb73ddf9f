// A backend for tests: sessions on the reference decoder of tests/testing/, in double precision.
//
// It defines the functions of src/session/decoder_start.h, so a test that is linked with this file
// has no CpuDecoder. Everything above runs as it is: what it needs of a backend is here. The cache
// goes back only to every fourth position, as one that keeps snapshots of a recurrent state would.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/compute/process_stamp.h"
#include "src/decoder/cache_positions.h"
#include "src/decoder/decoder.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/kv_cache.h"
#include "src/format/byte_stream.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"
#include "src/session/decoder_start.h"
#include "tests/testing/reference_decoder.h"

namespace inkling {
namespace {

constexpr int32_t kSnapshotDistance = 4;
constexpr int32_t kMaxDecodeRows = 8;

class ReferenceCache final : public KvCache {
 public:
  ReferenceCache(const ModelReader& reader, const CacheOptions& options)
      : KvCache(CachePositions(options, {})),
        reader_(reader),
        options_(options),
        decoder_(reader, options.capacity) {}

  std::unique_ptr<KvCache> CreateEmpty() const {
    return std::make_unique<ReferenceCache>(reader_, options_);
  }
  absl::StatusOr<std::unique_ptr<KvCache>> Clone() const {
    auto clone = std::make_unique<ReferenceCache>(reader_, options_);
    clone->past_ = past_;
    ABSL_RETURN_IF_ERROR(clone->positions().Restore(length(), 0));
    return clone;
  }

  absl::string_view StateFormat() const override { return "reference"; }
  int64_t StateBytes() const override {
    return static_cast<int64_t>(sizeof(int32_t)) + length() * RowBytes() * 2 * NumLayers();
  }
  absl::Status WriteState(ByteSink sink) const override {
    const int32_t rows = length();
    ABSL_RETURN_IF_ERROR(sink({reinterpret_cast<const std::byte*>(&rows), sizeof(rows)}));
    for (const std::vector<ReferenceDecoder::Rows>* layers : {&past_.keys, &past_.values}) {
      for (const ReferenceDecoder::Rows& layer : *layers) {
        for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
          ABSL_RETURN_IF_ERROR(sink({reinterpret_cast<const std::byte*>(layer[i].data()),
                                     static_cast<size_t>(RowBytes())}));
        }
      }
    }
    return absl::OkStatus();
  }
  absl::Status ReadState(ByteSource source) override {
    int32_t rows = 0;
    ABSL_RETURN_IF_ERROR(source({reinterpret_cast<std::byte*>(&rows), sizeof(rows)}));
    ABSL_RETURN_IF_ERROR(positions().Restore(rows, 0));
    for (std::vector<ReferenceDecoder::Rows>* layers : {&past_.keys, &past_.values}) {
      layers->assign(static_cast<size_t>(NumLayers()), ReferenceDecoder::Rows());
      for (ReferenceDecoder::Rows& layer : *layers) {
        for (int32_t i = 0; i < rows; ++i) {
          layer.emplace_back(static_cast<size_t>(RowBytes()) / sizeof(double));
          ABSL_RETURN_IF_ERROR(source({reinterpret_cast<std::byte*>(layer.back().data()),
                                       static_cast<size_t>(RowBytes())}));
        }
      }
    }
    return absl::OkStatus();
  }

  int32_t RewindTarget(int32_t position) const override {
    return position == length() ? position : position / kSnapshotDistance * kSnapshotDistance;
  }

  absl::Status Rewind(int32_t position) override {
    if (position != RewindTarget(position)) {
      return absl::OutOfRangeError(absl::StrCat("reference: no snapshot at ", position));
    }
    return KvCache::Rewind(position);
  }

  // Drops rows that no pass committed, or that a rewind left behind.
  void DropStaleRows() {
    for (std::vector<ReferenceDecoder::Rows>* layers : {&past_.keys, &past_.values}) {
      for (ReferenceDecoder::Rows& rows : *layers) rows.resize(static_cast<size_t>(length()));
    }
  }

  ReferenceDecoder::Result Run(int32_t token) { return decoder_.Continue({token}, past_); }

 private:
  int64_t NumLayers() const { return reader_.config().num_layers; }
  int64_t RowBytes() const {
    const ModelConfig& config = reader_.config();
    return int64_t{config.num_kv_heads} * config.head_dim * static_cast<int64_t>(sizeof(double));
  }

  const ModelReader& reader_;
  const CacheOptions options_;
  ReferenceDecoder decoder_;  // depends on the capacity
  ReferenceDecoder::Past past_;
};

class ReferenceBackend final : public Decoder {
 public:
  ReferenceBackend(const ModelReader& reader, const ModelOptions& options)
      : reader_(reader), max_rows_(options.prefill_chunk) {}

  const ModelConfig& config() const override { return reader_.config(); }
  int32_t max_rows() const override { return max_rows_; }
  int32_t max_decode_rows() const override { return std::min(kMaxDecodeRows, max_rows_); }
  DecoderMemory memory() const override { return {}; }
  DecoderDescription Describe() const override { return {.kernel_class = "reference"}; }
  uint64_t process() const override { return stamp_.Current(); }

  absl::StatusOr<std::unique_ptr<KvCache>> CreateCache(const CacheOptions& options) const override {
    ABSL_RETURN_IF_ERROR(CheckCacheOptions(options));
    return std::make_unique<ReferenceCache>(reader_, options);
  }
  absl::StatusOr<std::unique_ptr<KvCache>> CreateCacheLike(const KvCache& cache) const override {
    return dynamic_cast<const ReferenceCache&>(cache).CreateEmpty();
  }
  absl::StatusOr<std::unique_ptr<KvCache>> CloneCache(const KvCache& cache) const override {
    return dynamic_cast<const ReferenceCache&>(cache).Clone();
  }
  absl::StatusOr<int64_t> CacheBytes(const CacheOptions& options) const override {
    return CacheBytes(config(), options);
  }
  static absl::StatusOr<int64_t> CacheBytes(const ModelConfig& config,
                                            const CacheOptions& options) {
    ABSL_RETURN_IF_ERROR(CheckCacheOptions(options));
    const int64_t row = int64_t{config.num_kv_heads} * config.head_dim * sizeof(double);
    return 2 * row * config.num_layers * options.capacity;
  }

  absl::Status Forward(const ForwardRequest& request) override {
    ABSL_RETURN_IF_ERROR(CheckRequest(request));
    auto* cache = dynamic_cast<ReferenceCache*>(&request.cache);
    if (cache == nullptr) return absl::InvalidArgumentError("reference: another backend's cache");
    const int32_t num_rows = static_cast<int32_t>(request.tokens.size());
    ABSL_RETURN_IF_ERROR(cache->positions().Stage(num_rows));
    cache->DropStaleRows();
    float* output = request.output.data();
    const size_t first_output = request.tokens.size() - request.num_outputs();
    for (size_t i = 0; i < request.tokens.size(); ++i) {
      if (request.stop()) {
        cache->positions().Discard();
        return absl::CancelledError("reference: the pass was cancelled");
      }
      const ReferenceDecoder::Result result = cache->Run(request.tokens[i]);
      const std::vector<float>& row =
          request.kind == OutputKind::kLogits ? result.logits : result.hidden;
      if (i >= first_output) output = std::copy(row.begin(), row.end(), output);
    }
    cache->positions().Commit(num_rows);
    return absl::OkStatus();
  }

 private:
  const ModelReader& reader_;
  const int32_t max_rows_;
  mutable ProcessStamp stamp_;
};

}  // namespace

absl::StatusOr<StartedDecoder> StartDecoder(const ModelReader& reader,
                                            const ModelOptions& options) {
  for (const TensorView& view : reader.tensors()) {
    ABSL_RETURN_IF_ERROR(reader.LoadValues(view));
    ABSL_RETURN_IF_ERROR(reader.LoadScales(view));
  }
  return StartedDecoder{.decoder = std::make_unique<ReferenceBackend>(reader, options),
                        .packed_weights = "not packed"};
}

absl::StatusOr<MemoryEstimate> EstimateDecoder(const ModelReader& reader, const ModelOptions&,
                                               const CacheOptions& cache_options) {
  MemoryEstimate estimate;
  ABSL_ASSIGN_OR_RETURN(estimate.kv_cache,
                        ReferenceBackend::CacheBytes(reader.config(), cache_options));
  return estimate;
}

}  // namespace inkling
