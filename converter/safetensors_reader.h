// SafetensorsCheckpoint: a Hugging Face folder with config.json and safetensors, in one file or in
// shards listed by model.safetensors.index.json.
//
// Checkpoint::Open makes it. Headers are read at once, values only when asked for.

#ifndef INKLING_CONVERTER_SAFETENSORS_READER_H_
#define INKLING_CONVERTER_SAFETENSORS_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/checkpoint.h"
#include "converter/input_file.h"

namespace inkling {

class SafetensorsCheckpoint : public Checkpoint {
 public:
  // `folder` has config.json and either model.safetensors.index.json with its shards, or
  // model.safetensors, or exactly one other .safetensors file. Errors: NotFound (also for a shard),
  // InvalidArgument, Unimplemented for a folder with only another format's weights.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFolder(const std::string& folder);

  // One file, with the config.json that lies next to it.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFile(const std::string& path);

  std::string FormatName() const override;
  const nlohmann::json& config() const override { return config_; }
  absl::Span<const SourceTensor> tensors() const override { return tensors_; }
  std::vector<std::string> Files() const override;
  TokenizerPlace tokenizer() const override { return {.config_folder = folder_, .file = ""}; }
  absl::StatusOr<std::vector<float>> ReadRows(size_t index, int64_t first_row,
                                              int64_t num_rows) const override;

 private:
  // Where tensors_[i] lies.
  struct Place {
    size_t file;
    int64_t offset;
  };

  explicit SafetensorsCheckpoint(std::string folder) : folder_(std::move(folder)) {}

  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFiles(
      const std::string& folder, const std::vector<std::string>& names,
      const nlohmann::json* weight_map);
  absl::Status AddFile(const std::string& path);
  absl::Status CheckIndex(const nlohmann::json& weight_map) const;

  std::string folder_;
  nlohmann::json config_;
  std::vector<InputFile> files_;
  std::vector<SourceTensor> tensors_;
  std::vector<Place> places_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_SAFETENSORS_READER_H_
