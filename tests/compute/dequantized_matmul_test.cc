// f32 rows times packed quantised weights: the results of double arithmetic for every type and
// layout, the same bits for any threads and batches, and the choice between them and int8.

#include "src/compute/dequantized_matmul.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/compute/layout_probe.h"
#include "src/compute/linear.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/packed_layout.h"
#include "tests/compute/owned_weight.h"
#include "tests/compute/random_input.h"
#include "tests/testing/status_matchers.h"

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

// Calls body(kernels) for every kernel of this CPU that packs matrices of `type`, in a list of its
// own: XNNPACK's layouts are what all other CPUs pack.
template <typename Body>
void ForEachPacker(TensorType type, const Body& body) {
  for (const MatmulKernel* kernel : MatmulKernels()) {
    if (!kernel->runs_here() || !kernel->packs || !kernel->supports(type, 384)) continue;
    SCOPED_TRACE(kernel->name);
    body(MatmulKernelList(&kernel, 1));
  }
}

// Layouts of our own kernels are declared, XNNPACK's are learned; ProveLayout compares every weight
// of a packed matrix with what was packed.
TEST_P(DequantizedMatmulOfType, EveryLayoutIsKnownAndProven) {
  ForEachPacker(GetParam(), [](MatmulKernelList kernels) {
    for (const int64_t inputs : {32, 64, 96, 128, 224, 256, 384, 576, 1024, 2048, 5632}) {
      if (!TypeFits(GetParam(), inputs)) continue;
      ASSERT_OK_AND_ASSIGN(const PackedLayout layout, kernels[0]->layout(GetParam(), inputs));
      EXPECT_OK(ProveLayout(*kernels[0], layout, GetParam(), inputs)) << inputs;
    }
  });
}

// What finds XNNPACK's layouts out finds ours as well.
TEST_P(DequantizedMatmulOfType, EveryLayoutIsLearned) {
  ForEachPacker(GetParam(), [](MatmulKernelList kernels) {
    for (const int64_t inputs : {128, 384}) {
      EXPECT_OK(LearnLayout(*kernels[0], GetParam(), inputs)) << inputs;
    }
  });
}

TEST(PackedLayoutTest, RefusesWhatPanelsAreNotMadeFor) {
  for (const int64_t inputs : {0, 1, 24, 33, 172}) {
    EXPECT_THAT(LearnLayout(MatmulKernelNamed("xnnpack"), {ElementType::kInt8Channel}, inputs),
                MatchesStatus(absl::StatusCode::kUnimplemented,
                              {"multiples of 32", "int8", std::to_string(inputs)}));
  }
  EXPECT_THAT(LearnLayout(MatmulKernelNamed("xnnpack"), {ElementType::kF32}, 64),
              MatchesStatus(absl::StatusCode::kUnimplemented, {"f32"}));
}

void ExpectMatmulsOfDoubles(MatmulKernelList kernels, TensorType type, int64_t rows, int64_t inputs,
                            int64_t outputs, ResidualQuantization residual) {
  SCOPED_TRACE(testing::Message() << rows << " x " << inputs << " -> " << outputs);
  const bool has_bias = outputs % 2 == 0;
  const OwnedWeight weight = MakeWeight("w", outputs, inputs, type, 3);
  const OwnedWeight bias = MakeBias("b", outputs, 7);
  const auto packed = NewPackedWeights();
  const auto pool = NewPool(kThreads);
  const auto floats = NewDequantizedMatmul();
  ASSERT_OK_AND_ASSIGN(
      Linear linear,
      Linear::Create(
          weight.view, has_bias ? &bias.view : nullptr, *packed,
          {.residual = residual, .dequantized_matmul = floats.get(), .kernels = kernels}));
  EXPECT_NE(linear.input_form(DequantizedMatmul::kMinRows - 1).rows, RowForm::kFloat);
  ASSERT_EQ(linear.input_form(rows).rows, RowForm::kFloat) << floats->Describe();
  EXPECT_EQ(linear.input_form(rows).residual, ResidualQuantization::kNone);
  Activations input = RandomInput(rows, inputs, 5);
  std::vector<float> output(static_cast<size_t>(rows * outputs), -1e30f);
  ASSERT_OK(linear.Run(input, rows, output.data(), *pool));
  EXPECT_EQ(input.quantized_rows(), 0);
  ExpectMatmulOfDoubles(SeenByMatmul(input, rows, /*quantized=*/false), weight,
                        has_bias ? &bias : nullptr, output, 1e-6);
}

TEST_P(DequantizedMatmulOfType, AreThoseOfDoubles) {
  ForEachPacker(GetParam(), [](MatmulKernelList kernels) {
    for (const int64_t inputs : {32, 128, 384, 576}) {
      if (!TypeFits(GetParam(), inputs)) continue;
      for (const int64_t outputs : {1, 13, 64, 130, 331}) {
        ExpectMatmulsOfDoubles(kernels, GetParam(), 9, inputs, outputs,
                               ResidualQuantization::kNone);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
    ExpectMatmulsOfDoubles(kernels, GetParam(), 131, 640, 200, ResidualQuantization::kInt8);
    ExpectMatmulsOfDoubles(kernels, GetParam(), 17, 4096, 70, ResidualQuantization::kInt8);
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
  Activations input = RandomInput(kRows, kInputs, 8);
  const auto one = NewPool(1);
  const auto three = NewPool(3);
  const std::vector<float> expected = RunLinear(linear, input, kRows, *one);
  EXPECT_EQ(RunLinear(linear, input, kRows, *three), expected);
  constexpr int64_t kSome = 11;
  Activations some = NewActivations(kSome, kInputs);
  for (const int64_t first : {0, 7, 121, 289}) {
    std::memcpy(some.BeginRows(), input.rows() + first * kInputs, kSome * kInputs * sizeof(float));
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
  EXPECT_NE(decode.input_form(kRows).rows, RowForm::kFloat);
  ASSERT_OK_AND_ASSIGN(Linear whole, Linear::Create(weight.view, nullptr, *packed,
                                                    {.dequantized_matmul = floats.get()}));
  Activations input = RandomInput(kRows, kInputs, 3);
  const std::vector<float> expected = RunLinear(whole, input, kRows, *pool);
  for (size_t i = 0; i < linear.num_slices(); ++i) {
    const MatrixSlice slice = linear.slice(i);
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
  EXPECT_EQ(RunLinear(whole, input, kFew, *pool), RunLinear(decode, input, kFew, *pool));
}

const MatmulKernel& Xnnpack() { return MatmulKernelNamed("xnnpack"); }

TEST(DequantizedMatmulChoice, DescribesWhatItCameTo) {
  const TensorType int8 = {ElementType::kInt8Channel};
  const auto never = NewDequantizedMatmul(MatmulInput::kInt8);
  EXPECT_EQ(never->Decide(Xnnpack(), int8, 64, 1).min_rows, DequantizedMatmul::kNever);
  EXPECT_EQ(never->Describe(), "int8");
  EXPECT_EQ(DequantizedMatmul::Bytes(MatmulInput::kInt8, 4), 0);

  const auto always = NewDequantizedMatmul();
  const DequantizedMatmul::Matrix first = always->Decide(Xnnpack(), int8, 64, 1);
  EXPECT_EQ(first.min_rows, DequantizedMatmul::kMinRows);
  ASSERT_NE(first.layout, nullptr);
  EXPECT_EQ(always->Decide(Xnnpack(), {ElementType::kF32}, 64, 1).min_rows,
            DequantizedMatmul::kNever);
  EXPECT_EQ(always->Describe(), "float from 9 rows on");
  EXPECT_EQ(always->Decide(Xnnpack(), int8, 64, 2).layout, first.layout);  // learned once
  EXPECT_EQ(always->Decide(Xnnpack(), int8, 172, 1).min_rows, DequantizedMatmul::kNever);
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
    EXPECT_EQ(matmuls->Decide(Xnnpack(), type, 128, 1).min_rows,
              DequantizedMatmul::AutoRows(XnnpackKernelClass(), type, 1));
  }
}

}  // namespace
}  // namespace inkling
