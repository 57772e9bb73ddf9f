// `importance`: one pass over the text for the second moments of every matrix's inputs; then, for
// each matrix, a pass over a few windows with noise in its outputs, for what an error there costs.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/quantize/importance_file.h"
#include "examples/programs/eval_commands.h"
#include "examples/programs/text_windows.h"
#include "src/decoder/matmul_observer.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

// Noise of about the size of int4's error: a tenth of the output.
constexpr double kNoise = 0.1;

using Windows = std::vector<std::vector<int32_t>>;

double SumOfSquares(absl::Span<const float> values) {
  double sum = 0;
  for (float value : values) sum += static_cast<double>(value) * value;
  return sum;
}

// Adds up second moments of inputs and squares of outputs; Take() makes means of them.
class MomentSums {
 public:
  explicit MomentSums(int64_t block) : block_(block) {}

  void Add(const ObservedMatmul& matmul) {
    const std::string name(matmul.weight);
    const size_t outputs = static_cast<size_t>(matmul.num_rows * matmul.num_outputs);
    data_.outputs[name].power += SumOfSquares({matmul.output, outputs});
    rows_[name] += matmul.num_rows;
    if (name == kEmbeddingLookup) return;  // it has no inputs
    for (int64_t row = 0; row < matmul.num_rows; ++row) {
      const float* input = matmul.input + row * matmul.num_inputs;
      const auto [least, most] = std::minmax_element(input, input + matmul.num_inputs);
      const double range = static_cast<double>(std::max(*most, 0.0f)) - std::min(*least, 0.0f);
      data_.outputs[name].squared_range += range * range;
    }
    if (InputOwner(name) != name) return;
    InputMoments& inputs = data_.inputs[name];
    if (inputs.values.empty()) {
      inputs.columns = matmul.num_inputs;
      inputs.block = std::min(block_, matmul.num_inputs);
      inputs.values.resize(static_cast<size_t>(inputs.columns * inputs.block));
    }
    for (int64_t row = 0; row < matmul.num_rows; ++row) {
      AddRow(matmul.input + row * matmul.num_inputs, inputs);
    }
  }

  ImportanceData Take() {
    for (auto& [name, inputs] : data_.inputs) {
      const float count = static_cast<float>(rows_[name]);
      for (float& value : inputs.values) value /= count;
    }
    for (auto& [name, outputs] : data_.outputs) {
      outputs.power /= static_cast<double>(rows_[name]);
      outputs.squared_range /= static_cast<double>(rows_[name]);
    }
    return std::move(data_);
  }

 private:
  static void AddRow(const float* row, InputMoments& inputs) {
    for (int64_t i = 0; i < inputs.columns; ++i) {
      const int64_t first = i / inputs.block * inputs.block;
      const int64_t size = std::min(inputs.block, inputs.columns - first);
      float* sums = &inputs.values[static_cast<size_t>(i * inputs.block)];
      const float* others = row + first;
      const float own = row[i];
      for (int64_t j = 0; j < size; ++j) sums[j] += own * others[j];
    }
  }

  int64_t block_;
  ImportanceData data_;
  std::map<std::string, int64_t> rows_;
};

// The mean divergence over the scored positions of `windows` that noise in one matrix's outputs
// brings about. Each row's noise is proportional to its input, as an error of the weights is; that
// of a row of the embedding to the row itself, of which rounding loses a share.
class SensitivityProbe {
 public:
  SensitivityProbe(WindowRunner& runner, absl::Span<const std::vector<int32_t>> windows)
      : runner_(runner), windows_(windows) {}

  absl::Status Prepare() {
    for (const std::vector<int32_t>& window : windows_) {
      absl::Status status =
          runner_.LogProbabilities(window, First(window), reference_.emplace_back());
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // `noise`: standard deviation of an output's noise for an input, or a looked-up row, of length 1.
  absl::StatusOr<double> Divergence(const std::string& weight, double noise) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    const auto add_noise = [&](const ObservedMatmul& matmul) {
      if (matmul.weight != weight) return;
      for (int64_t row = 0; row < matmul.num_rows; ++row) {
        float* output = matmul.output + row * matmul.num_outputs;
        const absl::Span<const float> source =
            matmul.input == nullptr
                ? absl::MakeConstSpan(output, static_cast<size_t>(matmul.num_outputs))
                : absl::MakeConstSpan(matmul.input + row * matmul.num_inputs,
                                      static_cast<size_t>(matmul.num_inputs));
        const float deviation = static_cast<float>(noise * std::sqrt(SumOfSquares(source)));
        for (int64_t i = 0; i < matmul.num_outputs; ++i) output[i] += deviation * normal(random);
      }
    };
    const MatmulObserver observer = add_noise;
    double sum = 0;
    size_t positions = 0;
    for (size_t i = 0; i < windows_.size(); ++i) {
      absl::Status status =
          runner_.LogProbabilities(windows_[i], First(windows_[i]), rows_, &observer);
      if (!status.ok()) return status;
      for (size_t j = 0; j < rows_.size(); ++j) {
        const double reference = reference_[i][j];
        sum += std::exp(reference) * (reference - rows_[j]);
      }
      positions += windows_[i].size() - static_cast<size_t>(First(windows_[i]));
    }
    return std::max(0.0, sum / static_cast<double>(positions));
  }

 private:
  static int32_t First(const std::vector<int32_t>& window) {
    return static_cast<int32_t>(window.size() / 2);
  }

  WindowRunner& runner_;
  absl::Span<const std::vector<int32_t>> windows_;
  std::vector<std::vector<float>> reference_;
  std::vector<float> rows_;
};

// The mean of |x|^2: the sum of H's diagonal.
double InputPower(const InputMoments& inputs) {
  double power = 0;
  for (int64_t i = 0; i < inputs.columns; ++i) {
    power += inputs.values[static_cast<size_t>(i * inputs.block + i % inputs.block)];
  }
  return power;
}

absl::Status MeasureSensitivities(SensitivityProbe& probe, const ModelEngine& engine,
                                  ImportanceData& data) {
  absl::Status prepared = probe.Prepare();
  if (!prepared.ok()) return prepared;
  size_t done = 0;
  for (auto& [name, outputs] : data.outputs) {
    const bool is_lookup = name == kEmbeddingLookup;
    const double input_power =
        is_lookup ? outputs.power : InputPower(data.inputs.at(InputOwner(name)));
    const double num_outputs = is_lookup
                                   ? static_cast<double>(engine.config().hidden_dim)
                                   : static_cast<double>(engine.reader().Find(name)->info.rows);
    ++done;
    if (!(input_power > 0) || !(outputs.power > 0)) continue;
    const double noise = kNoise * std::sqrt(outputs.power / num_outputs / input_power);
    absl::StatusOr<double> divergence = probe.Divergence(name, noise);
    if (!divergence.ok()) return divergence.status();
    outputs.sensitivity = *divergence / (kNoise * kNoise);
    std::fprintf(stderr, "[%zu/%zu] %s: sensitivity %.4f\n", done, data.outputs.size(),
                 name.c_str(), outputs.sensitivity);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunImportance(const ImportanceOptions& options) {
  absl::StatusOr<std::unique_ptr<WindowRunner>> runner =
      WindowRunner::Create(options.model, options.context);
  if (!runner.ok()) return runner.status();
  absl::StatusOr<Windows> windows =
      CutWindows((*runner)->engine(), options.text_file, options.context, options.max_windows);
  if (!windows.ok()) return windows.status();

  MomentSums sums(options.block);
  const auto add = [&](const ObservedMatmul& matmul) { sums.Add(matmul); };
  const MatmulObserver observer = add;
  for (size_t i = 0; i < windows->size(); ++i) {
    absl::Status status = (*runner)->Run(
        (*windows)[i], 0, [](int32_t, absl::Span<const float>) { return absl::OkStatus(); },
        &observer);
    if (!status.ok()) return status;
    std::fprintf(stderr, "[%zu/%zu] windows\n", i + 1, windows->size());
  }
  ImportanceData data = sums.Take();

  const size_t num_probed =
      std::min(windows->size(), static_cast<size_t>(options.sensitivity_windows));
  SensitivityProbe probe(**runner, absl::MakeSpan(*windows).first(num_probed));
  absl::Status status = MeasureSensitivities(probe, (*runner)->engine(), data);
  if (!status.ok()) return status;
  status = WriteImportance(options.output, data);
  if (!status.ok()) return status;
  std::printf("%s: %zu matrices, %zu windows of %d tokens\n", options.output.c_str(),
              data.outputs.size(), windows->size(), options.context);
  return absl::OkStatus();
}

}  // namespace inkling
