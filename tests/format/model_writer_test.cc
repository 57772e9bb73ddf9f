// ModelWriter: refuses what doesn't fit, leaves nothing behind unless finished, and never
// overwrites half-way.

#include "src/format/model_writer.h"

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/format/quantization.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using Names = std::vector<std::string>;

std::vector<TensorType> AllF32() {
  return std::vector<TensorType>(TensorList(TinyConfig()).size());
}

absl::StatusOr<std::unique_ptr<ModelWriter>> CreateTiny(const std::string& path) {
  return ModelWriter::Create(path, TinyMetadata(TinyConfig()), AllF32());
}

std::vector<std::byte> FloatRows(const TensorInfo& info, int64_t rows) {
  return std::vector<std::byte>(static_cast<size_t>(rows * info.columns * 4));
}

void WriteAllBut(ModelWriter& writer, size_t left_out) {
  for (size_t i = 0; i < writer.tensors().size(); ++i) {
    const TensorInfo& info = writer.tensors()[i];
    if (i != left_out) {
      ASSERT_OK(writer.WriteRows(i, 0, FloatRows(info, info.rows), {}));
    }
  }
}

constexpr size_t kNone = std::numeric_limits<size_t>::max();

TEST(ModelWriterTest, DroppedWriterLeavesNothing) {
  const TempDir dir;
  {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelWriter> writer, CreateTiny(dir.File("m")));
    EXPECT_EQ(dir.List(), Names{"m.partial"});
    WriteAllBut(*writer, kNone);
  }
  EXPECT_EQ(dir.List(), Names{});
}

TEST(ModelWriterTest, MissingRowsAreNamedAndNothingIsLeft) {
  const TempDir dir;
  {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelWriter> writer, CreateTiny(dir.File("m")));
    WriteAllBut(*writer, 2);
    const TensorInfo& info = writer->tensors()[2];
    ASSERT_OK(writer->WriteRows(2, 0, FloatRows(info, info.rows - 1), {}));
    EXPECT_THAT(writer->Finish(), MatchesStatus(absl::StatusCode::kFailedPrecondition,
                                                {info.name, "expected 32 rows", "found 31"}));
    // The last row repairs it.
    ASSERT_OK(writer->WriteRows(2, info.rows - 1, FloatRows(info, 1), {}));
    EXPECT_OK(writer->Finish());
    EXPECT_THAT(writer->Finish(), MatchesStatus(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(writer->WriteRows(2, 0, {}, {}),
                MatchesStatus(absl::StatusCode::kFailedPrecondition));
  }
  EXPECT_EQ(dir.List(), Names{"m"});
  EXPECT_OK(ModelReader::Open(dir.File("m")));
}

TEST(ModelWriterTest, FailureKeepsTheOldFile) {
  const TempDir dir;
  WriteFileBytes(dir.File("m"), "old");
  {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelWriter> writer, CreateTiny(dir.File("m")));
    EXPECT_FALSE(writer->Finish().ok());
  }
  EXPECT_EQ(dir.List(), Names{"m"});
  EXPECT_EQ(ReadFileBytes(dir.File("m")), "old");
}

TEST(ModelWriterTest, SuccessReplacesTheOldFile) {
  const TempDir dir;
  WriteFileBytes(dir.File("m"), "old");
  WriteFileBytes(dir.File("m.partial"), std::string(1 << 20, 'x'));  // what a crash left behind
  ASSERT_OK(WriteRandomModel(dir.File("m"), TinyConfig(), {}, {}, 3));
  ASSERT_OK(WriteRandomModel(dir.File("n"), TinyConfig(), {}, {}, 3));
  EXPECT_EQ(dir.List(), (Names{"m", "n"}));
  EXPECT_EQ(ReadFileBytes(dir.File("m")), ReadFileBytes(dir.File("n")));
}

TEST(ModelWriterTest, BadRowsAreErrors) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelWriter> writer, CreateTiny(dir.File("m")));
  const TensorInfo& info = writer->tensors()[0];
  EXPECT_THAT(writer->WriteRows(0, 1, FloatRows(info, 1), {}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"expected row 0", "found 1"}));
  ASSERT_OK(writer->WriteRows(0, 0, FloatRows(info, 2), {}));
  EXPECT_THAT(
      writer->WriteRows(0, 1, FloatRows(info, 1), {}),  // a row twice
      MatchesStatus(absl::StatusCode::kInvalidArgument, {info.name, "expected row 2", "found 1"}));
  EXPECT_THAT(writer->WriteRows(0, 2, std::vector<std::byte>(5), {}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"128 bytes", "found 5 bytes"}));
  EXPECT_THAT(writer->WriteRows(0, 2, FloatRows(info, 319), {}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"at most 318 rows"}));
  EXPECT_THAT(
      writer->WriteRows(0, 2, FloatRows(info, 1), std::vector<std::byte>(4)),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"expected 0 bytes of scales", "found 4"}));
  EXPECT_THAT(writer->WriteRows(1000, 0, {}, {}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"tensor index", "found 1000"}));
}

TEST(ModelWriterTest, BadScalesAreErrors) {
  const TempDir dir;
  std::vector<TensorType> types = AllF32();
  types[0] = {ElementType::kInt8Channel, 0};
  types[2] = {ElementType::kInt4Block, 32};
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelWriter> writer,
                       ModelWriter::Create(dir.File("m"), TinyMetadata(TinyConfig()), types));
  EXPECT_THAT(
      writer->WriteRows(0, 0, std::vector<std::byte>(32), std::vector<std::byte>(4)),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"scale 0", "positive", "found 0"}));
  const std::vector<std::byte> infinity = {std::byte{0x80}, std::byte{0x7f}};
  EXPECT_THAT(writer->WriteRows(2, 0, std::vector<std::byte>(16), infinity),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"layers.0.attention.q.weight", "found inf"}));
}

TEST(ModelWriterTest, BadTypesConfigsAndPathsAreErrors) {
  const TempDir dir;
  std::vector<TensorType> types = AllF32();
  types[1] = {ElementType::kF16, 0};  // a norm
  EXPECT_THAT(
      ModelWriter::Create(dir.File("m"), TinyMetadata(TinyConfig()), types),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"layers.0.attention_norm.weight", "f16"}));
  types.pop_back();
  EXPECT_THAT(ModelWriter::Create(dir.File("m"), TinyMetadata(TinyConfig()), types),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"21 tensors", "found 20"}));
  ModelMetadata metadata = TinyMetadata(TinyConfig());
  metadata.tokenizer.bos_id = 320;
  EXPECT_THAT(ModelWriter::Create(dir.File("m"), metadata, AllF32()),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"bos_id", "found 320"}));
  metadata.config.hidden_dim = 0;
  EXPECT_THAT(ModelWriter::Create(dir.File("m"), metadata, AllF32()),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"hidden_dim"}));
  EXPECT_THAT(CreateTiny(dir.path()),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"folder"}));
  EXPECT_THAT(CreateTiny(dir.File("no/such/m")),
              MatchesStatus(absl::StatusCode::kNotFound, {"no/such/m"}));
  EXPECT_EQ(dir.List(), Names{});
}

TEST(ModelWriterTest, TwoWritersOfOneFileDontMix) {
#ifdef __EMSCRIPTEN__
  GTEST_SKIP() << "Emscripten's files can't be locked";
#endif
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelWriter> writer, CreateTiny(dir.File("m")));
  EXPECT_THAT(CreateTiny(dir.File("m")),
              MatchesStatus(absl::StatusCode::kUnavailable, {"m.partial"}));
  WriteAllBut(*writer, kNone);
  EXPECT_OK(writer->Finish());
  EXPECT_OK(ModelReader::Open(dir.File("m")));
}

// A model larger than any disk is refused at once, not after an hour of writing.
TEST(ModelWriterTest, AFullDiskShowsAtOnce) {
  const TempDir dir;
  ModelConfig config = TinyConfig();
  config.vocab_size = 1 << 24;
  config.hidden_dim = 1 << 20;
  const std::vector<TensorType> types(TensorList(config).size());
  EXPECT_THAT(ModelWriter::Create(dir.File("m"), TinyMetadata(TinyConfig()), AllF32()), IsOk());
  ModelMetadata metadata = TinyMetadata(TinyConfig());
  metadata.config = config;
  EXPECT_THAT(ModelWriter::Create(dir.File("m"), metadata, types),
              MatchesStatus(absl::StatusCode::kResourceExhausted, {"free bytes"}));
  EXPECT_EQ(dir.List(), Names{});
}

}  // namespace
}  // namespace inkling
