// PackedWeights: each tensor is packed once, found by its own name only, and a full or refused one
// leaves the rest usable.

#include "src/compute/packed_weights.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "src/compute/linear.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/tensor_packer.h"
#include "src/format/quantization.h"
#include "tests/compute/owned_weight.h"
#include "tests/compute/random_input.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr int64_t kRoomBytes = int64_t{64} << 20;

class PackedWeightsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(packed_, PackedWeights::Create(kRoomBytes));
    ASSERT_OK_AND_ASSIGN(pool_, ThreadPool::Create(1));
  }

  Linear Make(const TensorView& weight, const TensorView* bias = nullptr) {
    auto linear = Linear::Create(weight, bias, *packed_);
    EXPECT_OK(linear);
    return *std::move(linear);
  }

  // The matmul of fixed random rows.
  std::vector<float> Matmul(Linear& linear) {
    constexpr int64_t kRows = 3;
    Activations input = RandomInput(kRows, linear.num_inputs(), /*seed=*/1);
    std::vector<float> output(static_cast<size_t>(kRows * linear.num_outputs()));
    EXPECT_OK(linear.Run(input, kRows, output.data(), *pool_));
    return output;
  }

  // The same with weights that nobody else packed.
  std::vector<float> MatmulAlone(const TensorView& weight, const TensorView* bias = nullptr) {
    auto packed = PackedWeights::Create(kRoomBytes);
    EXPECT_OK(packed);
    auto linear = Linear::Create(weight, bias, **packed);
    EXPECT_OK(linear);
    return Matmul(*linear);
  }

  std::unique_ptr<PackedWeights> packed_;
  std::unique_ptr<ThreadPool> pool_;
};

TEST_F(PackedWeightsTest, TwoContextsShareOnePacking) {
  int64_t num_types = 0;
  for (TensorType type : AllTensorTypes()) {
    SCOPED_TRACE(TensorTypeName(type));
    // A tensor of this type at most once: its name has the type.
    const OwnedWeight weight = MakeWeight(std::string(TensorTypeName(type)), 96, 256, type, 1);
    const int64_t before = packed_->packed_bytes();
    Linear prefill = Make(weight.view);
    const int64_t after = packed_->packed_bytes();
    EXPECT_GT(after, before);
    Linear decode = Make(weight.view);
    EXPECT_EQ(packed_->packed_bytes(), after);
    ++num_types;
    EXPECT_EQ(packed_->num_packed(), num_types);
    EXPECT_EQ(packed_->num_hits(), num_types);
    EXPECT_EQ(Matmul(prefill), Matmul(decode));
    EXPECT_EQ(Matmul(decode), MatmulAlone(weight.view));
  }
}

TEST_F(PackedWeightsTest, TheSecondLinearReadsNoWeights) {
  for (TensorType type : AllTensorTypes()) {
    SCOPED_TRACE(TensorTypeName(type));
    OwnedWeight weight = MakeWeight(std::string(TensorTypeName(type)), 32, 256, type, 2);
    Linear first = Make(weight.view);
    const std::vector<float> expected = Matmul(first);
    std::fill(weight.values.begin(), weight.values.end(), std::byte{0x55});
    Linear second = Make(weight.view);
    EXPECT_EQ(Matmul(second), expected);
    EXPECT_EQ(Matmul(first), expected);
  }
}

TEST_F(PackedWeightsTest, SquareMatricesOfDifferentNamesDontCollide) {
  const OwnedWeight a = MakeWeight("a", 128, 128, {ElementType::kInt8Channel}, 1);
  const OwnedWeight b = MakeWeight("b", 128, 128, {ElementType::kInt8Channel}, 2);
  Linear first = Make(a.view);
  Linear second = Make(b.view);
  EXPECT_EQ(packed_->num_packed(), 2);
  EXPECT_EQ(Matmul(first), MatmulAlone(a.view));
  EXPECT_EQ(Matmul(second), MatmulAlone(b.view));
  EXPECT_NE(Matmul(first), Matmul(second));
}

// 64 x 256 and 256 x 64 have the same exclusive-or of sizes, which is all XNNPACK's key has.
TEST_F(PackedWeightsTest, TransposedShapesOverTheSameBytesDontCollide) {
  for (TensorType type : {TensorType{ElementType::kF32}, TensorType{ElementType::kInt8Channel}}) {
    SCOPED_TRACE(TensorTypeName(type));
    const OwnedWeight tall = MakeWeight("tall", 256, 64, type, 1);
    TensorView wide = tall.view;
    wide.info.name = "wide";
    std::swap(wide.info.rows, wide.info.columns);
    if (wide.scales != nullptr) wide.scale_bytes = wide.info.rows * 4;
    Linear first = Make(tall.view);
    Linear second = Make(wide);
    EXPECT_EQ(Matmul(first), MatmulAlone(tall.view));
    EXPECT_EQ(Matmul(second), MatmulAlone(wide));
  }
}

TEST_F(PackedWeightsTest, SameBytesWithAnotherBiasAreAnotherEntry) {
  for (TensorType type : AllTensorTypes()) {
    SCOPED_TRACE(TensorTypeName(type));
    const OwnedWeight weight = MakeWeight("w", 40, 128, type, 1);
    const OwnedWeight bias1 = MakeBias("b1", 40, 2);
    const OwnedWeight bias2 = MakeBias("b2", 40, 3);
    TensorView other_name = weight.view;
    other_name.info.name = "w2";
    Linear none = Make(weight.view);
    Linear first = Make(weight.view, &bias1.view);
    Linear second = Make(weight.view, &bias2.view);
    Linear renamed = Make(other_name, &bias2.view);
    EXPECT_EQ(Matmul(none), MatmulAlone(weight.view));
    EXPECT_EQ(Matmul(first), MatmulAlone(weight.view, &bias1.view));
    EXPECT_EQ(Matmul(second), MatmulAlone(weight.view, &bias2.view));
    EXPECT_EQ(Matmul(renamed), Matmul(second));
    EXPECT_NE(Matmul(first), Matmul(second));
    EXPECT_NE(Matmul(none), Matmul(first));
  }
}

TEST_F(PackedWeightsTest, SameBytesWithOtherScalesOrBlocksAreAnotherEntry) {
  const OwnedWeight weight = MakeWeight("w", 24, 128, {ElementType::kInt8Channel}, 1);
  OwnedWeight scaled = MakeWeight("scaled", 24, 128, {ElementType::kInt8Channel}, 2);
  TensorView view = scaled.view;
  view.values = weight.view.values;  // the same bytes, other scales
  Linear first = Make(weight.view);
  Linear second = Make(view);
  EXPECT_EQ(Matmul(second), MatmulAlone(view));
  EXPECT_NE(Matmul(first), Matmul(second));

  const OwnedWeight fine = MakeWeight("blocks", 24, 128, {ElementType::kInt4Block, 32}, 3);
  TensorView coarse = fine.view;  // even under one name, a block size is another tensor
  coarse.type.block_size = 64;
  coarse.scale_bytes /= 2;
  Linear third = Make(fine.view);
  Linear fourth = Make(coarse);
  EXPECT_EQ(Matmul(third), MatmulAlone(fine.view));
  EXPECT_EQ(Matmul(fourth), MatmulAlone(coarse));
}

TEST_F(PackedWeightsTest, BoundHoldsAndIsNotWasteful) {
  for (TensorType type : AllTensorTypes()) {
    for (int64_t rows : {1, 13, 64, 300, 1024}) {
      for (int64_t columns : {2, 24, 172, 384, 2048}) {
        if (!TypeFits(type, columns)) continue;
        const OwnedWeight weight = MakeWeight("w", rows, columns, type, 1);
        ASSERT_OK_AND_ASSIGN(auto packed, PackedWeights::Create(kRoomBytes));
        ASSERT_OK(Linear::Create(weight.view, nullptr, *packed));
        const int64_t bound = Linear::PackedBytesBound(weight.view, MatmulKernelsOfThisCpu());
        EXPECT_GE(bound, packed->packed_bytes())
            << TensorTypeName(type) << " " << rows << " x " << columns;
        if (rows == 1024 && columns >= 384) {
          EXPECT_LE(bound, packed->packed_bytes() * 1.1)
              << TensorTypeName(type) << " " << rows << " x " << columns;
        }
      }
    }
  }
}

// An operator of another cut than the one that was packed must not read what lies behind.
TEST_F(PackedWeightsTest, MorePiecesThanWerePackedAreRefused) {
  const OwnedWeight weight = MakeWeight("w", 600, 128, {ElementType::kInt8Channel}, 1);
  MatrixRows rows;
  rows.type = weight.view.type;
  rows.rows = 200;
  rows.columns = 128;
  rows.output_stride = 600;
  rows.values = weight.view.values;
  rows.scales = weight.view.scales;
  const MatmulKernel& kernel = MatmulKernelNamed("xnnpack");
  TensorPacker first(*packed_, "w");
  EXPECT_FALSE(first.is_packed());
  for (int i = 0; i < 3; ++i) ASSERT_OK(PrepareSlice(kernel, rows, first));
  ASSERT_OK(first.Finish());
  const PackedWeights::Entry entry = packed_->Entries().back();
  EXPECT_EQ(entry.piece_bytes * 3, entry.bytes);
  TensorPacker second(*packed_, "w");
  EXPECT_TRUE(second.is_packed());
  for (int i = 0; i < 3; ++i) ASSERT_OK(PrepareSlice(kernel, rows, second));
  EXPECT_THAT(PrepareSlice(kernel, rows, second),
              MatchesStatus(absl::StatusCode::kNotFound, {"packed weights of w", "piece"}));
  EXPECT_EQ(packed_->packed_bytes(), entry.bytes);
}

TEST_F(PackedWeightsTest, NoRoomIsAnErrorAndChangesNothing) {
  for (TensorType type : AllTensorTypes()) {
    SCOPED_TRACE(TensorTypeName(type));
    ASSERT_OK_AND_ASSIGN(auto small, PackedWeights::Create(64 * 1024));
    const OwnedWeight large = MakeWeight("layers.1.large", 2048, 1024, type, 1);
    const OwnedWeight fits = MakeWeight("fits", 16, 128, type, 2);
    ASSERT_OK_AND_ASSIGN(Linear before, Linear::Create(fits.view, nullptr, *small));
    const int64_t bytes = small->packed_bytes();
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(Linear::Create(large.view, nullptr, *small),
                  MatchesStatus(absl::StatusCode::kResourceExhausted,
                                {"layers.1.large", "expected at most", "found"}));
    }
    EXPECT_EQ(small->packed_bytes(), bytes);
    EXPECT_EQ(small->num_packed(), 1);
    const OwnedWeight next = MakeWeight("next", 16, 128, type, 3);
    ASSERT_OK_AND_ASSIGN(Linear after, Linear::Create(next.view, nullptr, *small));
    EXPECT_EQ(Matmul(after), MatmulAlone(next.view));
    EXPECT_EQ(Matmul(before), MatmulAlone(fits.view));
  }
}

TEST_F(PackedWeightsTest, RefusesImpossibleSizes) {
  for (int64_t bytes : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_FALSE(PackedWeights::Create(bytes).ok()) << bytes;
  }
}

// Damaged tensors: each names itself and the place.

TEST_F(PackedWeightsTest, BadScalesAreRefusedByRow) {
  const float bad_scales[] = {0.0f, -1.0f, NAN, INFINITY, 1e-40f};
  for (TensorType type : AllTensorTypes()) {
    if (type.element < ElementType::kInt8Channel) continue;
    for (float bad : bad_scales) {
      OwnedWeight weight = MakeWeight("layers.2.w", 12, 256, type, 1);
      const size_t scales_per_row = type.block_size == 0 ? 1 : 256 / type.block_size;
      if (type.block_size == 0) {
        std::memcpy(weight.scales.data() + 7 * sizeof(float), &bad, sizeof bad);
      } else {
        const uint16_t bits = FloatToBfloat16(bad);
        std::memcpy(weight.scales.data() + (8 * scales_per_row - 1) * sizeof bits, &bits,
                    sizeof bits);
      }
      EXPECT_THAT(Linear::Create(weight.view, nullptr, *packed_),
                  MatchesStatus(absl::StatusCode::kInvalidArgument,
                                {"layers.2.w", "row 7", "expected a positive normal number"}))
          << TensorTypeName(type) << " " << bad;
    }
  }
  EXPECT_EQ(packed_->num_packed(), 0);
}

TEST_F(PackedWeightsTest, WrongByteCountsAreRefused) {
  for (TensorType type : AllTensorTypes()) {
    SCOPED_TRACE(TensorTypeName(type));
    const OwnedWeight weight = MakeWeight("w", 12, 256, type, 1);
    TensorView view = weight.view;
    view.value_bytes -= 1;
    EXPECT_THAT(Linear::Create(view, nullptr, *packed_),
                MatchesStatus(absl::StatusCode::kInvalidArgument, {"tensor w: values", "found"}));
    view = weight.view;
    view.info.rows = 13;
    EXPECT_THAT(Linear::Create(view, nullptr, *packed_),
                MatchesStatus(absl::StatusCode::kInvalidArgument, {"tensor w"}));
    view.info.rows = 0;
    EXPECT_THAT(Linear::Create(view, nullptr, *packed_),
                MatchesStatus(absl::StatusCode::kInvalidArgument, {"tensor w", "[0, 256]"}));
    if (weight.scales.empty()) continue;
    view = weight.view;
    view.scale_bytes += 2;
    EXPECT_THAT(Linear::Create(view, nullptr, *packed_),
                MatchesStatus(absl::StatusCode::kInvalidArgument, {"tensor w: scales", "found"}));
  }
}

TEST_F(PackedWeightsTest, ShapesThatXnnpackCannotTakeAreRefused) {
  OwnedWeight weight = MakeWeight("w", 2, 256, {ElementType::kInt4Channel}, 1);
  weight.view.info.columns = 255;
  EXPECT_THAT(Linear::Create(weight.view, nullptr, *packed_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"w", "divisible by 2", "255"}));
  weight.view.type = {ElementType::kInt4Block, 32};
  weight.view.info.columns = 240;
  EXPECT_THAT(Linear::Create(weight.view, nullptr, *packed_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"w", "divisible by 32", "240"}));
  weight.view.type = {ElementType::kInt4Block, 48};
  EXPECT_THAT(Linear::Create(weight.view, nullptr, *packed_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"w", "48"}));
  // A 32-bit dot product would overflow.
  const OwnedWeight deep = MakeWeight("deep", 1, 65538, {ElementType::kInt8Channel}, 1);
  EXPECT_THAT(Linear::Create(deep.view, nullptr, *packed_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"deep", "65536", "65538"}));
}

TEST_F(PackedWeightsTest, BadBiasesAreRefused) {
  const OwnedWeight weight = MakeWeight("w", 12, 64, {ElementType::kInt8Channel}, 1);
  const OwnedWeight short_bias = MakeBias("b", 11, 1);
  EXPECT_THAT(Linear::Create(weight.view, &short_bias.view, *packed_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"tensor b", "48", "44"}));
  OwnedWeight nan_bias = MakeBias("b", 12, 1);
  const float nan = NAN;
  std::memcpy(nan_bias.values.data() + 5 * sizeof nan, &nan, sizeof nan);
  EXPECT_THAT(Linear::Create(weight.view, &nan_bias.view, *packed_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"tensor b", "value 5", "nan"}));
  OwnedWeight half_bias = MakeBias("b", 12, 1);
  half_bias.view.type = {ElementType::kF16};
  EXPECT_THAT(Linear::Create(weight.view, &half_bias.view, *packed_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"tensor b", "f32", "f16"}));
}

// A dot product of 65536 of the largest quantised values still fits.
TEST_F(PackedWeightsTest, TheDeepestAllowedMatmulDoesNotOverflow) {
  for (ElementType element : {ElementType::kInt8Channel, ElementType::kInt4Channel}) {
    constexpr int64_t kDepth = 65536;
    OwnedWeight weight = MakeWeight("deep", 1, kDepth, {element}, 1);
    const bool int8 = element == ElementType::kInt8Channel;
    std::fill(weight.values.begin(), weight.values.end(), int8 ? std::byte{0x80} : std::byte{0x00});
    const float scale = 1.0f;
    std::memcpy(weight.scales.data(), &scale, sizeof scale);
    Linear linear = Make(weight.view);
    Activations input = NewActivations(1, kDepth);
    std::fill_n(input.BeginRows(), kDepth, 1.0f);
    float output = 0;
    ASSERT_OK(linear.Run(input, 1, &output, *pool_));
    const float expected = static_cast<float>(kDepth) * (int8 ? -128.0f : -8.0f);
    EXPECT_NEAR(output, expected, -expected * 1e-5) << TensorTypeName({element});
    packed_.reset();
    ASSERT_OK_AND_ASSIGN(packed_, PackedWeights::Create(kRoomBytes));
  }
}

}  // namespace
}  // namespace inkling
