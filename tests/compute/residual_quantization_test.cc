// int8 rows with their residual: matmuls are nearly those of the f32 rows, and as independent of
// threads, batches and slices as any.

#include <cstdint>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "src/compute/linear.h"
#include "src/compute/matmul_batch.h"
#include "src/compute/packed_weights.h"
#include "tests/compute/owned_weight.h"
#include "tests/compute/random_input.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

const LinearOptions kWithResidual = {.residual = ResidualQuantization::kInt8};

// Activations with room for the residual.
Activations InputWithRoom(int64_t rows, int64_t dim) {
  return RandomInput(rows, dim, static_cast<uint64_t>(dim), ResidualQuantization::kInt8);
}

class LinearResidual : public testing::TestWithParam<TensorType> {};

std::vector<TensorType> QuantizedTypes() {
  std::vector<TensorType> types;
  for (const TensorType& type : AllTensorTypes()) {
    if (IsQuantized(type.element)) types.push_back(type);
  }
  return types;
}

INSTANTIATE_TEST_SUITE_P(EveryQuantizedType, LinearResidual, testing::ValuesIn(QuantizedTypes()),
                         [](const auto& info) { return NameOf(info.param); });

TEST_P(LinearResidual, MatmulsAreThoseOfTheFloatRows) {
  const auto pool = NewPool(2);
  for (int64_t inputs : {7, 24, 128, 384}) {
    if (!TypeFits(GetParam(), inputs)) continue;
    for (int64_t outputs : {1, 13, 300}) {
      for (int64_t rows : {1, 2, 9, 20}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << inputs << " -> " << outputs);
        const bool has_bias = rows != 2;
        const OwnedWeight weight = MakeWeight("w", outputs, inputs, GetParam(), 3);
        const OwnedWeight bias = MakeBias("b", outputs, 7);
        const auto packed = NewPackedWeights();
        ASSERT_OK_AND_ASSIGN(
            Linear linear,
            Linear::Create(weight.view, has_bias ? &bias.view : nullptr, *packed, kWithResidual));
        Activations input = InputWithRoom(rows, inputs);
        const std::vector<float> output = RunLinear(linear, input, rows, *pool);
        // Without the residual it is 100 times as much.
        ASSERT_NO_FATAL_FAILURE(
            ExpectMatmulOfDoubles(SeenByMatmul(input, rows, /*quantized=*/false), weight,
                                  has_bias ? &bias : nullptr, output, 1e-4, /*slack=*/0));
      }
    }
  }
}

TEST_P(LinearResidual, ThreadsAndBatchesDontChangeABit) {
  constexpr int64_t kRows = 11, kOutputs = 331;
  for (int64_t inputs : {384, 374}) {
    if (!TypeFits(GetParam(), inputs)) continue;
    const OwnedWeight weight = MakeWeight("w", kOutputs, inputs, GetParam(), 5);
    const OwnedWeight bias = MakeBias("b", kOutputs, 6);
    const auto packed = NewPackedWeights();
    ASSERT_OK_AND_ASSIGN(Linear linear,
                         Linear::Create(weight.view, &bias.view, *packed, kWithResidual));
    const auto one = NewPool(1);
    const auto three = NewPool(3);
    Activations input = InputWithRoom(kRows, inputs);
    const std::vector<float> expected = RunLinear(linear, input, kRows, *one);
    EXPECT_EQ(RunLinear(linear, input, kRows, *three), expected);
    Activations row = NewActivations(1, inputs, ResidualQuantization::kInt8);
    for (int64_t m = 0; m < kRows; ++m) {
      std::memcpy(row.BeginRows(), input.rows() + m * inputs,
                  static_cast<size_t>(inputs) * sizeof(float));
      const std::vector<float> alone = RunLinear(linear, row, 1, *three);
      EXPECT_EQ(std::memcmp(alone.data(), expected.data() + m * kOutputs, kOutputs * sizeof(float)),
                0)
          << "row " << m;
    }
  }
}

TEST_P(LinearResidual, RowsGetTheFormThatIsWanted) {
  constexpr int64_t kInputs = 128;
  const auto pool = NewPool(1);
  const OwnedWeight weight = MakeWeight("layers.3.w", 8, kInputs, GetParam(), 1);
  const auto packed = NewPackedWeights();
  ASSERT_OK_AND_ASSIGN(Linear with, Linear::Create(weight.view, nullptr, *packed, kWithResidual));
  ASSERT_OK_AND_ASSIGN(Linear without, Linear::Create(weight.view, nullptr, *packed));
  Activations input = InputWithRoom(2, kInputs);
  std::vector<float> output(4 * 8);
  for (int i = 0; i < 2; ++i) {  // each makes its own form of the same rows
    const std::vector<float> precise = RunLinear(with, input, 2, *pool);
    EXPECT_EQ(input.residual(), ResidualQuantization::kInt8);
    const std::vector<float> coarse = RunLinear(without, input, 2, *pool);
    EXPECT_EQ(input.residual(), ResidualQuantization::kNone);
    EXPECT_NE(precise, coarse);
  }
  Activations narrow = RandomInput(2, kInputs, 1);
  EXPECT_THAT(
      with.Run(narrow, 2, output.data(), *pool),
      MatchesStatus(absl::StatusCode::kFailedPrecondition, {"layers.3.w", "with a residual"}));
  EXPECT_OK(without.Run(narrow, 2, output.data(), *pool));
  EXPECT_THAT(
      RunMatmuls({{&with, output.data()}, {&without, output.data()}}, input, 2, *pool,
                 [] { return false; }),
      MatchesStatus(absl::StatusCode::kFailedPrecondition, {"layers.3.w", "same residual"}));
}

// The int8 form doesn't concern a matmul of f32 rows.
TEST(LinearResidualOfFloat, AreNone) {
  const OwnedWeight weight = MakeWeight("w", 8, 16, TensorType{ElementType::kF32}, 1);
  const auto packed = NewPackedWeights();
  ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, nullptr, *packed, kWithResidual));
  EXPECT_EQ(linear.input_form().residual, ResidualQuantization::kNone);
}

}  // namespace
}  // namespace inkling
