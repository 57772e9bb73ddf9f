// Products of f32 rows with packed quantised weights: those of double arithmetic for every type and
// layout, the same bits for any threads and batches, and the choice between them and int8.

#include "src/compute/float_products.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "gtest/gtest.h"
#include "kernels/block_product.h"
#include "kernels/compiled_targets.h"
#include "kernels/i8mm_product.h"
#include "src/compute/linear.h"
#include "src/compute/packed_layout.h"
#include "tests/compute/owned_weight.h"
#include "tests/compute/random_input.h"
#include "tests/testing/status_matchers.h"
// After compiled_targets.h.
#include "hwy/targets.h"

namespace inkling {
namespace {

constexpr int32_t kThreads = 3;

std::unique_ptr<FloatProducts> NewFloatProducts(RowProducts choice = RowProducts::kFloat) {
  auto products = FloatProducts::Create(choice, kThreads);
  EXPECT_OK(products);
  return *std::move(products);
}

std::vector<TensorType> QuantizedTypes() {
  std::vector<TensorType> types;
  for (const TensorType& type : AllTensorTypes()) {
    if (IsQuantized(type.element)) types.push_back(type);
  }
  return types;
}

class FloatProductsOfType : public testing::TestWithParam<TensorType> {};
INSTANTIATE_TEST_SUITE_P(EveryQuantizedType, FloatProductsOfType,
                         testing::ValuesIn(QuantizedTypes()),
                         [](const auto& info) { return NameOf(info.param); });

// Calls body() with the products of our own that this CPU has, and then without, where that makes a
// difference: XNNPACK's layouts are what all other CPUs pack.
template <typename Body>
void WithAndWithoutOwnProducts(const Body& body) {
  body();
  if (!kernels::HasBlockProduct() && !kernels::HasI8mmProduct()) return;
  const absl::Cleanup restore = [] { hwy::SetSupportedTargetsForTest(0); };
  hwy::SetSupportedTargetsForTest(HWY_STATIC_TARGET);
  if (kernels::HasBlockProduct() || kernels::HasI8mmProduct()) return;
  SCOPED_TRACE("without products of our own");
  body();
}

// Learn compares every weight of a packed matrix with what was packed.
TEST_P(FloatProductsOfType, EveryLayoutIsLearnedAndProven) {
  WithAndWithoutOwnProducts([] {
    for (const int64_t inputs : {32, 64, 96, 128, 224, 256, 384, 576, 1024, 2048, 5632}) {
      if (!TypeFits(GetParam(), inputs)) continue;
      EXPECT_OK(PackedLayout::Learn(GetParam(), inputs)) << inputs;
    }
  });
}

TEST(PackedLayoutTest, RefusesWhatPanelsAreNotMadeFor) {
  for (const int64_t inputs : {0, 1, 24, 33, 172}) {
    EXPECT_THAT(PackedLayout::Learn({ElementType::kInt8Channel}, inputs),
                MatchesStatus(absl::StatusCode::kUnimplemented,
                              {"multiples of 32", "int8", std::to_string(inputs)}));
  }
  EXPECT_THAT(PackedLayout::Learn({ElementType::kF32}, 64),
              MatchesStatus(absl::StatusCode::kUnimplemented, {"f32"}));
}

void ExpectProductsOfDoubles(TensorType type, int64_t rows, int64_t inputs, int64_t outputs,
                             Remainders remainders) {
  SCOPED_TRACE(testing::Message() << rows << " x " << inputs << " -> " << outputs);
  const bool has_bias = outputs % 2 == 0;
  const OwnedWeight weight = MakeWeight("w", outputs, inputs, type, 3);
  const OwnedWeight bias = MakeBias("b", outputs, 7);
  const auto packed = NewPackedWeights();
  const auto pool = NewPool(kThreads);
  const auto floats = NewFloatProducts();
  ASSERT_OK_AND_ASSIGN(Linear linear,
                       Linear::Create(weight.view, has_bias ? &bias.view : nullptr, *packed,
                                      {.remainders = remainders, .float_products = floats.get()}));
  EXPECT_TRUE(linear.needs_quantized_input(FloatProducts::kMinRows - 1));
  ASSERT_FALSE(linear.needs_quantized_input(rows)) << floats->Describe();
  EXPECT_EQ(linear.remainders(rows), Remainders::kNone);
  const Activations input = RandomInput(rows, inputs, 5);  // never quantised
  std::vector<float> output(static_cast<size_t>(rows * outputs), -1e30f);
  ASSERT_OK(linear.Run(input, rows, output.data(), *pool));
  ExpectProductOfDoubles(SeenByProduct(input, rows, /*quantized=*/false), weight,
                         has_bias ? &bias : nullptr, output, 1e-6);
}

TEST_P(FloatProductsOfType, AreThoseOfDoubles) {
  WithAndWithoutOwnProducts([] {
    for (const int64_t inputs : {32, 128, 384, 576}) {
      if (!TypeFits(GetParam(), inputs)) continue;
      for (const int64_t outputs : {1, 13, 64, 130, 331}) {
        ExpectProductsOfDoubles(GetParam(), 9, inputs, outputs, Remainders::kNone);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
    ExpectProductsOfDoubles(GetParam(), 131, 640, 200, Remainders::kInt8);
    ExpectProductsOfDoubles(GetParam(), 17, 4096, 70, Remainders::kInt8);
  });
}

TEST_P(FloatProductsOfType, ThreadsAndBatchesDontChangeABit) {
  constexpr int64_t kRows = 300, kInputs = 384, kOutputs = 331;  // three blocks of rows, two slices
  const OwnedWeight weight = MakeWeight("w", kOutputs, kInputs, GetParam(), 5);
  const OwnedWeight bias = MakeBias("b", kOutputs, 6);
  const auto packed = NewPackedWeights();
  const auto floats = NewFloatProducts();
  const LinearOptions options = {.float_products = floats.get()};
  ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, &bias.view, *packed, options));
  const Activations input = RandomInput(kRows, kInputs, 8);
  const auto one = NewPool(1);
  const auto three = NewPool(3);
  const std::vector<float> expected = RunLinear(linear, input, kRows, *one);
  EXPECT_EQ(RunLinear(linear, input, kRows, *three), expected);
  constexpr int64_t kSome = 11;
  ASSERT_OK_AND_ASSIGN(Activations some, Activations::Create(kSome, kInputs));
  for (const int64_t first : {0, 7, 121, 289}) {
    std::memcpy(some.rows(), input.rows() + first * kInputs, kSome * kInputs * sizeof(float));
    const std::vector<float> found = RunLinear(linear, some, kSome, *three);
    EXPECT_EQ(
        std::memcmp(found.data(), expected.data() + first * kOutputs, found.size() * sizeof(float)),
        0)
        << first;
  }
}

TEST_P(FloatProductsOfType, OneCopyOfWeightsServesBothWays) {
  constexpr int64_t kRows = 20, kInputs = 256, kOutputs = 700;
  const OwnedWeight weight = MakeWeight("w", kOutputs, kInputs, GetParam(), 2);
  const auto packed = NewPackedWeights();
  const auto pool = NewPool(2);
  const auto floats = NewFloatProducts();
  ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, nullptr, *packed,
                                                     {.slice_output = SliceOutput::kCompact,
                                                      .float_products = floats.get()}));
  const int64_t bytes = packed->packed_bytes();
  ASSERT_OK_AND_ASSIGN(Linear decode, Linear::Create(weight.view, nullptr, *packed));
  EXPECT_EQ(packed->packed_bytes(), bytes);
  EXPECT_EQ(packed->num_packed(), 1);
  EXPECT_EQ(packed->num_hits(), 1);
  EXPECT_TRUE(decode.needs_quantized_input(kRows));
  ASSERT_OK_AND_ASSIGN(Linear whole, Linear::Create(weight.view, nullptr, *packed,
                                                    {.float_products = floats.get()}));
  Activations input = RandomInput(kRows, kInputs, 3);
  const std::vector<float> expected = RunLinear(whole, input, kRows, *pool);
  for (size_t i = 0; i < linear.num_slices(); ++i) {
    const Linear::Slice slice = linear.slice(i);
    std::vector<float> output(static_cast<size_t>(kRows * slice.size));
    ASSERT_OK(linear.RunSlice(i, input, kRows, output.data(), kThreads - 1));
    for (int64_t row = 0; row < kRows; ++row) {
      ASSERT_EQ(std::memcmp(output.data() + row * slice.size,
                            expected.data() + row * kOutputs + slice.first,
                            static_cast<size_t>(slice.size) * sizeof(float)),
                0);
    }
  }
  // Few rows are int8 ones, bit for bit as decode has them.
  constexpr int64_t kFew = FloatProducts::kMinRows - 1;
  input.Quantize(kFew, *pool);
  EXPECT_EQ(RunLinear(whole, input, kFew, *pool), RunLinear(decode, input, kFew, *pool));
}

TEST(FloatProductsChoice, DescribesWhatItCameTo) {
  const TensorType int8 = {ElementType::kInt8Channel};
  const auto never = NewFloatProducts(RowProducts::kInt8);
  EXPECT_EQ(never->Decide(int8, 64, 1).min_rows, FloatProducts::kNever);
  EXPECT_EQ(never->Describe(), "int8");
  EXPECT_EQ(FloatProducts::Bytes(RowProducts::kInt8, 4), 0);

  const auto always = NewFloatProducts();
  const FloatProducts::Matrix first = always->Decide(int8, 64, 1);
  EXPECT_EQ(first.min_rows, FloatProducts::kMinRows);
  ASSERT_NE(first.layout, nullptr);
  EXPECT_EQ(always->Decide({ElementType::kF32}, 64, 1).min_rows, FloatProducts::kNever);
  EXPECT_EQ(always->Describe(), "float from 9 rows on");
  EXPECT_EQ(always->Decide(int8, 64, 2).layout, first.layout);  // learned once
  EXPECT_EQ(always->Decide(int8, 172, 1).min_rows, FloatProducts::kNever);
  EXPECT_EQ(always->Describe(),
            "float from 9 rows on with 2 of 3 matrices, int8 with the others; layout of packed "
            "weights: expected a quantised type and inputs in multiples of 32, found int8 and 172");
  EXPECT_GT(FloatProducts::Bytes(RowProducts::kFloat, 4),
            3 * FloatProducts::Bytes(RowProducts::kFloat, 1));
}

TEST(FloatProductsChoice, AutoTakesFloatsWhereBytesTakeMore) {
  for (const char* kernel_class : {"avx512amx", "avx512vnni", "sse41", "sse2", "neoni8mm",
                                   "neondot", "wasmsimd", "wasmrelaxedsimd", "scalar", "none"}) {
    for (const TensorType& type : QuantizedTypes()) {
      for (const int64_t int8_rows : {1, 2}) {
        EXPECT_EQ(FloatProducts::AutoRows(kernel_class, type, int8_rows), FloatProducts::kNever)
            << kernel_class;
      }
    }
  }
  for (const TensorType& type : QuantizedTypes()) {
    const bool is_int8 = type.element == ElementType::kInt8Channel;
    const bool is_block32 = type == TensorType{ElementType::kInt4Block, 32};
    EXPECT_EQ(FloatProducts::AutoRows("neon", type, 1), is_int8 ? FloatProducts::kNever : 24);
    EXPECT_EQ(FloatProducts::AutoRows("neon", type, 2), 24);
    for (const char* kernel_class : {"avx2", "avx512", "avxvnni"}) {
      EXPECT_EQ(FloatProducts::AutoRows(kernel_class, type, 1),
                is_block32 ? 48 : FloatProducts::kNever);
    }
    for (const char* kernel_class : {"avx2", "avx512"}) {
      const int64_t expected = is_int8 ? 24 : is_block32 ? 48 : FloatProducts::kNever;
      EXPECT_EQ(FloatProducts::AutoRows(kernel_class, type, 2), expected);
    }
  }
  // What kAuto does with this CPU is what it says of its class.
  const auto products = NewFloatProducts(RowProducts::kAuto);
  for (const TensorType& type : QuantizedTypes()) {
    EXPECT_EQ(products->Decide(type, 128, 1).min_rows,
              FloatProducts::AutoRows(LinearKernelClass(), type, 1));
  }
}

}  // namespace
}  // namespace inkling
