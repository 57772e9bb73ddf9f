// GgufCheckpoint: a model as llama.cpp keeps it, in one file or in shards, presented in Hugging
// Face form.
//
// Checkpoint::Open makes it. Headers are read at once, values only when asked for. Blocks of
// quantised weights are dequantised row by row.

#ifndef INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_READER_H_
#define INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/checkpoints/gguf/gguf_families.h"
#include "converter/checkpoints/gguf/gguf_tensors.h"
#include "converter/files/config_fields.h"
#include "converter/files/input_file.h"

namespace inkling {

class GgufCheckpoint : public Checkpoint {
 public:
  // `file` is a GGUF file: the only one, or any of a set named ...-00001-of-00003.gguf. Errors:
  // NotFound (a shard), those of ReadGgufHeader, InvalidArgument (metadata, shards that don't
  // belong together), Unimplemented (an architecture or a key without a counterpart, by name).
  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFile(InputFile file);

  // The one GGUF model in `folder`: a file or a set of shards, whatever other files there are.
  // Errors: NotFound if there is none, InvalidArgument if there are several.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> OpenFolder(const std::string& folder);

  std::string FormatName() const override;
  const nlohmann::json& config() const override { return config_; }
  absl::Span<const SourceTensor> tensors() const override { return tensors_; }
  std::vector<std::string> Files() const override;
  std::string ConfigName() const override { return files_.front().path(); }
  const FieldSpelling* Spelling() const override { return &spelling_; }
  std::string NameInFile(absl::string_view name) const override;
  bool BiasesAreOptional() const override { return HasOptionalBiases(*family_); }
  // Its own: the one in its metadata.
  absl::StatusOr<ImportedTokenizer> ImportTokenizer(
      const std::string& vocabulary_path) const override;
  absl::StatusOr<std::vector<float>> ReadRows(size_t index, int64_t first_row,
                                              int64_t num_rows) const override;
  std::optional<TensorType> KeptType(size_t index) const override;
  absl::StatusOr<std::vector<float>> ReadBlockScales(size_t index, int64_t first_row,
                                                     int64_t num_rows) const override;

 private:
  GgufCheckpoint() = default;

  absl::Status Read(const std::vector<std::string>& paths);

  // The stored bytes of rows of tensors_[index], in the presented order.
  absl::StatusOr<std::vector<std::byte>> ReadBytes(size_t index, int64_t first_row,
                                                   int64_t num_rows) const;

  std::vector<InputFile> files_;
  bool is_quantized_ = false;  // some matrix is
  const GgufFamily* family_ = nullptr;
  nlohmann::json config_;
  FieldSpelling spelling_;
  std::vector<SourceTensor> tensors_;
  std::vector<GgufView> views_;  // of tensors_, whose `tensor.file` names one of files_
  std::vector<size_t> file_of_;  // of tensors_, into files_
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_READER_H_
