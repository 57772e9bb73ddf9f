// MediaPipe LLM files for gpu: tiles of every type and size, whole conversions against safetensors
// and against the same weights in the cpu's form, and files that are wrong.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/checkpoints/mediapipe/mediapipe_matrix.h"
#include "converter/convert.h"
#include "src/format/model_metadata.h"
#include "src/format/model_reader.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/mediapipe_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using Type = MediapipeTensor::Type;

constexpr TensorType kF32 = {ElementType::kF32, 0};
constexpr TensorType kInt4Block = {ElementType::kInt4Block, 32};

// A matrix of any size, tile by tile, in all its ranges of rows.
class MediapipeTilesTest : public testing::TestWithParam<std::pair<int64_t, int64_t>> {
 protected:
  // Weights of a matrix as the fixture writes them, and as they are read.
  void CheckType(wire::TensorType wire_type, Type type, bool asymmetric) {
    const auto [rows, columns] = GetParam();
    MediapipeFixture fixture;
    fixture.form = {.gpu = true, .asymmetric = asymmetric};
    const std::vector<float> weights =
        fixture.AddQuantized("w", wire_type, rows, columns, FixtureValues("w", rows * columns));
    std::string bytes;
    const auto place = [&](const std::string& name) {
      const int64_t start = static_cast<int64_t>(bytes.size());
      bytes += fixture.Tensor(name).bytes;
      return start;
    };
    MediapipeMatrix matrix = {type, true, rows, columns, place("w"), place("w_quantized_scale")};
    if (asymmetric) matrix.zero_points = place("w_quantized_zp");
    EXPECT_EQ(MediapipeValueBytes(type, rows, columns, true), fixture.Tensor("w").bytes.size());
    CheckRanges(matrix, bytes, weights);
  }

  void CheckRanges(const MediapipeMatrix& matrix, const std::string& bytes,
                   const std::vector<float>& weights) {
    WriteFileBytes(folder_.File("matrix"), bytes);
    ASSERT_OK_AND_ASSIGN(const InputFile file, InputFile::Open(folder_.File("matrix")));
    for (int64_t first = 0; first < matrix.rows; ++first) {
      for (int64_t count = 0; count <= matrix.rows - first; ++count) {
        std::vector<float> found;
        ASSERT_OK(AppendFloatRows(file, matrix, first, count, found));
        const auto begin = weights.begin() + static_cast<ptrdiff_t>(first * matrix.columns);
        EXPECT_EQ(found,
                  std::vector<float>(begin, begin + static_cast<ptrdiff_t>(count * matrix.columns)))
            << first << " " << count;
      }
    }
  }

  TempDir folder_;
};

TEST_P(MediapipeTilesTest, EveryRangeOfRows) {
  for (const bool asymmetric : {false, true}) {
    CheckType(wire::TensorType::INT8, Type::kInt8, asymmetric);
    CheckType(wire::TensorType::INT4, Type::kInt4, asymmetric);
  }
}

TEST_P(MediapipeTilesTest, Floats) {
  const auto [rows, columns] = GetParam();
  const std::vector<float> weights = FixtureValues("w", rows * columns);
  const std::vector<float> tiles = MediapipeTiles(weights, rows, columns, 7.0f);
  const MediapipeMatrix matrix = {Type::kF32, true, rows, columns, 0};
  CheckRanges(
      matrix,
      std::string(reinterpret_cast<const char*>(tiles.data()), tiles.size() * sizeof(float)),
      weights);
}

INSTANTIATE_TEST_SUITE_P(Sizes, MediapipeTilesTest,
                         testing::Values(std::pair(1, 1), std::pair(4, 4), std::pair(5, 3),
                                         std::pair(7, 8), std::pair(8, 7), std::pair(9, 13),
                                         std::pair(18, 32), std::pair(3, 66)));

// The metadata but tokenizer, template and origin, then all tensors.
std::string ModelBytes(const std::string& path) {
  absl::StatusOr<std::unique_ptr<ModelReader>> reader = ModelReader::Open(path);
  EXPECT_OK(reader);
  if (!reader.ok()) return path;
  ModelMetadata metadata;
  metadata.config = (*reader)->config();
  const std::vector<std::byte> config = EncodeMetadata(metadata);
  std::string bytes(reinterpret_cast<const char*>(config.data()), config.size());
  for (const TensorView& view : (*reader)->tensors()) {
    absl::StrAppend(&bytes, view.info.name, TensorTypeName(view.type));
    bytes.append(reinterpret_cast<const char*>(view.values), static_cast<size_t>(view.value_bytes));
    bytes.append(reinterpret_cast<const char*>(view.scales), static_cast<size_t>(view.scale_bytes));
  }
  return bytes;
}

struct FamilyCase {
  const char* golden;
  uint32_t model_type;
};

std::ostream& operator<<(std::ostream& out, const FamilyCase& family) {
  return out << family.golden << ", model type " << family.model_type;
}

class MediapipeGpuTest : public testing::TestWithParam<FamilyCase> {
 protected:
  static std::string Golden(const std::string& name) {
    return std::string(INKLING_TEST_DATA_DIR) + "/golden/" + name;
  }

  // What converting `source` with these weights gives; the tokenizer is always the golden one.
  std::string Converted(const std::string& source, std::optional<TensorType> weights,
                        std::vector<std::string>* notes = nullptr) {
    ConvertOptions options;
    options.weights = weights;
    options.search = ScaleSearch::kMaxAbs;
    options.tokenizer_path = Golden(GetParam().golden) + "/tokenizer.json";
    const absl::StatusOr<ConvertSummary> summary =
        ConvertCheckpoint(source, folder_.File("out.tflite"), options);
    EXPECT_OK(summary);
    if (!summary.ok()) return source;
    if (notes != nullptr) *notes = summary->notes;
    return ModelBytes(folder_.File("out.tflite"));
  }

  std::string Write(const MediapipeFixture& file, const std::string& name) {
    WriteFileBytes(folder_.File(name), file.Bytes());
    return folder_.File(name);
  }

  MediapipeFixture File(MediapipeWeights weights, MediapipeForm form,
                        std::vector<FixtureTensor>* stored = nullptr) {
    const absl::StatusOr<std::unique_ptr<Checkpoint>> golden =
        Checkpoint::Open(Golden(GetParam().golden));
    EXPECT_OK(golden);
    MediapipeParameters values = GoldenMediapipeParameters(GetParam().golden);
    values.unnamed_fields = form.sums;
    return MediapipeFile(**golden, GetParam().model_type, values, weights, form, stored);
  }

  // The same file's config.json with other weights: a Hugging Face folder.
  std::string Folder(const MediapipeFixture& file, const std::vector<FixtureTensor>& tensors) {
    const std::string source = Write(file, "config_source.bin");
    const absl::StatusOr<std::unique_ptr<Checkpoint>> checkpoint = Checkpoint::Open(source);
    EXPECT_OK(checkpoint);
    const std::string folder = folder_.File("folder");
    std::filesystem::create_directories(folder);
    WriteFileBytes(folder + "/config.json", (*checkpoint)->config().dump());
    WriteFileBytes(folder + "/model.safetensors", SafetensorsBytes(tensors));
    return folder;
  }

  TempDir folder_;
};

// Whatever is read of a file for cpu is read of the one for gpu.
TEST_P(MediapipeGpuTest, IsTheModelThatTheFileForCpuIs) {
  for (const MediapipeWeights weights :
       {MediapipeWeights::kF32, MediapipeWeights::kInt8, MediapipeWeights::kInt4}) {
    const std::string cpu = Write(File(weights, {}), "cpu.bin");
    for (const bool sums : {false, true}) {
      const std::string gpu = Write(File(weights, {.gpu = true, .sums = sums}), "gpu.bin");
      for (const std::optional<TensorType> type :
           {std::optional<TensorType>(), std::optional(kF32), std::optional(kInt4Block)}) {
        EXPECT_TRUE(Converted(gpu, type) == Converted(cpu, type))
            << static_cast<int>(weights) << ", sums " << sums;
      }
    }
  }
}

TEST_P(MediapipeGpuTest, AsymmetricWeightsAreWhatTheyStandFor) {
  for (const MediapipeWeights weights : {MediapipeWeights::kInt8, MediapipeWeights::kInt4}) {
    std::vector<FixtureTensor> stored;
    const MediapipeFixture file =
        File(weights, {.gpu = true, .asymmetric = true, .sums = true}, &stored);
    const std::string gpu = Write(file, "gpu.bin");
    const std::string folder = Folder(file, stored);
    std::vector<std::string> notes;
    EXPECT_TRUE(Converted(gpu, kF32, &notes) == Converted(folder, kF32));
    // Without a wish they get the type nearest to theirs.
    const bool int8 = weights == MediapipeWeights::kInt8;
    const std::string kept = Converted(gpu, std::nullopt, &notes);
    EXPECT_EQ(
        notes[0].rfind(int8 ? "rounded a second time, from INT8 with zero points to int8: "
                            : "rounded a second time, from INT4 with zero points to int4/32: ",
                       0),
        0)
        << notes[0];
    EXPECT_TRUE(kept != Converted(gpu, kF32));
  }
}

TEST_P(MediapipeGpuTest, BuffersMayLieFarApart) {
  const std::string near = Write(File(MediapipeWeights::kInt4, {.gpu = true}), "near.bin");
  MediapipeFixture file = File(MediapipeWeights::kInt4, {.gpu = true});
  file.alignment = 65536;
  EXPECT_TRUE(Converted(Write(file, "far.bin"), std::nullopt) == Converted(near, std::nullopt));
}

constexpr FamilyCase kFamilies[] = {{"gemma", 6}, {"gemma2", 18},  {"gemma3", 27},
                                    {"phi", 11},  {"stablelm", 8}, {"falcon_rw", 5}};

INSTANTIATE_TEST_SUITE_P(Families, MediapipeGpuTest, testing::ValuesIn(kFamilies),
                         [](const testing::TestParamInfo<FamilyCase>& info) {
                           return std::string(info.param.golden);
                         });

}  // namespace
}  // namespace inkling
