// Conversions for tests, and what they are compared with.

#include "tests/converter/converted_model.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/files/config_fields.h"
#include "converter/recipes/config_keys.h"
#include "converter/recipes/recipe.h"
#include "gtest/gtest.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/cpu_kv_cache.h"
#include "src/format/element_type.h"
#include "src/format/model_metadata.h"
#include "src/format/quantization.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/reference_decoder.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

absl::StatusOr<ConvertSummary> Convert(const TinyCheckpoint& checkpoint, const TempDir& folder) {
  checkpoint.Write(folder.File("checkpoint"));
  ConvertOptions options;
  options.weights = {ElementType::kF32, 0};
  return ConvertCheckpoint(folder.File("checkpoint"), folder.File("model.tflite"), options);
}

}  // namespace

ConvertedModel::ConvertedModel(const TinyCheckpoint& checkpoint) {
  absl::StatusOr<ConvertSummary> summary = Convert(checkpoint, folder_);
  EXPECT_OK(summary);
  if (!summary.ok()) return;
  summary_ = *std::move(summary);
  absl::StatusOr<std::unique_ptr<ModelReader>> reader =
      ModelReader::Open(folder_.File("model.tflite"));
  EXPECT_OK(reader);
  if (reader.ok()) reader_ = *std::move(reader);
}

std::vector<float> ConvertedModel::Values(const std::string& name) const {
  return StoredValues(*reader_, name);
}

absl::StatusOr<ModelConfig> ReadModelConfig(const nlohmann::json& config) {
  const absl::StatusOr<const Recipe*> recipe = FindRecipe(config);
  if (!recipe.ok()) return recipe.status();
  ConfigFields fields(config, "config.json");
  ModelConfig result = (*recipe)->read_config(fields);
  if (!fields.status().ok()) return fields.status();
  if (absl::Status valid = ValidateModelConfig(result); !valid.ok()) return valid;
  return result;
}

std::vector<std::string> ConfigNotes(const nlohmann::json& config) {
  const absl::StatusOr<const Recipe*> recipe = FindRecipe(config);
  EXPECT_OK(recipe);
  if (!recipe.ok()) return {};
  ConfigFields fields(config, "config.json");
  (*recipe)->read_config(fields);
  NoteUnreadMathematics((*recipe)->family, fields);
  EXPECT_OK(fields.status());
  return fields.notes();
}

absl::Status ConvertStatus(const TinyCheckpoint& checkpoint) {
  const TempDir folder;
  return Convert(checkpoint, folder).status();
}

std::vector<float> StoredValues(const ModelReader& reader, const std::string& name) {
  const TensorView* view = reader.Find(name);
  if (view == nullptr) {
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  absl::StatusOr<std::vector<float>> values =
      DequantizeRows(absl::MakeSpan(view->values, static_cast<size_t>(view->value_bytes)),
                     absl::MakeSpan(view->scales, static_cast<size_t>(view->scale_bytes)),
                     view->info.rows, view->info.columns, view->type);
  EXPECT_OK(values);
  return values.ok() ? *std::move(values) : std::vector<float>();
}

std::vector<std::byte> EncodedConfig(const ModelConfig& config) {
  ModelMetadata metadata;
  metadata.config = config;
  return EncodeMetadata(metadata);
}

void ExpectSameModel(const ConvertedModel& found, const ConvertedModel& expected) {
  ASSERT_TRUE(found.ok() && expected.ok());
  EXPECT_EQ(EncodedConfig(found.config()), EncodedConfig(expected.config()));
  ASSERT_EQ(found.reader().tensors().size(), expected.reader().tensors().size());
  for (const TensorView& view : expected.reader().tensors()) {
    EXPECT_EQ(found.Values(view.info.name), expected.Values(view.info.name)) << view.info.name;
  }
}

void ExpectDecoderAgreesWithReference(const ConvertedModel& model, int32_t capacity) {
  ASSERT_TRUE(model.ok());
  const std::vector<int32_t> tokens = RandomTokens(45, model.config().vocab_size);
  const ReferenceDecoder::Result expected = ReferenceDecoder(model.reader(), capacity).Run(tokens);
  ASSERT_GT(MaxMagnitude(expected.logits), 1e-2);
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<CpuDecoder> decoder,
      CpuDecoder::Create(model.reader(), {.num_threads = 1, .prefill_rows = 16, .decode_rows = 4}));
  for (const size_t chunk : {16, 3}) {
    ASSERT_OK_AND_ASSIGN(
        const std::unique_ptr<CpuKvCache> cache,
        CpuKvCache::Create(model.config(),
                           {.capacity = capacity, .max_chunk = 16, .element = KvElement::kF32}));
    EXPECT_LE(MaxDifference(RunAll(*decoder, *cache, tokens, chunk), expected.logits),
              2e-5 * (1.0 + MaxMagnitude(expected.logits)))
        << "chunk " << chunk;
  }
}

}  // namespace inkling
