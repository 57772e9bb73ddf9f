// Rotary embedding against double arithmetic and its own geometry, on every instruction set.
#include "kernels/rope.h"

#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class RopeTest : public PerTargetTest {};

std::vector<float> Frequencies(size_t rotary_dim, double theta = 10000) {
  std::vector<float> frequencies;
  for (size_t i = 0; i < rotary_dim; i += 2) {
    frequencies.push_back(static_cast<float>(
        std::pow(theta, -static_cast<double>(i) / static_cast<double>(rotary_dim))));
  }
  return frequencies;
}

struct Table {
  std::vector<float> cosine, sine;
};

Table FillTable(const std::vector<float>& frequencies, int64_t first, size_t num_rows,
                float factor = 1) {
  Table table = {std::vector<float>(num_rows * frequencies.size()),
                 std::vector<float>(num_rows * frequencies.size())};
  FillRopeTable({.frequencies = frequencies.data(),
                 .num_frequencies = frequencies.size(),
                 .attention_factor = factor,
                 .first_position = first,
                 .num_rows = num_rows,
                 .cosine = table.cosine.data(),
                 .sine = table.sine.data()});
  return table;
}

TEST_P(RopeTest, TableHoldsCosineAndSineOfTheFloatAngle) {
  const std::vector<float> frequencies = Frequencies(64);
  const Table table = FillTable(frequencies, 100000, 3, 1.25f);
  for (size_t r = 0; r < 3; ++r) {
    for (size_t i = 0; i < frequencies.size(); ++i) {
      const float angle = static_cast<float>(100000 + r) * frequencies[i];
      const size_t at = r * frequencies.size() + i;
      EXPECT_TRUE(IsClose(table.cosine[at], 1.25 * std::cos(double{angle}), 0, 2e-7));
      EXPECT_TRUE(IsClose(table.sine[at], 1.25 * std::sin(double{angle}), 0, 2e-7));
    }
  }
}

TEST_P(RopeTest, RotatesPairsHalfTheRotaryDimApart) {
  for (size_t rotary_dim : {2, 6, 8, 16, 20, 32, 34, 64, 80, 128, 256}) {
    const size_t head_dim = rotary_dim + 3, num_heads = 3, num_rows = 4;
    const size_t row_stride = num_heads * head_dim + 7;
    const std::vector<float> before = RandomValues(num_rows * row_stride, 1);
    std::vector<float> after = before;
    const Table table = FillTable(Frequencies(rotary_dim), 37, num_rows);
    ApplyRope({.heads = after.data(),
               .row_stride = row_stride,
               .head_stride = head_dim,
               .num_rows = num_rows,
               .num_heads = num_heads,
               .rotary_dim = rotary_dim,
               .cosine = table.cosine.data(),
               .sine = table.sine.data()});
    std::vector<double> expected(before.begin(), before.end());
    const size_t half = rotary_dim / 2;
    for (size_t r = 0; r < num_rows; ++r) {
      for (size_t h = 0; h < num_heads; ++h) {
        for (size_t i = 0; i < half; ++i) {
          const size_t first = r * row_stride + h * head_dim + i;
          const double c = table.cosine[r * half + i], s = table.sine[r * half + i];
          expected[first] = before[first] * c - before[first + half] * s;
          expected[first + half] = before[first + half] * c + before[first] * s;
        }
      }
    }
    for (size_t i = 0; i < after.size(); ++i) {
      // Dims beyond rotary_dim and the gap between rows must come out as they were.
      ASSERT_TRUE(IsClose(after[i], expected[i], 0, 5e-7))
          << "rotary " << rotary_dim << " at " << i;
    }
  }
}

TEST_P(RopeTest, PreservesNorms) {
  const size_t dim = 96;
  std::vector<float> head = RandomValues(dim, 2);
  double before = 0, after = 0;
  for (float x : head) before += double{x} * x;
  const Table table = FillTable(Frequencies(dim), 4321, 1);
  ApplyRope({.heads = head.data(),
             .row_stride = dim,
             .head_stride = dim,
             .num_rows = 1,
             .num_heads = 1,
             .rotary_dim = dim,
             .cosine = table.cosine.data(),
             .sine = table.sine.data()});
  for (float x : head) after += double{x} * x;
  EXPECT_NEAR(after / before, 1, 1e-6);
}

TEST_P(RopeTest, DotProductsDependOnDistanceOnly) {
  const size_t dim = 64;
  const std::vector<float> query = RandomValues(dim, 3), key = RandomValues(dim, 4);
  std::vector<double> dots;
  for (int64_t shift : {0, 5, 300}) {
    std::vector<float> q = query, k = key;
    const Table q_table = FillTable(Frequencies(dim), shift + 9, 1);
    const Table k_table = FillTable(Frequencies(dim), shift + 2, 1);
    ApplyRopeArgs args = {.heads = q.data(),
                          .row_stride = dim,
                          .head_stride = dim,
                          .num_rows = 1,
                          .num_heads = 1,
                          .rotary_dim = dim,
                          .cosine = q_table.cosine.data(),
                          .sine = q_table.sine.data()};
    ApplyRope(args);
    args.heads = k.data();
    args.cosine = k_table.cosine.data();
    args.sine = k_table.sine.data();
    ApplyRope(args);
    double dot = 0;
    for (size_t i = 0; i < dim; ++i) dot += double{q[i]} * k[i];
    dots.push_back(dot);
  }
  EXPECT_NEAR(dots[1], dots[0], 1e-4);
  EXPECT_NEAR(dots[2], dots[0], 1e-3);  // angles near 300 carry an error of 300 * 2^-24
}

INKLING_FOR_EACH_TARGET(RopeTest);

}  // namespace
}  // namespace inkling::kernels
