// How the cost of a row follows measured times, steady and disturbed.

#include "src/session/speculation/pass_cost.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace inkling {
namespace {

void ReportMany(PassCost& cost, int times, double single, double row) {
  for (int i = 0; i < times; ++i) {
    cost.Report(1, single);
    const size_t rows = 2 + static_cast<size_t>(i % 7);
    cost.Report(rows, single * (1 + row * static_cast<double>(rows - 1)));
  }
}

TEST(PassCostTest, OneRowCostsOne) {
  PassCost cost;
  EXPECT_EQ(cost.Relative(1), 1);
  EXPECT_GT(cost.Relative(2), 1);
  EXPECT_EQ(cost.single_seconds(), 0);
}

TEST(PassCostTest, FollowsWhatIsMeasured) {
  for (const double row : {0.02, 0.1, 0.5}) {
    PassCost cost;
    ReportMany(cost, 100, 0.04, row);
    EXPECT_NEAR(cost.Relative(5), 1 + 4 * row, 0.1 * (1 + 4 * row)) << row;
    EXPECT_NEAR(cost.single_seconds(), 0.04, 0.0001);
  }
}

TEST(PassCostTest, ManyRowsSayNothingBeforeOneRowDid) {
  PassCost cost;
  const double before = cost.Relative(8);
  for (int i = 0; i < 10; ++i) cost.Report(8, 1.0);
  EXPECT_EQ(cost.Relative(8), before);
}

TEST(PassCostTest, ADisturbanceIsSoonForgotten) {
  PassCost cost;
  ReportMany(cost, 100, 0.04, 0.03);
  cost.Report(8, 40.0);
  EXPECT_LT(cost.Relative(8), 2);
  cost.Report(1, 40.0);
  EXPECT_LT(cost.single_seconds(), 0.05);
  ReportMany(cost, 20, 0.04, 0.03);
  EXPECT_NEAR(cost.Relative(8), 1.21, 0.05);
}

TEST(PassCostTest, ASlowBeginningIsSoonForgotten) {
  PassCost cost;
  cost.Report(1, 4.0);
  ReportMany(cost, 40, 0.04, 0.1);
  EXPECT_NEAR(cost.single_seconds(), 0.04, 0.002);
}

// Nothing measures rows that seem too dear, so the estimate must come back on its own.
TEST(PassCostTest, RowsThatSeemTooDearAreTriedAgain) {
  PassCost cost;
  ReportMany(cost, 100, 0.04, 1.0);
  EXPECT_GT(cost.Relative(2), 1.8);
  for (int i = 0; i < 500; ++i) cost.Report(1, 0.04);
  EXPECT_LT(cost.Relative(2), 1.3);
}

}  // namespace
}  // namespace inkling
