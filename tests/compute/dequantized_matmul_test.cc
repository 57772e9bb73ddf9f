// f32 rows times packed quantised weights: the results of double arithmetic for every type and
// layout, the same bits for any threads and batches, and the choice between them and int8.

#include "src/compute/dequantized_matmul.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "gtest/gtest.h"
#include "kernels/block_matmul.h"
#include "kernels/compiled_targets.h"
#include "kernels/i8mm_matmul.h"
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

std::unique_ptr<DequantizedMatmul> NewDequantizedMatmul(MatmulInput choice = MatmulInput::kFloat) {
  auto matmuls = DequantizedMatmul::Create(choice, kThreads);
  EXPECT_OK(matmuls);
  return *std::move(matmuls);
}

std::vector<TensorType> QuantizedTypes() {
  std::vector<TensorType> types;
  for (const TensorType& type : AllTensorTypes()) {
    if (IsQuantized(type.element)) types.push_back(type);
  }
  return types;
}

class DequantizedMatmulOfType : public testing::TestWithParam<TensorType> {};
INSTANTIATE_TEST_SUITE_P(EveryQuantizedType, DequantizedMatmulOfType,
                         testing::ValuesIn(QuantizedTypes()),
                         [](const auto& info) { return NameOf(info.param); });

// Calls body() with the matmuls of our own that this CPU has, and then without, where that makes a
// difference: XNNPACK's layouts are what all other CPUs pack.
template <typename Body>
void WithAndWithoutOwnMatmuls(const Body& body) {
  body();
  if (!kernels::HasBlockMatmul() && !kernels::HasI8mmMatmul()) return;
  const absl::Cleanup restore = [] { hwy::SetSupportedTargetsForTest(0); };
  hwy::SetSupportedTargetsForTest(HWY_STATIC_TARGET);
  if (kernels::HasBlockMatmul() || kernels::HasI8mmMatmul()) return;
  SCOPED_TRACE("without matmuls of our own");
  body();
}

// Learn compares every weight of a packed matrix with what was packed.
TEST_P(DequantizedMatmulOfType, EveryLayoutIsLearnedAndProven) {
  WithAndWithoutOwnMatmuls([] {
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

void ExpectMatmulsOfDoubles(TensorType type, int64_t rows, int64_t inputs, int64_t outputs,
                            ResidualQuantization residual) {
  SCOPED_TRACE(testing::Message() << rows << " x " << inputs << " -> " << outputs);
  const bool has_bias = outputs % 2 == 0;
  const OwnedWeight weight = MakeWeight("w", outputs, inputs, type, 3);
  const OwnedWeight bias = MakeBias("b", outputs, 7);
  const auto packed = NewPackedWeights();
  const auto pool = NewPool(kThreads);
  const auto floats = NewDequantizedMatmul();
  ASSERT_OK_AND_ASSIGN(Linear linear,
                       Linear::Create(weight.view, has_bias ? &bias.view : nullptr, *packed,
                                      {.residual = residual, .dequantized_matmul = floats.get()}));
  EXPECT_TRUE(linear.needs_quantized_input(DequantizedMatmul::kMinRows - 1));
  ASSERT_FALSE(linear.needs_quantized_input(rows)) << floats->Describe();
  EXPECT_EQ(linear.residual(rows), ResidualQuantization::kNone);
  const Activations input = RandomInput(rows, inputs, 5);  // never quantised
  std::vector<float> output(static_cast<size_t>(rows * outputs), -1e30f);
  ASSERT_OK(linear.Run(input, rows, output.data(), *pool));
  ExpectMatmulOfDoubles(SeenByMatmul(input, rows, /*quantized=*/false), weight,
                        has_bias ? &bias : nullptr, output, 1e-6);
}

TEST_P(DequantizedMatmulOfType, AreThoseOfDoubles) {
  WithAndWithoutOwnMatmuls([] {
    for (const int64_t inputs : {32, 128, 384, 576}) {
      if (!TypeFits(GetParam(), inputs)) continue;
      for (const int64_t outputs : {1, 13, 64, 130, 331}) {
        ExpectMatmulsOfDoubles(GetParam(), 9, inputs, outputs, ResidualQuantization::kNone);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
    ExpectMatmulsOfDoubles(GetParam(), 131, 640, 200, ResidualQuantization::kInt8);
    ExpectMatmulsOfDoubles(GetParam(), 17, 4096, 70, ResidualQuantization::kInt8);
  });
}

TEST_P(DequantizedMatmulOfType, ThreadsAndBatchesDontChangeABit) {
  constexpr int64_t kRows = 300, kInputs = 384, kOutputs = 331;  // three blocks of rows, two slices
  const OwnedWeight weight = MakeWeight("w", kOutputs, kInputs, GetParam(), 5);
  const OwnedWeight bias = MakeBias("b", kOutputs, 6);
  const auto packed = NewPackedWeights();
  const auto floats = NewDequantizedMatmul();
  const LinearOptions options = {.dequantized_matmul = floats.get()};
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

TEST_P(DequantizedMatmulOfType, OneCopyOfWeightsServesBothWays) {
  constexpr int64_t kRows = 20, kInputs = 256, kOutputs = 700;
  const OwnedWeight weight = MakeWeight("w", kOutputs, kInputs, GetParam(), 2);
  const auto packed = NewPackedWeights();
  const auto pool = NewPool(2);
  const auto floats = NewDequantizedMatmul();
  ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, nullptr, *packed,
                                                     {.slice_output = SliceOutput::kCompact,
                                                      .dequantized_matmul = floats.get()}));
  const int64_t bytes = packed->packed_bytes();
  ASSERT_OK_AND_ASSIGN(Linear decode, Linear::Create(weight.view, nullptr, *packed));
  EXPECT_EQ(packed->packed_bytes(), bytes);
  EXPECT_EQ(packed->num_packed(), 1);
  EXPECT_EQ(packed->num_hits(), 1);
  EXPECT_TRUE(decode.needs_quantized_input(kRows));
  ASSERT_OK_AND_ASSIGN(Linear whole, Linear::Create(weight.view, nullptr, *packed,
                                                    {.dequantized_matmul = floats.get()}));
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
  constexpr int64_t kFew = DequantizedMatmul::kMinRows - 1;
  input.Quantize(kFew, *pool);
  EXPECT_EQ(RunLinear(whole, input, kFew, *pool), RunLinear(decode, input, kFew, *pool));
}

TEST(DequantizedMatmulChoice, DescribesWhatItCameTo) {
  const TensorType int8 = {ElementType::kInt8Channel};
  const auto never = NewDequantizedMatmul(MatmulInput::kInt8);
  EXPECT_EQ(never->Decide(int8, 64, 1).min_rows, DequantizedMatmul::kNever);
  EXPECT_EQ(never->Describe(), "int8");
  EXPECT_EQ(DequantizedMatmul::Bytes(MatmulInput::kInt8, 4), 0);

  const auto always = NewDequantizedMatmul();
  const DequantizedMatmul::Matrix first = always->Decide(int8, 64, 1);
  EXPECT_EQ(first.min_rows, DequantizedMatmul::kMinRows);
  ASSERT_NE(first.layout, nullptr);
  EXPECT_EQ(always->Decide({ElementType::kF32}, 64, 1).min_rows, DequantizedMatmul::kNever);
  EXPECT_EQ(always->Describe(), "float from 9 rows on");
  EXPECT_EQ(always->Decide(int8, 64, 2).layout, first.layout);  // learned once
  EXPECT_EQ(always->Decide(int8, 172, 1).min_rows, DequantizedMatmul::kNever);
  EXPECT_EQ(always->Describe(),
            "float from 9 rows on with 2 of 3 matrices, int8 with the others; layout of packed "
            "weights: expected a quantised type and inputs in multiples of 32, found int8 and 172");
  EXPECT_GT(DequantizedMatmul::Bytes(MatmulInput::kFloat, 4),
            3 * DequantizedMatmul::Bytes(MatmulInput::kFloat, 1));
}

TEST(DequantizedMatmulChoice, AutoTakesFloatsWhereBytesTakeMore) {
  for (const char* kernel_class : {"avx512amx", "avx512vnni", "sse41", "sse2", "neoni8mm",
                                   "neondot", "wasmsimd", "wasmrelaxedsimd", "scalar", "none"}) {
    for (const TensorType& type : QuantizedTypes()) {
      for (const int64_t int8_rows : {1, 2}) {
        EXPECT_EQ(DequantizedMatmul::AutoRows(kernel_class, type, int8_rows),
                  DequantizedMatmul::kNever)
            << kernel_class;
      }
    }
  }
  for (const TensorType& type : QuantizedTypes()) {
    const bool is_int8 = type.element == ElementType::kInt8Channel;
    const bool is_block32 = type == TensorType{ElementType::kInt4Block, 32};
    EXPECT_EQ(DequantizedMatmul::AutoRows("neon", type, 1),
              is_int8 ? DequantizedMatmul::kNever : 24);
    EXPECT_EQ(DequantizedMatmul::AutoRows("neon", type, 2), 24);
    for (const char* kernel_class : {"avx2", "avx512", "avxvnni"}) {
      EXPECT_EQ(DequantizedMatmul::AutoRows(kernel_class, type, 1),
                is_block32 ? 48 : DequantizedMatmul::kNever);
    }
    for (const char* kernel_class : {"avx2", "avx512"}) {
      const int64_t expected = is_int8 ? 24 : is_block32 ? 48 : DequantizedMatmul::kNever;
      EXPECT_EQ(DequantizedMatmul::AutoRows(kernel_class, type, 2), expected);
    }
  }
  // What kAuto does with this CPU is what it says of its class.
  const auto matmuls = NewDequantizedMatmul(MatmulInput::kAuto);
  for (const TensorType& type : QuantizedTypes()) {
    EXPECT_EQ(matmuls->Decide(type, 128, 1).min_rows,
              DequantizedMatmul::AutoRows(LinearKernelClass(), type, 1));
  }
}

}  // namespace
}  // namespace inkling
