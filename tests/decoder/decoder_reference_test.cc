// The decoder against the naive reference decoder, for every axis of the config and every kind of
// weight.
//
// f32 weights and cache must agree to rounding; f16 caches and quantised matmuls to what their
// rounding costs. The reference sees dequantised weights, so the quantised runs measure the
// rounding of activations alone.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/format/element_type.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/random_model.h"
#include "tests/testing/reference_decoder.h"

namespace inkling {
namespace {

constexpr int32_t kCapacity = 64;
// One thread: that more give the same bits is a property tested on its own.
constexpr CpuDecoderOptions kOptions = {.num_threads = 1, .prefill_rows = 16, .decode_rows = 4};

std::vector<NamedConfig> SweptConfigs() {
  std::vector<NamedConfig> configs = SingleAxisConfigs();
  for (const std::vector<NamedConfig>& more : {FamilyConfigs(), RandomConfigs(24)}) {
    configs.insert(configs.end(), more.begin(), more.end());
  }
  return configs;
}

class DecoderSweepTest : public testing::TestWithParam<NamedConfig> {};

TEST_P(DecoderSweepTest, AgreesWithTheReference) {
  const TestModel model(GetParam().config);
  ASSERT_TRUE(model.ok());
  const std::vector<int32_t> tokens = RandomTokens(45, model.config().vocab_size);
  const ReferenceDecoder::Result expected = ReferenceDecoder(model.reader(), kCapacity).Run(tokens);
  ASSERT_GT(MaxMagnitude(expected.logits), 1e-2);

  const std::unique_ptr<CpuDecoder> decoder = model.MakeDecoder(kOptions);
  // 16 rows run in the prefill context, 3 in the decode context.
  for (const size_t chunk : {16, 3}) {
    const std::unique_ptr<KvCache> cache = model.MakeCache(kCapacity, 16);
    const std::vector<float> logits = RunAll(*decoder, *cache, tokens, chunk);
    EXPECT_LE(MaxDifference(logits, expected.logits), 2e-5 * (1.0 + MaxMagnitude(expected.logits)))
        << "chunk " << chunk;
  }
  const std::unique_ptr<KvCache> half_cache = model.MakeCache(kCapacity, 16, KvElement::kF16);
  EXPECT_LE(NormalizedSquaredError(RunAll(*decoder, *half_cache, tokens, 16), expected.logits),
            1e-5);
  const std::unique_ptr<KvCache> int8_cache = model.MakeCache(kCapacity, 16, KvElement::kInt8);
  EXPECT_LE(NormalizedSquaredError(RunAll(*decoder, *int8_cache, tokens, 16), expected.logits),
            1e-3);

  const std::unique_ptr<KvCache> cache = model.MakeCache(kCapacity, 16);
  std::vector<float> hidden(7 * static_cast<size_t>(model.config().hidden_dim));
  ASSERT_TRUE(decoder
                  ->Forward({.tokens = absl::MakeSpan(tokens).first(7),
                             .cache = *cache,
                             .rows = OutputRows::kAll,
                             .kind = OutputKind::kHidden,
                             .output = absl::MakeSpan(hidden)})
                  .ok());
  const absl::Span<const float> expected_hidden =
      absl::MakeSpan(expected.hidden).first(hidden.size());
  EXPECT_LE(MaxDifference(hidden, expected_hidden), 2e-5 * (1.0 + MaxMagnitude(expected_hidden)));
}

INSTANTIATE_TEST_SUITE_P(Configs, DecoderSweepTest, testing::ValuesIn(SweptConfigs()),
                         [](const testing::TestParamInfo<NamedConfig>& info) {
                           return info.param.name;
                         });

// Every axis must move the logits far beyond the tolerance above, or agreeing with the reference
// would prove nothing.
TEST(DecoderSweepCoverageTest, EveryAxisMattersToTheReference) {
  const std::vector<int32_t> tokens = RandomTokens(24, TinyConfig().vocab_size);
  const auto logits = [&](const ModelConfig& config) {
    const TestModel model(config);
    return model.ok() ? ReferenceDecoder(model.reader(), kCapacity).Run(tokens).logits
                      : std::vector<float>();
  };
  const std::vector<float> plain = logits(TinyConfig());
  for (const NamedConfig& named : SingleAxisConfigs()) {
    // The plain config itself, and those that must not differ from it.
    if (named.name == "plain" || named.name == "gated_silu" || named.name == "long_rope_unused" ||
        named.name == "window_wider_than_context") {
      EXPECT_LE(MaxDifference(logits(named.config), plain), 1e-9) << named.name;
    } else {
      EXPECT_GE(MaxDifference(logits(named.config), plain), 1e-3 * MaxMagnitude(plain))
          << named.name;
    }
  }
}

struct WeightCase {
  const char* name;
  TensorType linear;
  TensorType embedding;
  double error;  // largest normalised squared error of the logits
};

// Channel-wise and block-wise int4, int8, and the float types, on the families' configs.
const WeightCase kWeightCases[] = {
    {"f16", {ElementType::kF16, 0}, {ElementType::kF16, 0}, 1e-9},
    {"bf16", {ElementType::kBf16, 0}, {ElementType::kBf16, 0}, 1e-9},
    {"int8", {ElementType::kInt8Channel, 0}, {ElementType::kInt8Channel, 0}, 3e-3},
    {"int4", {ElementType::kInt4Channel, 0}, {ElementType::kInt8Channel, 0}, 3e-3},
    {"int4_block_32", {ElementType::kInt4Block, 32}, {ElementType::kInt4Block, 32}, 3e-3},
};

class DecoderWeightTest : public testing::TestWithParam<WeightCase> {};

TEST_P(DecoderWeightTest, AgreesWithTheReferenceOnDequantisedWeights) {
  for (const NamedConfig& named : FamilyConfigs()) {
    SCOPED_TRACE(named.name);
    ModelConfig config = named.config;
    config.hidden_dim = 64;
    config.feed_forward_dim = 96;
    const TestModel model(config, GetParam().linear, GetParam().embedding);
    ASSERT_TRUE(model.ok());
    const std::vector<int32_t> tokens = RandomTokens(40, config.vocab_size);
    const ReferenceDecoder::Result expected =
        ReferenceDecoder(model.reader(), kCapacity).Run(tokens);
    const std::unique_ptr<CpuDecoder> decoder = model.MakeDecoder(kOptions);
    for (const size_t chunk : {16, 3}) {
      const std::unique_ptr<KvCache> cache = model.MakeCache(kCapacity, 16);
      const std::vector<float> logits = RunAll(*decoder, *cache, tokens, chunk);
      EXPECT_LE(NormalizedSquaredError(logits, expected.logits), GetParam().error)
          << "chunk " << chunk;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Weights, DecoderWeightTest, testing::ValuesIn(kWeightCases),
                         [](const testing::TestParamInfo<WeightCase>& info) {
                           return std::string(info.param.name);
                         });

// A context long enough that few rows split it among threads, with one kv head (16 parts) and with
// two.
TEST(DecoderLongContextTest, SplitAttentionAgreesWithTheReference) {
  for (const int32_t kv_heads : {1, 2}) {
    for (const int32_t window : {0, 700}) {
      ModelConfig config = TinyConfig();
      config.num_kv_heads = kv_heads;
      config.layers[0].window = window;
      const TestModel model(config);
      ASSERT_TRUE(model.ok());
      const std::vector<int32_t> tokens = RandomTokens(900, config.vocab_size);
      const ReferenceDecoder::Result expected = ReferenceDecoder(model.reader(), 1024).Run(tokens);
      const std::unique_ptr<CpuDecoder> decoder =
          model.MakeDecoder({.num_threads = 2, .prefill_rows = 64, .decode_rows = 4});
      const std::unique_ptr<KvCache> cache = model.MakeCache(1024, 64);
      std::vector<float> logits = RunAll(*decoder, *cache, absl::MakeSpan(tokens).first(890), 64);
      for (const size_t chunk : {1, 4, 5}) {  // 5 rows run in the prefill context and split as well
        ASSERT_TRUE(cache->Rewind(890).ok());
        const std::vector<float> tail =
            RunAll(*decoder, *cache, absl::MakeSpan(tokens).subspan(890), chunk);
        const absl::Span<const float> expected_tail =
            absl::MakeSpan(expected.logits).last(tail.size());
        EXPECT_LE(MaxDifference(tail, expected_tail), 2e-5 * (1.0 + MaxMagnitude(expected_tail)))
            << kv_heads << " kv heads, window " << window << ", chunk " << chunk;
      }
      EXPECT_LE(MaxDifference(logits, absl::MakeSpan(expected.logits).first(logits.size())),
                2e-5 * (1.0 + MaxMagnitude(expected.logits)));
    }
  }
}

}  // namespace
}  // namespace inkling
