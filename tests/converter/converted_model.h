// ConvertedModel: a tiny checkpoint, converted to f32 and opened. For tests of whole conversions.

#ifndef INKLING_TESTS_CONVERTER_CONVERTED_MODEL_H_
#define INKLING_TESTS_CONVERTER_CONVERTED_MODEL_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "converter/convert.h"
#include "nlohmann/json.hpp"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/testing/temp_dir.h"

namespace inkling {

class ConvertedModel {
 public:
  // Fails the test where the checkpoint can't be converted; ok() is then false.
  explicit ConvertedModel(const TinyCheckpoint& checkpoint);

  bool ok() const { return reader_ != nullptr; }
  const ModelReader& reader() const { return *reader_; }
  const ModelConfig& config() const { return reader_->config(); }
  const ConvertSummary& summary() const { return summary_; }

  // The values of a tensor, which must be there.
  std::vector<float> Values(const std::string& name) const;

 private:
  TempDir folder_;
  ConvertSummary summary_;
  std::unique_ptr<ModelReader> reader_;
};

// What the recipe for a config.json makes of it, checked as a conversion would.
absl::StatusOr<ModelConfig> ReadModelConfig(const nlohmann::json& config);

// What the summary of a conversion would say of a config.json that can be read.
std::vector<std::string> ConfigNotes(const nlohmann::json& config);

// What converting `checkpoint` to f32 says, for checkpoints that have to fail.
absl::Status ConvertStatus(const TinyCheckpoint& checkpoint);

// The values of tensor `name` of `reader`, dequantised; empty, and the test fails, without it.
std::vector<float> StoredValues(const ModelReader& reader, const std::string& name);

// Every field of the config, as a file would hold it: equal bytes are equal configs.
std::vector<std::byte> EncodedConfig(const ModelConfig& config);

// Fails the test unless both have the same config and the same tensors, bit for bit.
void ExpectSameModel(const ConvertedModel& found, const ConvertedModel& expected);

// Fails the test unless the decoder's logits of 45 random tokens are those of the reference
// decoder. `capacity` is the session's context, which chooses between sets of rope frequencies.
void ExpectDecoderAgreesWithReference(const ConvertedModel& model, int32_t capacity = 64);

}  // namespace inkling

#endif  // INKLING_TESTS_CONVERTER_CONVERTED_MODEL_H_
