// ModelReader: opens a model file, verifies all of it, and hands out views into the mapping.
//
// Open() is the one choke point where a file's claims are checked: flatbuffer structure, offsets,
// alignment, overlap, shape x type = bytes, the config's bounds, every tensor of TensorList present
// with its shape. What it returns is trusted.

#ifndef INKLING_SRC_FORMAT_MODEL_READER_H_
#define INKLING_SRC_FORMAT_MODEL_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/element_type.h"
#include "src/format/model_bytes.h"
#include "src/format/model_config.h"
#include "src/format/tensor_list.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// A tensor inside the mapping. Pointers live as long as the reader.
struct TensorView {
  TensorInfo info;
  TensorType type;
  // info.rows x info.columns of `type`, aligned to 64 bytes of the file and to 4 bytes of memory.
  const std::byte* values = nullptr;
  int64_t value_bytes = 0;
  const std::byte* scales =
      nullptr;  // null for float types; f32 [rows] or bf16 [rows][columns / block]
  int64_t scale_bytes = 0;
};

// Where a model came from; shown by Describe(), never interpreted.
struct Provenance {
  std::string source;     // the checkpoint's own name, e.g. its folder's
  std::string generator;  // "inkling-convert 0.1.0"
  std::string recipe;     // the options the converter was run with
};

// The matrices behind a norm have their columns multiplied with these powers of two, and the norm
// is divided by them (converter/quantize/column_balance.h).
struct ColumnExponents {
  std::string norm;               // "layers.3.attention_norm.weight"
  std::vector<int8_t> exponents;  // [hidden_dim]
};

// Everything about a model but its tensors: the nested flatbuffer of the file.
struct ModelMetadata {
  ModelConfig config;
  TokenizerData tokenizer;
  PromptTemplateData prompt_template;
  Provenance provenance;
  std::string model_id;  // 32 hex digits over config, tokenizer and tensor bytes
  // For whoever adds to matrices what was trained on the checkpoint's own. Unset in files of
  // converters that didn't write it.
  std::optional<std::vector<ColumnExponents>> columns = std::nullopt;

  // What the columns of the matrix `weight` were multiplied with, [its columns]; empty: nothing.
  std::vector<float> ColumnFactorsOf(absl::string_view weight) const;
};

class ModelReader {
 public:
  // Maps and verifies `path`. Errors: NotFound, InvalidArgument (what, where, expected, found),
  // Unimplemented (a config value or a format version this build doesn't know).
  static absl::StatusOr<std::unique_ptr<ModelReader>> Open(const std::string& path);
  // The same for bytes from anywhere; errors call them `name`.
  static absl::StatusOr<std::unique_ptr<ModelReader>> Open(ModelBytes bytes,
                                                           const std::string& name);

  ModelReader(const ModelReader&) = delete;
  ModelReader& operator=(const ModelReader&) = delete;
  ~ModelReader();

  const ModelMetadata& metadata() const { return metadata_; }
  const ModelConfig& config() const { return metadata_.config; }

  // In TensorList order.
  absl::Span<const TensorView> tensors() const { return tensors_; }

  // Null if the config has no such tensor.
  const TensorView* Find(absl::string_view name) const;

  int64_t file_bytes() const;

  // Where bytes have to be loaded (ModelBytes): what every token needs, the embedding, norms and
  // biases, which then stays; how much that is; and a matrix's values and scales, which stay until
  // they are released. Where all bytes are there, these do nothing. Errors: those of
  // ModelBytes::Load.
  absl::Status LoadKept() const;
  int64_t kept_bytes() const;
  absl::Status LoadValues(const TensorView& view) const;
  absl::Status LoadScales(const TensorView& view) const;

  // Tells the kernel that the pages of `view` aren't needed soon, so that they stop counting as
  // resident memory. The view stays valid: a later access reads them again.
  void ReleasePages(const TensorView& view) const;
  // The same for everything that is read from a file or from the app's memory.
  void ReleaseFilePages() const;
  // The same for the values of some rows of a matrix; pages that hold other rows too stay.
  void ReleaseRows(const TensorView& view, int64_t first_row, int64_t num_rows) const;

 private:
  // Whether the tensor stays in memory once it was loaded, because it is read for every token.
  bool IsKept(const TensorView& view) const;
  int64_t OffsetOf(const std::byte* data) const;

  ModelReader(ModelBytes bytes, ModelMetadata metadata, std::vector<TensorView> tensors);

  ModelBytes bytes_;
  ModelMetadata metadata_;
  std::vector<TensorView> tensors_;
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_MODEL_READER_H_
