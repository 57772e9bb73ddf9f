// MediapipeCheckpoint: a hand-written MediaPipe LLM file for CPUs, presented in Hugging Face form.
//
// Checkpoint::Open makes it. Its int8 and int4 matrices have one scale for each output row, in just
// the form of model files, so they can be taken without rounding again (StoredType).

#ifndef INKLING_CONVERTER_MEDIAPIPE_READER_H_
#define INKLING_CONVERTER_MEDIAPIPE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/checkpoint.h"
#include "converter/input_file.h"
#include "converter/llm_parameters.h"
#include "converter/mediapipe_families.h"
#include "converter/mediapipe_file.h"

namespace inkling {

class MediapipeCheckpoint : public Checkpoint {
 public:
  // True for every TensorFlow Lite file: Open says what those are that it doesn't read.
  static bool Recognizes(const InputFile& file) { return LooksLikeTflite(file); }

  // Errors: those of ReadMediapipeFile, ReadLlmParameters, FindMediapipeModelType and
  // MediapipeConfig; InvalidArgument for a quantised tensor without its scales.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Open(InputFile file);

  std::string FormatName() const override { return "MediaPipe LLM file, " + type_.name; }
  const nlohmann::json& config() const override { return config_; }
  absl::Span<const SourceTensor> tensors() const override { return tensors_; }
  std::vector<std::string> Files() const override { return {file_.path()}; }
  absl::StatusOr<ImportedTokenizer> ImportTokenizer(
      const std::string& vocabulary_path) const override;
  absl::StatusOr<std::vector<float>> ReadRows(size_t index, int64_t first_row,
                                              int64_t num_rows) const override;
  std::optional<TensorType> StoredType(size_t index) const override;
  absl::StatusOr<QuantizedRows> ReadStoredRows(size_t index, int64_t first_row,
                                               int64_t num_rows) const override;

 private:
  // A tensor of the file: where its values lie, and its scales if it has them.
  struct Piece {
    int64_t values = -1;
    int64_t scales = -1;
  };

  // Where tensors_[i] lies: in one piece, or in three whose rows alternate in runs of `run`.
  struct Place {
    MediapipeTensor::Type type = MediapipeTensor::Type::kF32;
    std::vector<Piece> pieces;
    int64_t run = 0;
  };

  explicit MediapipeCheckpoint(InputFile file) : file_(std::move(file)) {}

  absl::Status AddTensors(const std::vector<MediapipeTensor>& tensors, bool tied);
  absl::Status AddTensor(const MediapipeTensor& tensor, const MediapipeTensor* scales, bool tied);
  absl::Status CheckFused() const;
  absl::Status CheckRows(size_t index, int64_t first_row, int64_t num_rows) const;
  absl::Status ReadPiece(const Place& place, const Piece& piece, int64_t first_row,
                         int64_t num_rows, int64_t columns, QuantizedRows& rows) const;
  absl::StatusOr<QuantizedRows> ReadBytes(size_t index, int64_t first_row, int64_t num_rows) const;

  InputFile file_;
  MediapipeModelType type_;
  LlmParameters parameters_;
  std::string tokenizer_;
  nlohmann::json config_;
  std::vector<SourceTensor> tensors_;
  std::vector<Place> places_;
  absl::flat_hash_map<std::string, size_t> fused_;  // names of fused tensors -> index
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_MEDIAPIPE_READER_H_
