// MediapipeCheckpoint: a hand-written MediaPipe LLM file, for cpu or gpu, alone or in a .task
// bundle, presented in Hugging Face form.
//
// Checkpoint::Open makes it. Its symmetric int8 and int4 matrices have one scale for each output
// row, just as those of model files, so they can be taken without rounding again (StoredType).
// Asymmetric ones are dequantised to floats.

#ifndef INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_READER_H_
#define INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_READER_H_

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
#include "converter/checkpoints/checkpoint.h"
#include "converter/checkpoints/mediapipe/llm_parameters.h"
#include "converter/checkpoints/mediapipe/mediapipe_bundle.h"
#include "converter/checkpoints/mediapipe/mediapipe_families.h"
#include "converter/checkpoints/mediapipe/mediapipe_file.h"
#include "converter/checkpoints/mediapipe/mediapipe_matrix.h"
#include "converter/files/input_file.h"

namespace inkling {

class MediapipeCheckpoint : public Checkpoint {
 public:
  // True for every TensorFlow Lite file and for bundles (mediapipe_bundle.h): Open says what those
  // are that it doesn't read.
  static bool Recognizes(const InputFile& file) {
    return LooksLikeTflite(file) || LooksLikeMediapipeBundle(file);
  }

  // Errors: those of ReadMediapipeBundle, ReadMediapipeFile, ReadLlmParameters,
  // FindMediapipeModelType and MediapipeConfig; InvalidArgument for a quantised tensor without its
  // scales, and for tensors whose sizes contradict the parameters.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Open(InputFile file);

  std::string FormatName() const override;
  const nlohmann::json& config() const override { return config_; }
  absl::Span<const SourceTensor> tensors() const override { return tensors_; }
  std::vector<std::string> Files() const override { return {file_.path()}; }
  std::vector<std::string> Notes() const override { return notes_; }
  absl::StatusOr<ImportedTokenizer> ImportTokenizer(
      const std::string& vocabulary_path) const override;
  absl::StatusOr<std::vector<float>> ReadRows(size_t index, int64_t first_row,
                                              int64_t num_rows) const override;
  std::optional<TensorType> StoredType(size_t index) const override;
  std::optional<TensorType> KeptType(size_t index) const override;
  absl::StatusOr<QuantizedRows> ReadStoredRows(size_t index, int64_t first_row,
                                               int64_t num_rows) const override;

 private:
  // Where tensors_[i] lies: in one piece, or in three whose rows alternate in runs of `run`.
  struct Place {
    std::vector<MediapipeMatrix> pieces;
    int64_t run = 0;
  };

  explicit MediapipeCheckpoint(InputFile file) : file_(std::move(file)) {}

  // Opens what lies in the file, of which `bundle` has told where, if it is one.
  absl::Status Fill(const std::optional<MediapipeBundle>& bundle);
  absl::Status AboutBundledModel(const absl::Status& status) const;
  absl::Status AddTensors(const std::vector<MediapipeTensor>& tensors, bool tied);
  absl::Status AddTensor(const MediapipeTensor& tensor, const MediapipeMatrix& matrix,
                         std::vector<int64_t> shape, bool tied);
  absl::Status AddPart(const MediapipeTensorName& name, const MediapipeTensor& tensor,
                       const MediapipeMatrix& matrix, const std::vector<int64_t>& shape);
  absl::Status CheckFused() const;
  absl::Status NoteLostZeroPoints();
  absl::Status CheckRows(size_t index, int64_t first_row, int64_t num_rows) const;

  // Calls `read` (piece, first row of it, number of rows) for each run of rows of tensors_[index].
  template <typename Read>
  absl::Status ForEachRun(size_t index, int64_t first_row, int64_t num_rows,
                          const Read& read) const;

  InputFile file_;
  bool in_bundle_ = false;
  MediapipeBackend backend_ = MediapipeBackend::kCpu;
  MediapipeModelType type_;
  LlmParameters parameters_;
  std::string tokenizer_;
  nlohmann::json config_;
  std::vector<SourceTensor> tensors_;
  std::vector<Place> places_;
  std::vector<std::string> notes_;
  absl::flat_hash_map<std::string, size_t> fused_;  // names of fused tensors -> index
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_READER_H_
