// Decoder: checks a call, takes the lock, stages the rows, runs a context, commits.
//
// Everything that can be wrong with a call is found before the cache or a context is touched; what
// fails later leaves the staged rows to be dropped, so the past never changes unless the whole pass
// succeeded.

#include "src/decoder/decoder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "src/compute/cpu_affinity.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/embedding_table.h"
#include "src/compute/float_environment.h"
#include "src/compute/packed_weights.h"
#include "src/compute/thread_pool.h"
#include "src/decoder/execution_context.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/kv_cache.h"
#include "src/decoder/layer_weights.h"
#include "src/decoder/scratch.h"
#include "src/format/model_reader.h"

namespace inkling {
namespace {

constexpr int32_t kMaxRows = 4096;  // of one Forward: bounds scratch memory
constexpr int32_t kMaxThreads = 256;

absl::Status CheckRange(const char* what, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("decoder: ", what, ": expected ", low, " to ", high, ", found ", value));
}

int32_t DecodeThreads(const DecoderOptions& options) {
  return options.decode_threads == 0 ? options.num_threads : options.decode_threads;
}

absl::Status CheckOptions(const DecoderOptions& options) {
  ABSL_RETURN_IF_ERROR(CheckRange("num_threads", options.num_threads, 1, kMaxThreads));
  ABSL_RETURN_IF_ERROR(CheckRange("decode_threads", options.decode_threads, 0, kMaxThreads));
  ABSL_RETURN_IF_ERROR(
      CheckCpus(options.cpus, std::max(options.num_threads, DecodeThreads(options))));
  ABSL_RETURN_IF_ERROR(CheckRange("prefill_rows", options.prefill_rows, 1, kMaxRows));
  return CheckRange("decode_rows", options.decode_rows, 1, kMaxRows);
}

// A context for more rows than any Forward has would only waste scratch.
int32_t DecodeContextRows(const DecoderOptions& options) {
  return std::min(options.decode_rows, options.prefill_rows);
}

ScratchSize PrefillScratchSize(const ModelReader& reader, const DecoderOptions& options) {
  return {options.prefill_rows, options.num_threads, LargestResiduals(reader)};
}

ScratchSize DecodeScratchSize(const ModelReader& reader, const DecoderOptions& options) {
  return {DecodeContextRows(options), DecodeThreads(options), LargestResiduals(reader)};
}

size_t NumOutputs(const ForwardRequest& request) {
  if (request.rows == OutputRows::kAll) return request.tokens.size();
  return request.rows == OutputRows::kLast ? 1 : 0;
}

int64_t ScratchBytes(const ModelReader& reader, const DecoderOptions& options) {
  return Scratch::Bytes(reader.config(), PrefillScratchSize(reader, options)) +
         Scratch::Bytes(reader.config(), DecodeScratchSize(reader, options)) +
         DequantizedMatmul::Bytes(options.prefill_activations, options.num_threads);
}

}  // namespace

struct Decoder::State {
  State(const ModelReader& model, const DecoderOptions& decoder_options,
        const TensorView& embedding_view)
      : reader(model),
        cpus(decoder_options.cpus.begin(), decoder_options.cpus.end()),
        options(decoder_options),
        embedding(embedding_view, model.config().embedding_scale) {
    options.decode_threads = DecodeThreads(decoder_options);
    options.cpus = cpus;
  }

  // The context made for this many rows.
  ExecutionContext& ContextFor(size_t num_rows) {
    return num_rows <= static_cast<size_t>(decode->max_rows()) ? *decode : *prefill;
  }

  absl::Status CheckTokens(absl::Span<const int32_t> tokens) const {
    ABSL_RETURN_IF_ERROR(CheckRange("number of tokens", static_cast<int64_t>(tokens.size()), 1,
                                    options.prefill_rows));
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] < 0 || tokens[i] >= reader.config().vocab_size) {
        return absl::InvalidArgumentError(
            absl::StrCat("decoder: token at index ", i, ": expected 0 to ",
                         reader.config().vocab_size - 1, ", found ", tokens[i]));
      }
    }
    return absl::OkStatus();
  }

  // In a process that was forked since the last pass, brings the threads back and forgets what a
  // pass of another thread may have left half-way. The caller holds the lock.
  absl::Status EnterProcess(const ThreadPoolLock& lock) {
    if (lock.process == entered_process) return absl::OkStatus();
    ABSL_RETURN_IF_ERROR(pool->StartThreads());
    if (decode_pool != nullptr) {
      ABSL_RETURN_IF_ERROR(decode_pool->StartThreads());
    }
    prefill->ForgetShapes();
    decode->ForgetShapes();
    entered_process = lock.process;
    return absl::OkStatus();
  }

  absl::Status CheckRequest(const ForwardRequest& request) const {
    ABSL_RETURN_IF_ERROR(CheckTokens(request.tokens));
    const bool hidden = request.kind == OutputKind::kHidden;
    const int64_t row = hidden ? reader.config().hidden_dim : reader.config().vocab_size;
    const int64_t expected = static_cast<int64_t>(NumOutputs(request)) * row;
    return CheckRange(hidden ? "size of the hidden rows" : "size of the logits",
                      static_cast<int64_t>(request.output.size()), expected, expected);
  }

  // Computes the staged rows and writes the output.
  absl::Status Compute(const ForwardRequest& request) {
    const size_t num_outputs = NumOutputs(request);
    ABSL_ASSIGN_OR_RETURN(
        const float* hidden,
        ContextFor(request.tokens.size()).RunLayers(request, num_outputs, embedding));
    if (num_outputs == 0) return absl::OkStatus();
    if (request.kind == OutputKind::kHidden) {
      ContextFor(num_outputs).NormalizeFinal(hidden, num_outputs, request.output.data());
      return absl::OkStatus();
    }
    if (request.stop()) return absl::CancelledError("decoder: the forward pass was cancelled");
    return ContextFor(num_outputs)
        .WriteLogits(hidden, num_outputs, request.output.data(), request.instruments);
  }

  absl::Status Forward(const ForwardRequest& request) {
    ABSL_RETURN_IF_ERROR(CheckRequest(request));
    KvCache& cache = request.cache;
    ABSL_RETURN_IF_ERROR(cache.CheckMadeFor(reader.config()));
    const DefaultFloats floats;
    const ThreadPoolLock lock = pool->Lock();
    ABSL_RETURN_IF_ERROR(EnterProcess(lock));
    const int32_t num_rows = static_cast<int32_t>(request.tokens.size());
    ABSL_RETURN_IF_ERROR(cache.Stage(num_rows));
    EndStep(request.instruments.timer, DecoderStep::kOther);
    absl::Status status = Compute(request);
    if (status.ok()) {
      cache.Commit(num_rows);
    } else {
      cache.Discard();
    }
    return status;
  }

  const ModelReader& reader;
  std::vector<int32_t> cpus;  // options.cpus
  DecoderOptions options;
  EmbeddingTable embedding;
  std::unique_ptr<ThreadPool> pool;  // held for the length of a pass; see ThreadPool
  // Null where `pool` has the right number: a pool wakes all its threads for every region.
  std::unique_ptr<ThreadPool> decode_pool;
  uint64_t entered_process = 0;  // by the last pass; 0: none yet
  std::unique_ptr<PackedWeights> packed;
  std::unique_ptr<DequantizedMatmul> prefill_activations;
  std::unique_ptr<ExecutionContext> prefill;  // after what it uses, so that it goes first
  std::unique_ptr<ExecutionContext> decode;
};

Decoder::Decoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Decoder::~Decoder() = default;

absl::StatusOr<std::unique_ptr<Decoder>> Decoder::Create(const ModelReader& reader,
                                                         const DecoderOptions& options) {
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<PackedWeights> packed,
                        PackedWeights::Create(PackedWeightBytesBound(reader)));
  return Create(reader, options, std::move(packed));
}

absl::StatusOr<std::unique_ptr<Decoder>> Decoder::Create(const ModelReader& reader,
                                                         const DecoderOptions& options,
                                                         std::unique_ptr<PackedWeights> packed) {
  const DefaultFloats floats;
  ABSL_RETURN_IF_ERROR(CheckOptions(options));
  const TensorView* embedding = reader.Find("embedding.weight");
  if (embedding == nullptr)
    return absl::InternalError("decoder: the model file has no tensor embedding.weight");
  auto state = std::make_unique<State>(reader, options, *embedding);
  ABSL_ASSIGN_OR_RETURN(state->pool, ThreadPool::Create(options.num_threads, options.cpus));
  ThreadPool* decode_pool = state->pool.get();
  if (DecodeThreads(options) != options.num_threads) {
    ABSL_ASSIGN_OR_RETURN(state->decode_pool,
                          ThreadPool::Create(DecodeThreads(options), options.cpus));
    decode_pool = state->decode_pool.get();
  }
  state->packed = std::move(packed);
  ABSL_ASSIGN_OR_RETURN(
      state->prefill_activations,
      DequantizedMatmul::Create(options.prefill_activations, options.num_threads));
  ABSL_ASSIGN_OR_RETURN(ContextWeights weights,
                        BindWeights(reader, *state->packed, *state->prefill_activations));
  ABSL_ASSIGN_OR_RETURN(
      state->prefill, ExecutionContext::Create(reader.config(), std::move(weights.prefill),
                                               PrefillScratchSize(reader, options), *state->pool));
  ABSL_ASSIGN_OR_RETURN(state->decode,
                        ExecutionContext::Create(reader.config(), std::move(weights.decode),
                                                 DecodeScratchSize(reader, options), *decode_pool));
  return absl::WrapUnique(new Decoder(std::move(state)));
}

absl::StatusOr<DecoderMemory> Decoder::EstimateMemory(const ModelReader& reader,
                                                      const DecoderOptions& options) {
  ABSL_RETURN_IF_ERROR(CheckOptions(options));
  return DecoderMemory{.packed_weight_bytes = PackedWeightBytesBound(reader),
                       .scratch_bytes = ScratchBytes(reader, options)};
}

const DecoderOptions& Decoder::options() const { return state_->options; }

const ModelConfig& Decoder::config() const { return state_->reader.config(); }

DecoderMemory Decoder::memory() const {
  return {.packed_weight_bytes = state_->packed->packed_bytes(),
          .scratch_bytes = ScratchBytes(state_->reader, state_->options)};
}

const PackedWeights& Decoder::packed_weights() const { return *state_->packed; }

const DequantizedMatmul& Decoder::prefill_activations() const {
  return *state_->prefill_activations;
}

int64_t Decoder::num_shared_weights() const { return state_->packed->num_hits(); }

uint64_t Decoder::process() const { return state_->pool->process(); }

absl::Status Decoder::Forward(const ForwardRequest& request) {
  StepTimer* const timer = request.instruments.timer;
  if (timer != nullptr) timer->Start();
  absl::Status status = state_->Forward(request);
  EndStep(timer, DecoderStep::kOther);
  return status;
}

}  // namespace inkling
