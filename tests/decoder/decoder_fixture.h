// TestModel: a tiny random model on disk, opened, with short ways to run decoders over it. For the
// decoder's tests.

#ifndef INKLING_TESTS_DECODER_DECODER_FIXTURE_H_
#define INKLING_TESTS_DECODER_DECODER_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/cpu_kv_cache.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"
#include "tests/testing/temp_dir.h"

namespace inkling {

inline constexpr TensorType kF32Type = {ElementType::kF32, 0};

class TestModel {
 public:
  // Fails the test where the file can't be written or read; `reader` is then null.
  explicit TestModel(const ModelConfig& config, TensorType linear_type = kF32Type,
                     TensorType embedding_type = kF32Type);

  const ModelReader& reader() const { return *reader_; }
  const ModelConfig& config() const { return reader_->config(); }
  bool ok() const { return reader_ != nullptr; }

  // Both fail the test and return null on an error.
  std::unique_ptr<CpuDecoder> MakeDecoder(const CpuDecoderOptions& options) const;
  std::unique_ptr<KvCache> MakeCache(int32_t capacity, int32_t max_chunk,
                                     KvElement element = KvElement::kF32) const;

 private:
  TempDir folder_;
  std::unique_ptr<ModelReader> reader_;
};

// `count` token ids in [0, vocab_size), the same for the same seed.
std::vector<int32_t> RandomTokens(size_t count, int32_t vocab_size, uint32_t seed = 1);

// Runs `tokens` in chunks of `chunk` and returns the logits of all of them, [tokens, vocab_size].
// Empty, and the test fails, on an error.
std::vector<float> RunAll(Decoder& decoder, KvCache& cache, absl::Span<const int32_t> tokens,
                          size_t chunk);

// Largest |a - b|; infinity where the sizes differ or a value isn't finite.
double MaxDifference(absl::Span<const float> a, absl::Span<const float> b);
// Largest |a|.
double MaxMagnitude(absl::Span<const float> a);
// sum (a - b)^2 / sum b^2.
double NormalizedSquaredError(absl::Span<const float> a, absl::Span<const float> b);

}  // namespace inkling

#endif  // INKLING_TESTS_DECODER_DECODER_FIXTURE_H_
