// Attention against a scalar double reference and its own invariances, on every instruction set.
//
// Caches are filled with NaN before rows are stored, so that reading a slot that was never written
// into a result shows up in every test.
#include "kernels/attention.h"

#include <algorithm>
#include <cstring>

#include "kernels/convert.h"
#include "kernels/kv_store.h"
#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

// One attention problem: keys and values of positions [0, num_keys), rows at the last positions.
struct Problem {
  KvElement element = KvElement::kF32;
  size_t head_dim = 64;
  size_t group_size = 1;
  size_t num_rows = 1;
  size_t num_keys = 100;
  size_t ring = 0;  // 0: enough for every position
  int64_t window = 0;
  int64_t key_begin = 0;
  float scale = 0.125f;
  float soft_cap = 0;
  std::vector<float> slopes = {};  // [group_size] or empty
  float spread = 1;
};

float RoundBf16(float value) {
  uint16_t bits;
  F32ToBf16(&value, &bits, 1);
  Bf16ToF32(&bits, &value, 1);
  return value;
}

class Attention {
 public:
  explicit Attention(const Problem& problem) : p_(problem) {
    layout_ = {p_.element, p_.head_dim, p_.ring ? p_.ring : RoundUpToKvBlock(p_.num_keys), 0};
    layout_.kv_head_stride_bytes = KvHeadBytes(layout_);
    const size_t size = p_.num_keys * p_.head_dim;
    keys_ = RandomValues(size, 1, p_.spread);
    values_ = RandomValues(size, 2, p_.spread);
    query_ = RandomValues(QueryFloats(), 3, p_.spread);
    // 0xFF everywhere is NaN in both float types, and in the scales of int8.
    key_cache_.assign(KvHeadBytes(layout_), 0xFF);
    value_cache_.assign(KvHeadBytes(layout_), 0xFF);
    // Rows go in one at a time where the ring is shorter than the text.
    for (size_t r = 0; r < p_.num_keys; ++r) {
      StoreKeyValues({.key = &keys_[r * p_.head_dim],
                      .key_row_stride = p_.head_dim,
                      .value = &values_[r * p_.head_dim],
                      .value_row_stride = p_.head_dim,
                      .key_cache = key_cache_.data(),
                      .value_cache = value_cache_.data(),
                      .layout = layout_,
                      .num_kv_heads = 1,
                      .first_position = static_cast<int64_t>(r),
                      .num_rows = 1});
      if (p_.element == KvElement::kInt8) ReadBack(r);
    }
    if (p_.element == KvElement::kF16) {
      for (std::vector<float>* rows : {&keys_, &values_}) {
        std::vector<uint16_t> half(rows->size());
        F32ToF16(rows->data(), half.data(), half.size());
        F16ToF32(half.data(), rows->data(), half.size());
      }
    }
  }

  size_t RowStride() const { return p_.group_size * HeadStride() + 5; }
  size_t HeadStride() const { return p_.head_dim + 2; }
  size_t QueryFloats() const { return p_.num_rows * RowStride(); }
  int64_t FirstPosition() const { return static_cast<int64_t>(p_.num_keys - p_.num_rows); }

  AttentionArgs Args() {
    scratch_.assign(AttentionScratchFloats(p_.head_dim), kNan);
    return {.query = query_.data(),
            .query_row_stride = RowStride(),
            .query_head_stride = HeadStride(),
            .num_rows = p_.num_rows,
            .group_size = p_.group_size,
            .key_cache = key_cache_.data(),
            .value_cache = value_cache_.data(),
            .layout = layout_,
            .first_position = FirstPosition(),
            .window = p_.window,
            .key_begin = p_.key_begin,
            .key_end = INT64_MAX,
            .scale = p_.scale,
            .soft_cap = p_.soft_cap,
            .alibi_slopes = p_.slopes.empty() ? nullptr : p_.slopes.data(),
            .output = nullptr,
            .output_row_stride = RowStride(),
            .output_head_stride = HeadStride(),
            .scratch = scratch_.data()};
  }

  std::vector<float> Run(AttentionArgs args) {
    std::vector<float> output(QueryFloats(), kUntouched);
    args.output = output.data();
    Attend(args);
    return output;
  }
  std::vector<float> Run() { return Run(Args()); }

  // The output of one query in double, from the rows that were stored.
  std::vector<double> Reference(size_t row, size_t head) const {
    const float* query = &query_[row * RowStride() + head * HeadStride()];
    const int64_t position = FirstPosition() + static_cast<int64_t>(row);
    int64_t begin = p_.key_begin;
    if (p_.window > 0) begin = std::max(begin, position - p_.window + 1);
    std::vector<double> scores;
    for (int64_t j = begin; j <= position; ++j) {
      double dot = 0;
      for (size_t i = 0; i < p_.head_dim; ++i) {
        dot += double{query[i]} * keys_[static_cast<size_t>(j) * p_.head_dim + i];
      }
      if (!p_.slopes.empty()) {
        dot += RoundBf16(RoundBf16(p_.slopes[head]) * RoundBf16(static_cast<float>(j)));
      }
      double score = dot * p_.scale;
      if (p_.soft_cap > 0) score = p_.soft_cap * std::tanh(score / p_.soft_cap);
      scores.push_back(score);
    }
    std::vector<double> output(p_.head_dim, 0.0);
    if (scores.empty()) return output;
    const double max = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (double score : scores) total += std::exp(score - max);
    for (size_t k = 0; k < scores.size(); ++k) {
      const double weight = std::exp(scores[k] - max) / total;
      const size_t j = static_cast<size_t>(begin) + k;
      for (size_t i = 0; i < p_.head_dim; ++i) output[i] += weight * values_[j * p_.head_dim + i];
    }
    return output;
  }

  void ExpectMatchesReference(const std::vector<float>& output, double tolerance) const {
    for (size_t r = 0; r < p_.num_rows; ++r) {
      for (size_t h = 0; h < p_.group_size; ++h) {
        const std::vector<double> expected = Reference(r, h);
        const size_t at = r * RowStride() + h * HeadStride();
        for (size_t i = 0; i < HeadStride(); ++i) {
          if (i < p_.head_dim) {
            ASSERT_TRUE(IsClose(output[at + i], expected[i], 0, tolerance))
                << "row " << r << " head " << h << " dim " << i << " of " << p_.head_dim;
          } else {
            ASSERT_EQ(output[at + i], kUntouched);
          }
        }
      }
    }
  }

  const Problem& problem() const { return p_; }

 private:
  // Makes keys_ and values_ of a position what its int8 elements stand for.
  void ReadBack(size_t position) {
    KvLoadArgs args = {.cache = key_cache_.data(),
                       .layout = layout_,
                       .position = static_cast<int64_t>(position),
                       .output = &keys_[position * p_.head_dim]};
    LoadKey(args);
    args.cache = value_cache_.data();
    args.output = &values_[position * p_.head_dim];
    LoadValue(args);
  }

  Problem p_;
  KvLayout layout_;
  std::vector<float> keys_, values_, query_;  // keys_ and values_ as stored
  std::vector<uint8_t> key_cache_, value_cache_;
  std::vector<float> scratch_;
};

class AttentionTest : public PerTargetTest {};

TEST_P(AttentionTest, DecodeMatchesDoubleForEveryHeadDim) {
  for (KvElement element : {KvElement::kF32, KvElement::kF16, KvElement::kInt8}) {
    for (size_t head_dim : {1, 3, 7, 8, 17, 24, 31, 32, 64, 65, 80, 96, 128, 200, 256}) {
      for (size_t num_keys : {1, 15, 16, 17, 63, 64, 65, 130, 333}) {
        Attention attention({.element = element, .head_dim = head_dim, .num_keys = num_keys});
        ASSERT_NO_FATAL_FAILURE(attention.ExpectMatchesReference(attention.Run(), 1e-5))
            << "head_dim " << head_dim << " keys " << num_keys;
      }
    }
  }
}

TEST_P(AttentionTest, EveryTileOfRowsAndHeadsMatchesDouble) {
  for (KvElement element : {KvElement::kF32, KvElement::kF16, KvElement::kInt8}) {
    for (size_t group_size : {1, 2, 3, 4, 5, 6, 7, 8, 13, 16}) {
      for (size_t num_rows : {1, 2, 3, 5, 19, 64}) {
        Attention attention({.element = element,
                             .head_dim = 40,
                             .group_size = group_size,
                             .num_rows = num_rows,
                             .num_keys = num_rows + 50});
        ASSERT_NO_FATAL_FAILURE(attention.ExpectMatchesReference(attention.Run(), 1e-5))
            << "group " << group_size << " rows " << num_rows;
      }
    }
  }
}

TEST_P(AttentionTest, FirstRowsOfATextSeeOnlyTheirPast) {
  Attention attention({.head_dim = 16, .group_size = 2, .num_rows = 70, .num_keys = 70});
  attention.ExpectMatchesReference(attention.Run(), 1e-5);
}

TEST_P(AttentionTest, WindowAndRingMatchDouble) {
  for (size_t window : {1, 2, 15, 16, 17, 40, 64, 100}) {
    for (size_t num_rows : {1, 7, 30}) {
      const size_t ring = RoundUpToKvBlock(window + num_rows - 1);
      Attention attention({.head_dim = 24,
                           .group_size = 3,
                           .num_rows = num_rows,
                           .num_keys = 301,
                           .ring = ring,
                           .window = static_cast<int64_t>(window)});
      ASSERT_NO_FATAL_FAILURE(attention.ExpectMatchesReference(attention.Run(), 1e-5))
          << "window " << window << " rows " << num_rows;
    }
  }
}

TEST_P(AttentionTest, RingGivesTheBitsOfAFlatCache) {
  for (KvElement element : {KvElement::kF16, KvElement::kInt8}) {
    Problem problem = {.element = element,
                       .head_dim = 32,
                       .group_size = 2,
                       .num_rows = 9,
                       .num_keys = 500,
                       .window = 90};
    Attention flat(problem);
    problem.ring = 112;  // of 16s, not of 64s: spans wrap in their middle
    Attention ring(problem);
    EXPECT_EQ(ring.Run(), flat.Run());
  }
}

TEST_P(AttentionTest, KeyBeginIsALowerBound) {
  Attention attention(
      {.head_dim = 16, .group_size = 2, .num_rows = 12, .num_keys = 90, .key_begin = 37});
  attention.ExpectMatchesReference(attention.Run(), 1e-5);
}

TEST_P(AttentionTest, RowsThatSeeNothingGetZeros) {
  Attention attention(
      {.head_dim = 19, .group_size = 2, .num_rows = 12, .num_keys = 90, .key_begin = 84});
  attention.ExpectMatchesReference(attention.Run(), 1e-5);  // rows 78..83: zeros
  AttentionArgs args = attention.Args();
  args.key_begin = 1000;
  const std::vector<float> output = attention.Run(args);
  for (size_t i = 0; i < 19; ++i) EXPECT_EQ(output[i], 0.0f);
}

TEST_P(AttentionTest, SoftCapMatchesDouble) {
  for (float spread : {1.0f, 6.0f}) {
    Attention attention({.head_dim = 64,
                         .group_size = 2,
                         .num_rows = 5,
                         .num_keys = 150,
                         .soft_cap = 50,
                         .spread = spread});
    attention.ExpectMatchesReference(attention.Run(), 1e-5 * spread * spread * spread);
  }
}

TEST_P(AttentionTest, AlibiMatchesDouble) {
  for (size_t num_keys : {40, 700, 3000}) {
    Attention attention({.head_dim = 64,
                         .group_size = 4,
                         .num_rows = 3,
                         .num_keys = num_keys,
                         .slopes = {0.5f, 0.0625f, 0.00390625f, 0.7071f}});
    attention.ExpectMatchesReference(attention.Run(), 1e-5);
  }
}

TEST_P(AttentionTest, LargeScoresStayFinite) {
  Attention attention({.head_dim = 64, .num_rows = 3, .num_keys = 200, .scale = 1, .spread = 30});
  const std::vector<float> output = attention.Run();
  attention.ExpectMatchesReference(output, 2e-2);  // scores near 1e4 round to 1e-3
}

TEST_P(AttentionTest, RowsDoNotDependOnTheirNeighbours) {
  for (KvElement element : {KvElement::kF32, KvElement::kF16, KvElement::kInt8}) {
    Attention attention({.element = element,
                         .head_dim = 72,
                         .group_size = 3,
                         .num_rows = 23,
                         .num_keys = 290,
                         .window = 150});
    const std::vector<float> together = attention.Run();
    for (size_t r = 0; r < 23; ++r) {
      for (size_t h = 0; h < 3; ++h) {
        const size_t at = r * attention.RowStride() + h * attention.HeadStride();
        AttentionArgs args = attention.Args();
        args.query += at;
        args.num_rows = args.group_size = 1;
        args.first_position += static_cast<int64_t>(r);
        const std::vector<float> alone = attention.Run(args);
        ASSERT_EQ(0, std::memcmp(&alone[0], &together[at], 72 * sizeof(float)))
            << "row " << r << " head " << h;
      }
    }
  }
}

TEST_P(AttentionTest, PartialsCombineToTheWhole) {
  for (size_t group_size : {1, 3}) {
    Attention attention({.element = group_size == 1 ? KvElement::kInt8 : KvElement::kF16,
                         .head_dim = 50,
                         .group_size = group_size,
                         .num_rows = 4,
                         .num_keys = 400,
                         .window = 333});
    // Parts of uneven length, one of them empty, some unseen by every row.
    const std::vector<int64_t> bounds = {0, 10, 100, 100, 177, 398, 1000};
    const size_t num_parts = bounds.size() - 1;
    const size_t part_floats = AttentionPartialFloats(4, group_size, 50);
    std::vector<float> partials(num_parts * (part_floats + 3), kNan);
    for (size_t part = 0; part < num_parts; ++part) {
      AttentionArgs args = attention.Args();
      args.key_begin = bounds[part];
      args.key_end = bounds[part + 1];
      AttendPartial(args, &partials[part * (part_floats + 3)]);
    }
    std::vector<float> output(attention.QueryFloats(), kUntouched);
    CombinePartials({.partials = partials.data(),
                     .part_stride = part_floats + 3,
                     .num_parts = num_parts,
                     .num_rows = 4,
                     .group_size = group_size,
                     .head_dim = 50,
                     .output = output.data(),
                     .output_row_stride = attention.RowStride(),
                     .output_head_stride = attention.HeadStride()});
    attention.ExpectMatchesReference(output, 1e-5);
  }
}

TEST_P(AttentionTest, CombiningNothingSeenGivesZeros) {
  Attention attention({.head_dim = 21, .group_size = 2, .num_keys = 30});
  std::vector<float> partials(2 * AttentionPartialFloats(1, 2, 21), kNan);
  for (size_t part = 0; part < 2; ++part) {
    AttentionArgs args = attention.Args();
    args.key_begin = 500;
    AttendPartial(args, &partials[part * AttentionPartialFloats(1, 2, 21)]);
  }
  std::vector<float> output(2 * 21, kUntouched);
  CombinePartials({.partials = partials.data(),
                   .part_stride = AttentionPartialFloats(1, 2, 21),
                   .num_parts = 2,
                   .num_rows = 1,
                   .group_size = 2,
                   .head_dim = 21,
                   .output = output.data(),
                   .output_row_stride = 42,
                   .output_head_stride = 21});
  EXPECT_EQ(output, std::vector<float>(2 * 21, 0.0f));
}

TEST_P(AttentionTest, NanInASeenKeyReachesTheOutput) {
  // Slot 5 of a ring of 16 is left as it was: NaN. A row that claims to see it must show it.
  Attention attention({.head_dim = 8, .num_keys = 5, .ring = 16});
  AttentionArgs args = attention.Args();
  args.first_position = 5;
  EXPECT_TRUE(std::isnan(attention.Run(args)[0]));
}

INKLING_FOR_EACH_TARGET(AttentionTest);

}  // namespace
}  // namespace inkling::kernels
