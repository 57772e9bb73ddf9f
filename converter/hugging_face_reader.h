// HuggingFaceCheckpoint: a Hugging Face folder, config.json and weights in safetensors or in
// PyTorch's own form, in one file or in shards that an index lists.
//
// Checkpoint::Open makes it. What lies in a weight file its header parser says
// (safetensors_header.h, pytorch_archive.h), at once for all; values are read only when asked for.

#ifndef INKLING_CONVERTER_HUGGING_FACE_READER_H_
#define INKLING_CONVERTER_HUGGING_FACE_READER_H_

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
#include "converter/checkpoint.h"
#include "converter/input_file.h"
#include "converter/weight_entry.h"

namespace inkling {

class HuggingFaceCheckpoint : public Checkpoint {
 public:
  // `folder` has config.json and the weights: model.safetensors.index.json with its shards, else
  // model.safetensors, else pytorch_model.bin.index.json with its shards, else pytorch_model.bin,
  // else exactly one other .safetensors file. Errors: NotFound (also for a shard), InvalidArgument,
  // Unimplemented for a folder with only another format's weights.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFolder(const std::string& folder);

  // True if `folder` has a file with a name that OpenFolder looks for.
  static bool HasWeights(const std::string& folder);

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
  absl::StatusOr<ImportedTokenizer> ImportTokenizer(
      const std::string& vocabulary_path) const override;
  absl::StatusOr<std::vector<float>> ReadRows(size_t index, int64_t first_row,
                                              int64_t num_rows) const override;

 private:
  struct WeightFormat;
  static absl::Span<const WeightFormat> WeightFormats();

  // Where tensors_[i] lies.
  struct Place {
    size_t file;
    int64_t offset;
    int64_t row_stride;
  };

  HuggingFaceCheckpoint(std::string folder, const WeightFormat& format)
      : folder_(std::move(folder)), format_(format) {}

  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenShards(const std::string& folder,
                                                                const WeightFormat& format);
  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFiles(
      const std::string& folder, const WeightFormat& format, const std::vector<std::string>& names,
      const nlohmann::json* weight_map);
  absl::Status AddFile(const std::string& path);
  absl::Status CheckIndex(const nlohmann::json& weight_map) const;

  std::string folder_;
  const WeightFormat& format_;
  nlohmann::json config_;
  std::vector<InputFile> files_;
  std::vector<SourceTensor> tensors_;
  std::vector<Place> places_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_HUGGING_FACE_READER_H_
