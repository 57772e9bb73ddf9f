// Texts that are given instead of generated, run through the model and looked at.

#include "src/session/scoring.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_insight.h"
#include "kernels/softmax.h"
#include "src/decoder/decoder.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/kv_cache.h"
#include "src/session/token_context.h"

namespace inkling {
namespace {

absl::Status NotFinite() {
  return absl::InternalError(
      "the model computed values that are not numbers; its weights may be damaged, or its "
      "activations overflow");
}

}  // namespace

// Passes of few rows, as draft tokens are verified: rows have the bits that they have alone, and
// logits of a whole chunk would take the vocabulary's size for each of its tokens.
absl::StatusOr<ScoreResult> ScoreContinuation(absl::Span<const int32_t> continuation,
                                              TokenContext& context, StopFunction stop) {
  const auto vocab_size = static_cast<size_t>(context.vocab_size());
  const size_t most_rows = static_cast<size_t>(context.max_ahead()) + 1;
  ScoreResult result;
  result.tokens.assign(continuation.begin(), continuation.end());
  std::vector<float> logits(std::min(most_rows, continuation.size()) * vocab_size);
  while (!continuation.empty()) {
    const size_t rows = std::min(most_rows, continuation.size());
    const absl::Span<float> row_logits = absl::MakeSpan(logits).first(rows * vocab_size);
    context.ForgetLastResult();
    // Draft tokens lie ahead of the list, which takes them unchecked.
    ABSL_RETURN_IF_ERROR(context.CheckAhead(continuation.first(rows)));
    ABSL_RETURN_IF_ERROR(
        context.ComputeLogitsAhead(continuation.first(rows - 1), row_logits, stop));
    for (size_t i = 0; i < rows; ++i) {
      const float* row = row_logits.data() + i * vocab_size;
      const float normalizer = kernels::LogSumExp(row, vocab_size);
      if (!std::isfinite(normalizer)) return NotFinite();
      result.log_probabilities.push_back(row[continuation[i]] - normalizer);
      result.log_probability += result.log_probabilities.back();
    }
    for (const int32_t token : continuation.first(rows - 1)) context.AcceptAhead(token);
    ABSL_RETURN_IF_ERROR(context.Append(continuation.subspan(rows - 1, 1)));
    continuation.remove_prefix(rows);
  }
  return result;
}

absl::StatusOr<std::vector<float>> EmbedTokens(absl::Span<const int32_t> tokens,
                                               const EmbedOptions& options, Decoder& decoder,
                                               KvCache& cache,
                                               absl::Span<const ActiveAdapter> adapters,
                                               StopFunction stop) {
  const auto dimension = static_cast<size_t>(decoder.config().hidden_dim);
  const auto chunk_rows = static_cast<size_t>(std::min(decoder.max_rows(), cache.max_chunk()));
  const bool mean = options.pooling == Pooling::kMean;
  std::vector<float> hidden(dimension * (mean ? std::min(chunk_rows, tokens.size()) : 1));
  std::vector<double> sum(dimension);
  for (size_t begin = 0; begin < tokens.size(); begin += chunk_rows) {
    const absl::Span<const int32_t> chunk = tokens.subspan(begin, chunk_rows);
    const bool is_last = begin + chunk.size() == tokens.size();
    const OutputRows rows = mean      ? OutputRows::kAll
                            : is_last ? OutputRows::kLast
                                      : OutputRows::kNone;
    const size_t num_rows = mean ? chunk.size() : is_last ? 1 : 0;
    ABSL_RETURN_IF_ERROR(
        decoder.Forward({.tokens = chunk,
                         .cache = cache,
                         .rows = rows,
                         .kind = OutputKind::kHidden,
                         .output = absl::MakeSpan(hidden).first(num_rows * dimension),
                         .adapters = adapters,
                         .stop = stop}));
    for (size_t i = 0; i < num_rows * dimension; ++i) sum[i % dimension] += hidden[i];
  }
  const double rows_in_sum = mean ? static_cast<double>(tokens.size()) : 1;
  double squares = 0;
  for (double& value : sum) {
    value /= rows_in_sum;
    squares += value * value;
  }
  if (!std::isfinite(squares)) return NotFinite();
  const double scale = options.normalize && squares > 0 ? 1 / std::sqrt(squares) : 1;
  std::vector<float> embedding(dimension);
  for (size_t i = 0; i < dimension; ++i) embedding[i] = static_cast<float>(sum[i] * scale);
  return embedding;
}

}  // namespace inkling
