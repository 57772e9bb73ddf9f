// TestModel and the comparisons of logits.

#include "tests/decoder/decoder_fixture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

constexpr uint64_t kWeightSeed = 7;

template <typename T>
std::unique_ptr<T> ValueOrFail(absl::StatusOr<std::unique_ptr<T>> result) {
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : nullptr;
}

}  // namespace

TestModel::TestModel(const ModelConfig& config, TensorType linear_type, TensorType embedding_type) {
  const absl::StatusOr<std::string> path = WriteRandomModel(
      folder_.File("model.tflite"), config, linear_type, embedding_type, kWeightSeed);
  EXPECT_TRUE(path.ok()) << path.status();
  if (path.ok()) reader_ = ValueOrFail(ModelReader::Open(*path));
}

std::unique_ptr<CpuDecoder> TestModel::MakeDecoder(const CpuDecoderOptions& options) const {
  return ValueOrFail(CpuDecoder::Create(*reader_, options));
}

std::unique_ptr<KvCache> TestModel::MakeCache(int32_t capacity, int32_t max_chunk,
                                              KvElement element) const {
  return ValueOrFail(CpuKvCache::Create(
      config(), {.capacity = capacity, .max_chunk = max_chunk, .element = element}));
}

std::vector<int32_t> RandomTokens(size_t count, int32_t vocab_size, uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens)
    token = static_cast<int32_t>(generator() % static_cast<uint32_t>(vocab_size));
  return tokens;
}

std::vector<float> RunAll(Decoder& decoder, KvCache& cache, absl::Span<const int32_t> tokens,
                          size_t chunk) {
  std::vector<float> all;
  const size_t vocab = static_cast<size_t>(decoder.config().vocab_size);
  for (size_t first = 0; first < tokens.size(); first += chunk) {
    const absl::Span<const int32_t> part = tokens.subspan(first, chunk);
    std::vector<float> logits(part.size() * vocab);
    const absl::Status status = decoder.Forward({.tokens = part,
                                                 .cache = cache,
                                                 .rows = OutputRows::kAll,
                                                 .output = absl::MakeSpan(logits)});
    EXPECT_TRUE(status.ok()) << "chunk at " << first << ": " << status;
    if (!status.ok()) return {};
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

double MaxDifference(absl::Span<const float> a, absl::Span<const float> b) {
  if (a.size() != b.size() || a.empty()) return std::numeric_limits<double>::infinity();
  double largest = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(a[i]) - b[i]);
    if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}

double MaxMagnitude(absl::Span<const float> a) {
  double largest = 0.0;
  for (const float value : a) largest = std::max(largest, std::fabs(static_cast<double>(value)));
  return largest;
}

double NormalizedSquaredError(absl::Span<const float> a, absl::Span<const float> b) {
  if (a.size() != b.size() || a.empty()) return std::numeric_limits<double>::infinity();
  double error = 0.0;
  double power = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    power += static_cast<double>(b[i]) * b[i];
  }
  return std::isfinite(error) ? error / power : std::numeric_limits<double>::infinity();
}

}  // namespace inkling
