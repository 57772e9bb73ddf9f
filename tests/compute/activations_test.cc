// Activations: rows as int8, each over its own range, by every way to get there.

#include "src/compute/activations.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/quantize.h"
#include "tests/compute/random_input.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

TEST(Activations, QuantizesEachRowOverItsOwnRange) {
  // Enough values to be split over the threads.
  constexpr int64_t kRows = 37, kDim = 1024;
  const auto pool = NewPool(3);
  Activations input = RandomInput(kRows, kDim, 1);
  float* rows = input.BeginRows();
  for (int64_t k = 0; k < kDim; ++k) rows[5 * kDim + k] *= 1000.0f;
  ASSERT_OK(input.Prepare({RowForm::kInt8}, kRows, *pool));
  const kernels::QuantizationParams* params = input.parameters();
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
  float* rows = whole.BeginRows();
  for (int64_t k = 0; k < kDim; ++k) rows[7 * kDim + k] = 0.25f;  // a range without 0
  Activations parts = NewActivations(kRows, kDim, ResidualQuantization::kNone, kParts);
  std::memcpy(parts.BeginRows(kParts), whole.rows(), kRows * kDim * sizeof(float));
  ASSERT_OK(whole.Prepare({RowForm::kInt8}, kRows, *pool));
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
  ASSERT_OK(parts.Prepare({RowForm::kInt8}, kRows, *pool));
  expect_equal();
}

TEST(Activations, HasTheFormsThatItsReadersReadAndNoOthers) {
  constexpr int64_t kRows = 5, kDim = 64;
  const auto pool = NewPool(1);
  const Activations all = RandomInput(kRows, kDim, 1);
  const std::vector<RowForm> forms_here = FormsOfThisCpu(kDim);
  for (const RowForm form : forms_here) {
    const std::vector<RowForm> forms = {RowForm::kFloat, form};
    ASSERT_OK_AND_ASSIGN(Activations input, Activations::Create(kRows, kDim, {.forms = forms}));
    EXPECT_EQ(input.quantized() != nullptr, form != RowForm::kFloat);
    EXPECT_EQ(input.unit_sums() != nullptr, form == RowForm::kInt8UnitSums);
    EXPECT_EQ(input.pairs() != nullptr, form == RowForm::kInt8Pairs);
    std::copy_n(all.rows(), kRows * kDim, input.BeginRows());
    EXPECT_OK(input.Prepare({form}, kRows, *pool));
    EXPECT_EQ(input.quantized_rows(), form == RowForm::kFloat ? 0 : kRows);
    for (const RowForm other : forms_here) {
      const bool has_room = other == RowForm::kFloat || other == form ||
                            (other == RowForm::kInt8 && form != RowForm::kFloat);
      EXPECT_EQ(input.Prepare({other}, kRows, *pool).ok(), has_room)
          << static_cast<int>(form) << ", then " << static_cast<int>(other);
    }
  }
  ASSERT_OK_AND_ASSIGN(const Activations floats, Activations::Create(kRows, kDim, {}));
  EXPECT_EQ(floats.quantized(), nullptr);
  EXPECT_EQ(floats.unit_sums(), nullptr);
  EXPECT_EQ(floats.pairs(), nullptr);
}

// A form is made once for what the rows hold, which only BeginRows may change.
TEST(Activations, MakesAFormOnce) {
  constexpr int64_t kRows = 5, kDim = 64;
  constexpr InputForm kWithout = {RowForm::kInt8};
  constexpr InputForm kWith = {RowForm::kInt8, ResidualQuantization::kInt8};
  const auto pool = NewPool(1);
  Activations input = RandomInput(kRows, kDim, 1, ResidualQuantization::kInt8);
  float* rows = input.BeginRows();
  EXPECT_TRUE(input.IsPrepared({}, kRows));
  EXPECT_FALSE(input.IsPrepared(kWithout, kRows));
  ASSERT_OK(input.Prepare(kWithout, kRows, *pool));
  EXPECT_TRUE(input.IsPrepared(kWithout, kRows));
  EXPECT_FALSE(input.IsPrepared(kWithout, kRows - 1));
  EXPECT_FALSE(input.IsPrepared(kWith, kRows));
  const std::vector<int8_t> made(input.quantized(), input.quantized() + kRows * kDim);
  std::fill_n(rows, kRows * kDim, 1.0f);  // not said, so not seen
  ASSERT_OK(input.Prepare(kWithout, kRows, *pool));
  EXPECT_EQ(std::memcmp(input.quantized(), made.data(), made.size()), 0);
  std::fill_n(input.BeginRows(), kRows * kDim, 1.0f);
  EXPECT_FALSE(input.IsPrepared(kWithout, kRows));
  ASSERT_OK(input.Prepare(kWithout, kRows, *pool));
  EXPECT_NE(std::memcmp(input.quantized(), made.data(), made.size()), 0);
  ASSERT_OK(input.Prepare(kWith, kRows, *pool));
  EXPECT_TRUE(input.IsPrepared(kWith, kRows));
  EXPECT_EQ(input.residual(), ResidualQuantization::kInt8);
}

TEST(Activations, RefusesImpossibleSizes) {
  for (const auto& [rows, dim] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 4}, {4, 0}, {-1, 4}, {int64_t{1} << 40, int64_t{1} << 40}}) {
    EXPECT_THAT(Activations::Create(rows, dim, {}),
                MatchesStatus(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace inkling
