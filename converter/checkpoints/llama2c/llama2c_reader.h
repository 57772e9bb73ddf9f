// Llama2cCheckpoint: a llama2.c .bin file (version 0), presented in Hugging Face form.
//
// Checkpoint::Open makes it. Seven little-endian int32 (dim, hidden_dim, n_layers, n_heads,
// n_kv_heads, vocab_size, seq_len), then f32 tensors in a fixed order, each kind for all layers at
// once; a negative vocab_size says that the classifier has weights of its own. The rows of q and k
// lie in interleaved rotary pairs and are handed out in rotate-half order.

#ifndef INKLING_CONVERTER_CHECKPOINTS_LLAMA2C_LLAMA2C_READER_H_
#define INKLING_CONVERTER_CHECKPOINTS_LLAMA2C_LLAMA2C_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/files/input_file.h"

namespace inkling {

class Llama2cCheckpoint : public Checkpoint {
 public:
  // True if `file` has a header whose sizes are sane and add up to the file's size: the format has
  // no magic number.
  static bool Recognizes(const InputFile& file);

  // `file` is recognised. Errors: DataLoss.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Create(InputFile file);

  std::string FormatName() const override { return "llama2.c version 0"; }
  const nlohmann::json& config() const override { return config_; }
  absl::Span<const SourceTensor> tensors() const override { return tensors_; }
  std::vector<std::string> Files() const override { return {file_.path()}; }
  std::string ConfigName() const override { return file_.path(); }
  const FieldSpelling* Spelling() const override;
  // Its own: tokenizer.bin or tok<vocab_size>.bin next to the file, whichever exists.
  absl::StatusOr<ImportedTokenizer> ImportTokenizer(
      const std::string& vocabulary_path) const override;
  absl::StatusOr<std::vector<float>> ReadRows(size_t index, int64_t first_row,
                                              int64_t num_rows) const override;

 private:
  // Where tensors_[i] lies; head_dim > 0: its rows are interleaved rotary pairs of such heads.
  struct Place {
    int64_t offset = 0;
    int64_t head_dim = 0;
  };
  struct Layout;

  explicit Llama2cCheckpoint(InputFile file) : file_(std::move(file)) {}

  InputFile file_;
  int64_t vocab_size_ = 0;
  nlohmann::json config_;
  std::vector<SourceTensor> tensors_;
  std::vector<Place> places_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_LLAMA2C_LLAMA2C_READER_H_
