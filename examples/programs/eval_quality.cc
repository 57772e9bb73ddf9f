// `perplexity` and `kl`: how well a model predicts a text, and how far it is from a reference
// model.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "examples/programs/eval_commands.h"
#include "examples/programs/text_windows.h"
#include "kernels/softmax.h"
#include "src/session/model_engine.h"

namespace inkling {
namespace {

// Running mean and its standard error.
class Mean {
 public:
  void Add(double value) {
    ++count_;
    sum_ += value;
    sum_of_squares_ += value * value;
  }
  int64_t count() const { return count_; }
  double value() const { return sum_ / static_cast<double>(count_); }
  double standard_error() const {
    if (count_ < 2) return 0;
    const double n = static_cast<double>(count_);
    return std::sqrt(std::max(0.0, sum_of_squares_ / n - value() * value()) / (n - 1));
  }

 private:
  int64_t count_ = 0;
  double sum_ = 0;
  double sum_of_squares_ = 0;
};

void ShowProgress(const char* what, size_t done, size_t total, double value) {
  std::fprintf(stderr, "[%zu/%zu] %s %.4f\n", done, total, what, value);
}

bool IsTimeToShow(size_t done, size_t total) {
  const size_t step = std::max<size_t>(1, total / 10);
  return done % step == 0 || done == total;
}

// What comparing the distributions of two models adds up.
struct Divergence {
  Mean divergence;
  Mean model_loss;
  Mean reference_loss;
  int64_t same_top = 0;

  // `model` and `reference` hold log-probabilities of one position, `next` is the token that
  // follows.
  void Add(absl::Span<const float> model, absl::Span<const float> reference, int32_t next) {
    double sum = 0;
    for (size_t i = 0; i < model.size(); ++i) {
      sum += std::exp(static_cast<double>(reference[i])) *
             (static_cast<double>(reference[i]) - model[i]);
    }
    divergence.Add(sum);
    model_loss.Add(-model[static_cast<size_t>(next)]);
    reference_loss.Add(-reference[static_cast<size_t>(next)]);
    if (kernels::ArgMax(model.data(), model.size()) ==
        kernels::ArgMax(reference.data(), reference.size()))
      ++same_top;
  }
};

}  // namespace

absl::Status RunPerplexity(const PerplexityOptions& options) {
  absl::StatusOr<std::unique_ptr<WindowRunner>> runner =
      WindowRunner::Create(options.model, options.context);
  if (!runner.ok()) return runner.status();
  const ModelEngine& engine = (*runner)->engine();
  absl::StatusOr<std::vector<std::vector<int32_t>>> windows =
      CutWindows(engine, options.text_file, options.context, options.max_windows);
  if (!windows.ok()) return windows.status();
  const size_t vocab = static_cast<size_t>(engine.config().vocab_size);
  Mean loss;
  for (size_t i = 0; i < windows->size(); ++i) {
    const std::vector<int32_t>& window = (*windows)[i];
    // The last position's logits have no token to be held against, so it isn't run.
    const absl::Span<const int32_t> inputs =
        absl::MakeConstSpan(window).subspan(0, window.size() - 1);
    absl::Status status = (*runner)->Run(
        inputs, options.context / 2,
        [&](int32_t position, absl::Span<const float> rows) -> absl::Status {
          for (size_t row = 0; row * vocab < rows.size(); ++row) {
            const float* logits = rows.data() + row * vocab;
            const float normalizer = kernels::LogSumExp(logits, vocab);
            absl::Status finite = CheckFinite(normalizer, position + static_cast<int32_t>(row));
            if (!finite.ok()) return finite;
            loss.Add(normalizer - logits[window[static_cast<size_t>(position) + row + 1]]);
          }
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    if (IsTimeToShow(i + 1, windows->size())) {
      ShowProgress("perplexity", i + 1, windows->size(), std::exp(loss.value()));
    }
  }
  const double perplexity = std::exp(loss.value());
  std::printf("perplexity %.4f +- %.4f (%lld tokens scored, %zu windows of %d)\n", perplexity,
              perplexity * loss.standard_error(), static_cast<long long>(loss.count()),
              windows->size(), options.context);
  return absl::OkStatus();
}

absl::Status RunDivergence(const DivergenceOptions& options) {
  EvalModelOptions reference_options = options.model;
  reference_options.model = options.reference;
  reference_options.kv_cache = "f32";  // so that what a smaller cache costs shows too
  absl::StatusOr<std::unique_ptr<WindowRunner>> model =
      WindowRunner::Create(options.model, options.context);
  if (!model.ok()) return model.status();
  absl::StatusOr<std::unique_ptr<WindowRunner>> reference =
      WindowRunner::Create(reference_options, options.context);
  if (!reference.ok()) return reference.status();
  const size_t vocab = static_cast<size_t>((*model)->engine().config().vocab_size);
  if (vocab != static_cast<size_t>((*reference)->engine().config().vocab_size)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the model has ", vocab, " tokens and the reference ",
        (*reference)->engine().config().vocab_size, "; expected models of one vocabulary"));
  }
  absl::StatusOr<std::vector<std::vector<int32_t>>> windows =
      CutWindows((*reference)->engine(), options.text_file, options.context, options.max_windows);
  if (!windows.ok()) return windows.status();
  Divergence sums;
  std::vector<float> model_rows;
  std::vector<float> reference_rows;
  for (size_t i = 0; i < windows->size(); ++i) {
    const absl::Span<const int32_t> window = (*windows)[i];
    const absl::Span<const int32_t> inputs = window.subspan(0, window.size() - 1);
    const size_t first = window.size() / 2;
    absl::Status status =
        (*model)->LogProbabilities(inputs, static_cast<int32_t>(first), model_rows);
    if (status.ok())
      status = (*reference)->LogProbabilities(inputs, static_cast<int32_t>(first), reference_rows);
    if (!status.ok()) return status;
    for (size_t row = 0; row < inputs.size() - first; ++row) {
      sums.Add(absl::MakeConstSpan(model_rows).subspan(row * vocab, vocab),
               absl::MakeConstSpan(reference_rows).subspan(row * vocab, vocab),
               window[first + row + 1]);
    }
    if (IsTimeToShow(i + 1, windows->size()))
      ShowProgress("kl", i + 1, windows->size(), sums.divergence.value());
  }
  std::printf(
      "mean KL %.6f +- %.6f, same top token %.2f%%, perplexity %.4f (reference %.4f), %lld "
      "positions\n",
      sums.divergence.value(), sums.divergence.standard_error(),
      100.0 * static_cast<double>(sums.same_top) / static_cast<double>(sums.divergence.count()),
      std::exp(sums.model_loss.value()), std::exp(sums.reference_loss.value()),
      static_cast<long long>(sums.divergence.count()));
  return absl::OkStatus();
}

}  // namespace inkling
