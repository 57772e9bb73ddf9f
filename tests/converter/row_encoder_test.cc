// RowEncoder and weights that are quantised before they come: taken as they are where the type
// stays, rounded again where it doesn't.

#include "converter/quantize/row_encoder.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "converter/checkpoints/checkpoint.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kInt4 = {ElementType::kInt4Channel, 0};
constexpr TensorType kF32 = {ElementType::kF32, 0};
constexpr int64_t kColumns = 4;

// One int8 matrix [rows, 4] with a scale for each row.
class Int8Checkpoint : public Checkpoint {
 public:
  Int8Checkpoint(std::vector<int8_t> values, std::vector<float> scales)
      : values_(std::move(values)),
        scales_(std::move(scales)),
        tensors_({{"w", "INT8", {static_cast<int64_t>(scales_.size()), kColumns}, "file", 0}}) {}

  std::string FormatName() const override { return "test"; }
  const nlohmann::json& config() const override { return config_; }
  absl::Span<const SourceTensor> tensors() const override { return tensors_; }
  std::vector<std::string> Files() const override { return {}; }
  absl::StatusOr<ImportedTokenizer> ImportTokenizer(const std::string&) const override {
    return absl::NotFoundError("none");
  }
  absl::StatusOr<std::vector<float>> ReadRows(size_t index, int64_t first,
                                              int64_t count) const override {
    absl::StatusOr<QuantizedRows> rows = ReadStoredRows(index, first, count);
    if (!rows.ok()) return rows.status();
    return DequantizeRows(rows->values, rows->scales, count, kColumns, kInt8);
  }
  std::optional<TensorType> StoredType(size_t) const override { return kInt8; }
  absl::StatusOr<QuantizedRows> ReadStoredRows(size_t, int64_t first,
                                               int64_t count) const override {
    QuantizedRows rows;
    rows.values.resize(static_cast<size_t>(count * kColumns));
    rows.scales.resize(static_cast<size_t>(count) * sizeof(float));
    std::memcpy(rows.values.data(), &values_[static_cast<size_t>(first * kColumns)],
                rows.values.size());
    std::memcpy(rows.scales.data(), &scales_[static_cast<size_t>(first)], rows.scales.size());
    return rows;
  }

  PlannedTensor Planned() const {
    PlannedTensor tensor;
    tensor.source_indices = {0};
    tensor.info = {"w",  TensorRole::kLinear, -1, static_cast<int64_t>(scales_.size()), kColumns,
                   false};
    return tensor;
  }

 private:
  std::vector<int8_t> values_;
  std::vector<float> scales_;
  nlohmann::json config_;
  std::vector<SourceTensor> tensors_;
};

template <typename T>
std::vector<T> As(const std::vector<std::byte>& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// All rows of a small tensor are one slice.
absl::StatusOr<EncodedRows> Encode(const Checkpoint& checkpoint, const PlannedTensor& tensor,
                                   TensorType type) {
  const RowEncoder encoder(checkpoint, ScaleSearch::kMaxAbs);
  absl::StatusOr<std::vector<EncodedRows>> slices = encoder.Encode(tensor, type, 0);
  if (!slices.ok()) return slices.status();
  EXPECT_EQ(slices->size(), 1);
  return slices->front();
}

TEST(RowEncoderTest, StoredRowsAreTakenAsTheyAre) {
  // No row reaches 127, so rounding again would choose other scales.
  const Int8Checkpoint checkpoint({1, -2, 3, 4, 100, -99, 0, 7}, {0.5f, 0.25f});
  ASSERT_OK_AND_ASSIGN(const EncodedRows rows, Encode(checkpoint, checkpoint.Planned(), kInt8));
  EXPECT_EQ(As<int8_t>(rows.bytes.values), (std::vector<int8_t>{1, -2, 3, 4, 100, -99, 0, 7}));
  EXPECT_EQ(As<float>(rows.bytes.scales), (std::vector<float>{0.5f, 0.25f}));
  EXPECT_EQ(rows.squared_error, 0.0);
  EXPECT_EQ(rows.squared_norm, 0.25 * 30 + 0.0625 * (10000 + 9801 + 49));
}

TEST(RowEncoderTest, TheirOrderMayChange) {
  const Int8Checkpoint checkpoint({1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4},
                                  {1.0f, 2.0f, 3.0f, 4.0f});
  PlannedTensor tensor = checkpoint.Planned();
  tensor.info.rows = 2;  // rows 1 and 3
  tensor.source.first_row = 1;
  tensor.source.run = 1;
  tensor.source.stride = 2;
  ASSERT_OK_AND_ASSIGN(const EncodedRows rows, Encode(checkpoint, tensor, kInt8));
  EXPECT_EQ(As<int8_t>(rows.bytes.values), (std::vector<int8_t>{2, 2, 2, 2, 4, 4, 4, 4}));
  EXPECT_EQ(As<float>(rows.bytes.scales), (std::vector<float>{2.0f, 4.0f}));
}

TEST(RowEncoderTest, AnotherTypeIsRoundedAgain) {
  const Int8Checkpoint checkpoint({127, 1, 0, -127}, {0.5f});
  ASSERT_OK_AND_ASSIGN(const EncodedRows exact, Encode(checkpoint, checkpoint.Planned(), kF32));
  EXPECT_EQ(As<float>(exact.bytes.values), (std::vector<float>{63.5f, 0.5f, 0.0f, -63.5f}));
  EXPECT_EQ(exact.squared_error, 0.0);
  ASSERT_OK_AND_ASSIGN(const EncodedRows coarse, Encode(checkpoint, checkpoint.Planned(), kInt4));
  EXPECT_EQ(coarse.bytes.values.size(), 2);
  EXPECT_GT(coarse.squared_error, 0.2);
  // Adding to the values changes them, so they can't be taken either.
  PlannedTensor tensor = checkpoint.Planned();
  tensor.source.add = 1.0f;
  EXPECT_EQ(PlannedStoredType(checkpoint, tensor), std::nullopt);
  ASSERT_OK_AND_ASSIGN(const EncodedRows added, Encode(checkpoint, tensor, kInt8));
  EXPECT_EQ(As<float>(added.bytes.scales), (std::vector<float>{64.5f / 127.0f}));
}

TEST(RowEncoderTest, TheValueThatKernelsCantMultiplyIsReplaced) {
  const Int8Checkpoint checkpoint({-128, 64, 0, 1, 5, 6, 7, 8}, {1.0f, 1.0f});
  ASSERT_OK_AND_ASSIGN(const EncodedRows rows, Encode(checkpoint, checkpoint.Planned(), kInt8));
  EXPECT_EQ(As<int8_t>(rows.bytes.values), (std::vector<int8_t>{-127, 64, 0, 1, 5, 6, 7, 8}));
  EXPECT_EQ(As<float>(rows.bytes.scales), (std::vector<float>{128.0f / 127.0f, 1.0f}));
  EXPECT_GT(rows.squared_error, 0.0);
}

TEST(RowEncoderTest, ScalesThatTheRuntimeWouldRefuseAreErrors) {
  for (const float scale : {0.0f, -1.0f, 1e-40f, INFINITY, NAN}) {
    const Int8Checkpoint checkpoint({1, 2, 3, 4, 1, 2, 3, 4}, {1.0f, scale});
    EXPECT_THAT(Encode(checkpoint, checkpoint.Planned(), kInt8),
                MatchesStatus(StatusCode::kInvalidArgument, {"w, rows", "scale 1", "positive"}));
  }
}

}  // namespace
}  // namespace inkling
