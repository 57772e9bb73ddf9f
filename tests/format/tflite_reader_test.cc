// Our files in the eyes of TensorFlow Lite's own schema reader, schema_generated.h, which nobody
// here wrote.
//
// The header comes from third_party/get_tflite_schema.sh; where it is absent the test says so and
// is skipped.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/format/model_reader.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#ifdef INKLING_HAS_TFLITE_SCHEMA
#include "schema_generated.h"
#endif

namespace inkling {
namespace {

#ifdef INKLING_HAS_TFLITE_SCHEMA

constexpr int kBfloat16 = 18;  // younger than schema 2.14.1

struct Case {
  TensorType type;
  int tflite_type;
};

const ::tflite::Model* VerifiedModel(const std::string& file) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(file.data());
  flatbuffers::Verifier verifier(bytes, std::min<size_t>(file.size(), 1 << 20));
  EXPECT_TRUE(::tflite::VerifyModelBuffer(verifier));
  return ::tflite::GetModel(bytes);
}

const ::tflite::Tensor* FindTensor(const ::tflite::Model& model, const std::string& name) {
  for (const ::tflite::Tensor* tensor : *model.subgraphs()->Get(0)->tensors()) {
    if (tensor->name()->str() == name) return tensor;
  }
  return nullptr;
}

// `found` has the shape and, behind its buffer's offset, the bytes expected.
void ExpectTensor(const ::tflite::Model& model, const std::string& file,
                  const ::tflite::Tensor* found, const std::vector<int32_t>& shape,
                  const std::byte* bytes, int64_t size) {
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(std::vector<int32_t>(found->shape()->begin(), found->shape()->end()), shape);
  EXPECT_FALSE(found->is_variable());
  const ::tflite::Buffer* buffer = model.buffers()->Get(found->buffer());
  EXPECT_EQ(buffer->data(), nullptr);
  ASSERT_EQ(buffer->size(), static_cast<uint64_t>(size));
  EXPECT_EQ(std::memcmp(file.data() + buffer->offset(), bytes, static_cast<size_t>(size)), 0);
}

void CheckModel(const Case& c) {
  const TempDir dir;
  ASSERT_OK(WriteRandomModel(dir.File("m"), TinyConfig(), c.type, c.type, 1));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader, ModelReader::Open(dir.File("m")));
  const std::string file = ReadFileBytes(dir.File("m"));
  const ::tflite::Model& model = *VerifiedModel(file);
  EXPECT_EQ(model.version(), 3u);
  ASSERT_EQ(model.subgraphs()->size(), 1u);
  EXPECT_EQ(model.subgraphs()->Get(0)->operators()->size(), 0u);
  EXPECT_EQ(model.buffers()->Get(0)->size(), 0u);
  for (const TensorView& view : reader->tensors()) {
    const ::tflite::Tensor* found = FindTensor(model, view.info.name);
    const auto rows = static_cast<int32_t>(view.info.rows);
    const auto columns = static_cast<int32_t>(view.info.columns);
    ExpectTensor(
        model, file, found,
        view.info.is_vector ? std::vector<int32_t>{columns} : std::vector<int32_t>{rows, columns},
        view.values, view.value_bytes);
    if (view.type == c.type && !view.info.is_vector) {
      EXPECT_EQ(static_cast<int>(found->type()), c.tflite_type);
    }
    if (view.scales == nullptr) continue;
    const ::tflite::Tensor* scales = FindTensor(model, view.info.name + ".scale");
    const int32_t block = view.type.block_size;
    ExpectTensor(
        model, file, scales,
        block == 0 ? std::vector<int32_t>{rows} : std::vector<int32_t>{rows, columns / block},
        view.scales, view.scale_bytes);
    EXPECT_EQ(static_cast<int>(scales->type()),
              block == 0 ? ::tflite::TensorType_FLOAT32 : kBfloat16);
    const int64_t zero_point = view.type.element == ElementType::kInt8Channel ? 0 : 8;
    EXPECT_EQ(found->quantization()->zero_point()->Get(0), zero_point);
  }
}

TEST(TfliteReaderTest, SeesEveryTensorOfEveryType) {
  for (const Case& c : {Case{{ElementType::kF32, 0}, ::tflite::TensorType_FLOAT32},
                        Case{{ElementType::kF16, 0}, ::tflite::TensorType_FLOAT16},
                        Case{{ElementType::kBf16, 0}, kBfloat16},
                        Case{{ElementType::kInt8Channel, 0}, ::tflite::TensorType_INT8},
                        Case{{ElementType::kInt4Channel, 0}, ::tflite::TensorType_INT4},
                        Case{{ElementType::kInt4Block, 32}, ::tflite::TensorType_INT4}}) {
    SCOPED_TRACE(TensorTypeName(c.type));
    CheckModel(c);
  }
}

TEST(TfliteReaderTest, SeesTheMetadataEntry) {
  const TempDir dir;
  ASSERT_OK(WriteRandomModel(dir.File("m"), TinyConfig(), {}, {}, 1));
  const std::string file = ReadFileBytes(dir.File("m"));
  const ::tflite::Model& model = *VerifiedModel(file);
  ASSERT_EQ(model.metadata()->size(), 2u);
  EXPECT_EQ(model.metadata()->Get(0)->name()->str(), "inkling.model");
  const ::tflite::Buffer* buffer = model.buffers()->Get(model.metadata()->Get(0)->buffer());
  EXPECT_EQ(file.substr(buffer->offset() + 4, 4), "INKM");
}

#else

TEST(TfliteReaderTest, SeesEveryTensorOfEveryType) {
  GTEST_SKIP() << "TensorFlow Lite's schema_generated.h isn't here; "
                  "third_party/get_tflite_schema.sh fetches it";
}

#endif

}  // namespace
}  // namespace inkling
