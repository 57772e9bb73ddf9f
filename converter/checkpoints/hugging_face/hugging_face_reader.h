// HuggingFaceCheckpoint: a Hugging Face folder, config.json and weights in safetensors or in
// PyTorch's own form, in one file or in shards that an index lists.
//
// Checkpoint::Open makes it. What lies in a weight file its header parser says
// (safetensors_header.h, pytorch_archive.h), at once for all; values are read only when asked for.

#ifndef INKLING_CONVERTER_CHECKPOINTS_HUGGING_FACE_HUGGING_FACE_READER_H_
#define INKLING_CONVERTER_CHECKPOINTS_HUGGING_FACE_HUGGING_FACE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/checkpoints/hugging_face/weight_files.h"
#include "converter/files/input_file.h"

namespace inkling {

class HuggingFaceCheckpoint : public Checkpoint {
 public:
  // `folder` has config.json and the weights; which files those are, FindWeightFiles says
  // (weight_files.h), for `variant` too. Errors: NotFound (also for a shard), InvalidArgument,
  // Unimplemented for a folder with only another format's weights.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFolder(const std::string& folder,
                                                                const std::string& variant = "");

  // What an error says of a folder that has a LoRA adapter where a model should be; empty for
  // others.
  static absl::string_view AdapterHint(const std::string& folder);

  // True if `file` begins as one of the weight formats does.
  static bool Recognizes(const InputFile& file);

  // A single file that is recognised, with the config.json that lies next to it.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFile(InputFile file);

  std::string FormatName() const override;
  const nlohmann::json& config() const override { return config_; }
  absl::Span<const SourceTensor> tensors() const override { return tensors_; }
  std::vector<std::string> Files() const override;
  std::vector<std::string> Notes() const override { return notes_; }
  std::string NameInFile(absl::string_view name) const override;
  absl::StatusOr<ImportedTokenizer> ImportTokenizer(
      const std::string& vocabulary_path) const override;
  absl::StatusOr<std::vector<float>> ReadRows(size_t index, int64_t first_row,
                                              int64_t num_rows) const override;

 private:
  // Where tensors_[i] lies.
  struct Place {
    size_t file;
    int64_t offset;
    int64_t row_stride;
  };

  HuggingFaceCheckpoint(std::string folder, WeightKind kind)
      : folder_(std::move(folder)), kind_(kind) {}

  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFiles(const std::string& folder,
                                                               WeightFiles files);
  absl::Status AddFile(const std::string& path);
  absl::Status CheckIndex(const WeightFiles& files) const;
  absl::Status TakeOffPrefixes();

  std::string folder_;
  WeightKind kind_;
  nlohmann::json config_;
  std::string prefix_;  // taken off all names
  std::vector<std::string> notes_;
  std::vector<InputFile> files_;
  std::vector<SourceTensor> tensors_;
  std::vector<Place> places_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_HUGGING_FACE_HUGGING_FACE_READER_H_
