// Prefill with matmuls of floats: as near to the reference as f32 weights are, the same bits for
// any number of threads, one copy of the weights, and a decode context that knows nothing of it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "src/compute/dequantized_matmul.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/decoder/layer_weights.h"
#include "src/format/element_type.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/random_model.h"
#include "tests/testing/reference_decoder.h"

namespace inkling {
namespace {

constexpr int32_t kCapacity = 64;
constexpr size_t kChunk = 16;

CpuDecoderOptions Options(MatmulInput matmuls, int32_t threads = 1) {
  return {.num_threads = threads,
          .prefill_rows = kChunk,
          .decode_rows = 4,
          .prefill_activations = matmuls};
}

class DecoderFloatPrefillTest : public testing::TestWithParam<TensorType> {
 protected:
  // All matrices have inputs in multiples of 32.
  static ModelConfig Wide(ModelConfig config) {
    config.hidden_dim = 64;
    config.feed_forward_dim = 96;
    return config;
  }
  static TestModel MakeModel(const ModelConfig& config) {
    return TestModel(config, GetParam(), {ElementType::kInt8Channel});
  }
  static std::vector<float> Run(const TestModel& model, Decoder& decoder,
                                absl::Span<const int32_t> tokens, size_t chunk) {
    return RunAll(decoder, *model.MakeCache(kCapacity, kChunk), tokens, chunk);
  }
};

INSTANTIATE_TEST_SUITE_P(Weights, DecoderFloatPrefillTest,
                         testing::Values(TensorType{ElementType::kInt8Channel, 0},
                                         TensorType{ElementType::kInt4Channel, 0},
                                         TensorType{ElementType::kInt4Block, 32}),
                         [](const testing::TestParamInfo<TensorType>& info) {
                           return "type" + std::to_string(static_cast<int>(info.param.element));
                         });

TEST_P(DecoderFloatPrefillTest, AgreesWithTheReferenceAsFloatWeightsDo) {
  for (const NamedConfig& named : FamilyConfigs()) {
    SCOPED_TRACE(named.name);
    ModelConfig config = Wide(named.config);
    if (config.num_heads * config.head_dim % 32 != 0) continue;
    const TestModel model = MakeModel(config);
    ASSERT_TRUE(model.ok());
    const std::vector<int32_t> tokens = RandomTokens(3 * kChunk, config.vocab_size);
    const std::vector<float> expected =
        ReferenceDecoder(model.reader(), kCapacity).Run(tokens).logits;
    const std::unique_ptr<CpuDecoder> decoder = model.MakeDecoder(Options(MatmulInput::kFloat));
    EXPECT_EQ(decoder->Describe().prefill_activations, "float from 9 rows on");
    // 3e-3 with int8 rows (decoder_reference_test.cc).
    EXPECT_LE(NormalizedSquaredError(Run(model, *decoder, tokens, kChunk), expected), 1e-9);
  }
}

TEST_P(DecoderFloatPrefillTest, ThreadsChangeNoBit) {
  const TestModel model = MakeModel(Wide(TinyConfig()));
  ASSERT_TRUE(model.ok());
  const std::vector<int32_t> tokens = RandomTokens(40, model.config().vocab_size);
  std::vector<float> expected;
  for (const int32_t threads : {1, 2, 3}) {
    const std::unique_ptr<CpuDecoder> decoder =
        model.MakeDecoder(Options(MatmulInput::kFloat, threads));
    const std::vector<float> logits = Run(model, *decoder, tokens, kChunk);
    if (expected.empty()) expected = logits;
    EXPECT_EQ(logits, expected) << threads;
  }
}

TEST_P(DecoderFloatPrefillTest, FewRowsAreThoseOfInt8AndWeightsThereOnce) {
  const TestModel model = MakeModel(Wide(TinyConfig()));
  ASSERT_TRUE(model.ok());
  const std::vector<int32_t> tokens = RandomTokens(40, model.config().vocab_size);
  const std::unique_ptr<CpuDecoder> int8 = model.MakeDecoder(Options(MatmulInput::kInt8));
  const std::unique_ptr<CpuDecoder> floats = model.MakeDecoder(Options(MatmulInput::kFloat));
  for (const size_t chunk : {1, 3, 8}) {  // the last in the prefill context
    EXPECT_EQ(Run(model, *floats, tokens, chunk), Run(model, *int8, tokens, chunk)) << chunk;
  }
  EXPECT_NE(Run(model, *floats, tokens, kChunk), Run(model, *int8, tokens, kChunk));
  EXPECT_EQ(floats->packed_weights().packed_bytes(), int8->packed_weights().packed_bytes());
  EXPECT_EQ(floats->packed_weights().num_hits(), NumWeightMatrices(model.reader()));
  EXPECT_EQ(floats->memory().scratch_bytes - int8->memory().scratch_bytes,
            DequantizedMatmul::Bytes(MatmulInput::kFloat, 1));
  EXPECT_EQ(int8->Describe().prefill_activations, "int8");
}

// What doesn't fit panels stays int8 beside what does.
TEST_P(DecoderFloatPrefillTest, OddMatricesKeepInt8Rows) {
  ModelConfig config = Wide(TinyConfig());
  config.feed_forward_dim = 72;
  const TestModel model = MakeModel(config);
  ASSERT_TRUE(model.ok());
  const std::vector<int32_t> tokens = RandomTokens(48, config.vocab_size);
  const std::vector<float> expected =
      ReferenceDecoder(model.reader(), kCapacity).Run(tokens).logits;
  const std::unique_ptr<CpuDecoder> decoder = model.MakeDecoder(Options(MatmulInput::kFloat));
  const std::string description = decoder->Describe().prefill_activations;
  EXPECT_NE(description.find("13 of 15 matrices, int8 with the others"), std::string::npos)
      << description;
  EXPECT_NE(description.find("72"), std::string::npos) << description;
  EXPECT_LE(NormalizedSquaredError(Run(model, *decoder, tokens, kChunk), expected), 3e-3);
}

}  // namespace
}  // namespace inkling
