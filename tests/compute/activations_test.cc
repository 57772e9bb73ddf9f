// Activations: rows as int8, each over its own range, by every way to get there.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/quantize.h"
#include "src/compute/linear.h"
#include "src/compute/matrix_operator.h"
#include "src/format/element_type.h"
#include "tests/compute/random_input.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

TEST(Activations, QuantizesEachRowOverItsOwnRange) {
  // Enough values to be split over the threads.
  constexpr int64_t kRows = 37, kDim = 1024;
  const auto pool = NewPool(3);
  Activations input = RandomInput(kRows, kDim, 1);
  for (int64_t k = 0; k < kDim; ++k) input.rows()[5 * kDim + k] *= 1000.0f;
  input.Quantize(kRows, *pool);
  const auto* params = static_cast<const kernels::QuantizationParams*>(input.parameters());
  const std::vector<double> seen = SeenByMatmul(input, kRows, /*quantized=*/true);
  for (int64_t i = 0; i < kRows * kDim; ++i) {
    ASSERT_NEAR(seen[i], input.rows()[i], 0.51 * params[i / kDim].scale) << i;
  }
  EXPECT_GT(params[5].scale, 100 * params[4].scale);
}

TEST(Activations, TheWaysToQuantizeAgree) {
  constexpr int64_t kRows = 37, kDim = 1000;
  constexpr size_t kParts = 3;
  const auto pool = NewPool(3);
  Activations whole = RandomInput(kRows, kDim, 1);
  for (int64_t k = 0; k < kDim; ++k) whole.rows()[7 * kDim + k] = 0.25f;  // a range without 0
  ASSERT_OK_AND_ASSIGN(Activations parts, Activations::Create(kRows, kDim, kParts));
  std::memcpy(parts.rows(), whole.rows(), kRows * kDim * sizeof(float));
  whole.Quantize(kRows, *pool);
  const auto expect_equal = [&] {
    EXPECT_EQ(parts.quantized_rows(), kRows);
    EXPECT_EQ(std::memcmp(parts.quantized(), whole.quantized(), kRows * kDim), 0);
    // Also behind the last row.
    EXPECT_EQ(std::memcmp(parts.parameters(), whole.parameters(),
                          (kRows + 31) * sizeof(kernels::QuantizationParams)),
              0);
  };
  for (size_t part = 0; part < kParts; ++part) {
    for (int64_t row = 0; row < kRows; ++row) {
      kernels::RowRange range;
      for (int64_t k = static_cast<int64_t>(part); k < kDim; k += kParts) {
        range.min = std::min(range.min, parts.rows()[row * kDim + k]);
        range.max = std::max(range.max, parts.rows()[row * kDim + k]);
      }
      parts.ranges(part)[row] = range;
    }
  }
  parts.QuantizeKnowingRanges(kRows, kParts, ResidualQuantization::kNone, *pool);
  expect_equal();
}

TEST(Activations, HasTheFormsThatItsReadersReadAndNoOthers) {
  constexpr int64_t kRows = 5, kDim = 64;
  const OwnKernels own = OwnKernels::OfThisCpu();
  const auto pool = NewPool(1);
  const Activations all = RandomInput(kRows, kDim, 1);
  for (const TensorType reader : kQuantizedTypes) {
    const bool reads_sums = MatrixOperator::NeedsUnitSums(reader, kDim, own);
    ASSERT_OK_AND_ASSIGN(Activations input,
                         Activations::Create(kRows, kDim, 0, ResidualQuantization::kNone,
                                             {{{ElementType::kF32}, reader}}));
    EXPECT_EQ(input.unit_sums() != nullptr, reads_sums) << TensorTypeName(reader);
    EXPECT_EQ(input.pairs() != nullptr, own.i8mm) << TensorTypeName(reader);
    EXPECT_TRUE(all.IsMadeFor(reader));
    for (const TensorType other : kQuantizedTypes) {
      EXPECT_EQ(input.IsMadeFor(other),
                reads_sums || !MatrixOperator::NeedsUnitSums(other, kDim, own))
          << TensorTypeName(reader) << ", then " << TensorTypeName(other);
    }
    std::copy_n(all.rows(), kRows * kDim, input.rows());
    input.Quantize(kRows, *pool);
    EXPECT_EQ(input.quantized_rows(), kRows);
  }
  ASSERT_OK_AND_ASSIGN(const Activations floats,
                       Activations::Create(kRows, kDim, 0, ResidualQuantization::kNone, {}));
  EXPECT_EQ(floats.unit_sums(), nullptr);
  EXPECT_EQ(floats.pairs(), nullptr);
}

TEST(Activations, RefusesImpossibleSizes) {
  for (const auto& [rows, dim] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 4}, {4, 0}, {-1, 4}, {int64_t{1} << 40, int64_t{1} << 40}}) {
    EXPECT_THAT(Activations::Create(rows, dim), MatchesStatus(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace inkling
