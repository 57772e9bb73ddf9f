// MediaPipe LLM files, written by the tests from the documented layout: TensorFlow Lite's
// flatbuffer, LlmParameters field by field, quantisation as MediaPipe's converter does it.

#ifndef INKLING_TESTS_CONVERTER_MEDIAPIPE_FIXTURE_H_
#define INKLING_TESTS_CONVERTER_MEDIAPIPE_FIXTURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/checkpoints/checkpoint.h"
#include "nlohmann/json.hpp"
#include "src/format/tflite_generated.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/pytorch_fixture.h"

namespace inkling {

// A protocol buffer, field by field.
class ProtobufWriter {
 public:
  ProtobufWriter& Number(uint32_t field, uint64_t value);
  ProtobufWriter& Float(uint32_t field, float value);
  ProtobufWriter& Bytes(uint32_t field, absl::string_view bytes);
  const std::string& bytes() const { return bytes_; }

 private:
  void Varint(uint64_t value);
  std::string bytes_;
};

struct MediapipeFixtureTensor {
  std::string name;
  wire::TensorType type = wire::TensorType::FLOAT32;
  std::vector<int32_t> shape;
  std::string bytes;
};

// What differs between the files of MediaPipe's converters beside their backend. Files for gpu have
// tiles, and shapes that say bytes.
struct MediapipeForm {
  bool gpu = false;
  bool asymmetric = false;  // gpu only: (max - min) / 255 or / 15, and zero points
  bool sums = false;        // gpu only, from 0.10.20 on: sums of rows
};

// The values of a matrix [rows, columns] in tiles [columns / 4][rows / 4][4 columns][4 rows], with
// `padding` where there are none.
std::vector<float> MediapipeTiles(absl::Span<const float> values, int64_t rows, int64_t columns,
                                  float padding);

// A file in parts; tests change them before writing.
struct MediapipeFixture {
  void AddFloats(const std::string& name, const std::vector<int64_t>& shape,
                 absl::Span<const float> values);

  // A matrix with one scale for each row (symmetric: max|w| / 127 or / 7) and its scales. int4 has
  // 8 added, the first of two in the low nibble; int8 has 128 added in tiles. Returns the weights
  // that the file has then.
  std::vector<float> AddQuantized(const std::string& name, wire::TensorType type, int64_t rows,
                                  int64_t columns, absl::Span<const float> values);

  MediapipeFixtureTensor& Tensor(const std::string& name);
  void Remove(const std::string& name);

  std::string Bytes() const;

  MediapipeForm form;
  uint64_t alignment = 64;  // of buffers; 64 KiB in the oldest files
  std::vector<MediapipeFixtureTensor> tensors;
  std::string parameters;
  std::string tokenizer;
  std::string backend = "cpu";
  uint32_t model_type = 6;  // GEMMA_2B
  bool has_parameters = true;
  uint32_t lora_rank = 0;     // above 0: an adapter's
  bool shares_bytes = false;  // tensors all lie on the bytes of the first, which is the largest
};

// Values for LlmParameters that differ between models.
struct MediapipeParameters {
  uint64_t activation = 1;  // GELU
  uint64_t norm = 2;        // RMS_NORM
  uint64_t mask = 1;        // CAUSAL
  uint64_t scale = 2;       // INV_SQRT_HEAD_DIM
  float attention_soft_cap = 0;
  float final_soft_cap = 0;
  uint64_t window = 0;
  uint64_t local_layers = 0;
  float rope_wavelength = 0;
  float rope_scaling = 0;
  uint64_t start_token = 2;
  bool unnamed_fields = false;  // 23 and 24, as from 0.10.20 on
};

// What the parameters of the golden checkpoint `golden` ("gemma2") say differently.
MediapipeParameters GoldenMediapipeParameters(absl::string_view golden);

// LlmParameters for the sizes in `config` (a config.json).
ProtobufWriter MediapipeLlmParameters(const nlohmann::json& config,
                                      const MediapipeParameters& values);

// How matrices are written.
enum class MediapipeWeights : uint8_t { kF32, kInt8, kInt4 };

// The tensors of `checkpoint` (in Hugging Face form, of a family of `model_type`) as a MediaPipe
// file's: under MediaPipe's names, q, k and v apart, LayerNorms [1, 1, n]. Where `stored` isn't
// null, it gets the checkpoint's tensors with the weights that the file has.
MediapipeFixture MediapipeFile(const Checkpoint& checkpoint, uint32_t model_type,
                               const MediapipeParameters& values, MediapipeWeights weights,
                               MediapipeForm form = {},
                               std::vector<FixtureTensor>* stored = nullptr);

// A SentencePiece model of six pieces; the last says whose it is. `names_ends`: it says which of
// them begin and end a text.
std::string TinySentencePiece(const std::string& last = "a", bool names_ends = true);

// config.json's sizes of LittleMediapipeGemma.
nlohmann::json LittleMediapipeSizes(int64_t feed_forward);

// A complete little Gemma in int8 and, for the values' matrix, int4.
MediapipeFixture LittleMediapipeGemma(MediapipeForm form, int64_t feed_forward);

// A .task bundle of these entries: a ZIP archive whose first header stands at byte 4.
std::string MediapipeBundleBytes(const std::vector<ZipPart>& entries, bool only_zip64 = false);

}  // namespace inkling

#endif  // INKLING_TESTS_CONVERTER_MEDIAPIPE_FIXTURE_H_
