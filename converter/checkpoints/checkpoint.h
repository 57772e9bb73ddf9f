// Checkpoint: a model as somebody published it, whatever the file format: a config and named
// tensors that are read as float rows.
//
// Readers implement it; the conversion (convert.cc) sees nothing else. Every reader presents the
// *Hugging Face form* of its model: config.json's fields, Hugging Face's tensor names, and rotary
// rows in rotate-half order. What a format does differently its reader undoes, so that one recipe
// per family serves every format.

#ifndef INKLING_CONVERTER_CHECKPOINTS_CHECKPOINT_H_
#define INKLING_CONVERTER_CHECKPOINTS_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/files/config_fields.h"
#include "converter/files/source_tensor.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "nlohmann/json.hpp"
#include "src/format/element_type.h"
#include "src/format/quantization.h"

namespace inkling {

class Checkpoint {
 public:
  // Opens a Hugging Face folder, one of its weight files (.safetensors, pytorch_model.bin) with
  // config.json next to it, a GGUF file (any one of its shards, or a folder with one such model), a
  // MediaPipe LLM file or bundle, or a llama2.c .bin file; tells them apart by content. Errors:
  // NotFound; InvalidArgument (damaged); DataLoss (truncated); Unimplemented (a format without a
  // reader, by name). `variant` ("fp16") asks for a Hugging Face folder's files of this name
  // (weight_files.h); InvalidArgument for anything else.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Open(const std::string& path,
                                                          const std::string& variant = "");

  virtual ~Checkpoint() = default;

  // For people: "Hugging Face safetensors, 2 files".
  virtual std::string FormatName() const = 0;

  // config.json's object (always an object).
  virtual const nlohmann::json& config() const = 0;

  // In the order of the files.
  virtual absl::Span<const SourceTensor> tensors() const = 0;

  // Every file that is read, so that an output can't replace one.
  virtual std::vector<std::string> Files() const = 0;

  // What people should know of how it was read: files left lying, prefixes taken off.
  virtual std::vector<std::string> Notes() const { return {}; }

  // Where config() comes from, for messages: "config.json", or the file whose metadata it was made
  // of.
  virtual std::string ConfigName() const { return "config.json"; }

  // How that source spells config()'s fields and types its values; null: as config() does.
  virtual const FieldSpelling* Spelling() const { return nullptr; }

  // What the files call, or would call, a tensor that is `name` here.
  virtual std::string NameInFile(absl::string_view name) const { return std::string(name); }

  // True if a bias that no file has is one of zeros, in every layer by itself.
  virtual bool BiasesAreOptional() const { return false; }

  // The tokenizer and the chat template that belong to the checkpoint. `vocabulary_path` names a
  // vocabulary file to use instead of the checkpoint's own; empty: its own. Errors: NotFound, and
  // those of tokenizer_import.h.
  virtual absl::StatusOr<ImportedTokenizer> ImportTokenizer(
      const std::string& vocabulary_path) const = 0;

  // Rows [first_row, first_row + num_rows) of tensors()[index] as floats, converted exactly;
  // [num_rows, columns] row-major. A vector [n] is n rows of one column; dimensions after the first
  // count as columns. Errors: Unimplemented for a dtype that isn't read (by name), OutOfRange,
  // DataLoss. Any number of threads may read at once.
  virtual absl::StatusOr<std::vector<float>> ReadRows(size_t index, int64_t first_row,
                                                      int64_t num_rows) const = 0;

  // For a tensor that is quantised in a way that model files know: that way. Its values and scales
  // can then be taken as they are. Unset for every other tensor.
  virtual std::optional<TensorType> StoredType(size_t /*index*/) const { return std::nullopt; }

  // Rows as ReadRows counts them, with their scales, as StoredType says. Errors: those of ReadRows;
  // FailedPrecondition for a tensor without a StoredType.
  virtual absl::StatusOr<QuantizedRows> ReadStoredRows(size_t index, int64_t first_row,
                                                       int64_t num_rows) const;

  // The type that a tensor gets unless another is asked for: StoredType, or for a tensor that is
  // quantised in another way, the type of model files nearest to it. Unset for every other tensor.
  virtual std::optional<TensorType> KeptType(size_t index) const { return StoredType(index); }

  // For a tensor whose values are, in blocks of 32 along the rows, one scale times whole numbers
  // from -8 to 7: the scales of these rows, [num_rows, columns / 32]; they may be negative. Empty
  // for every other tensor. Errors: those of ReadRows.
  virtual absl::StatusOr<std::vector<float>> ReadBlockScales(size_t /*index*/,
                                                             int64_t /*first_row*/,
                                                             int64_t /*num_rows*/) const {
    return std::vector<float>();
  }
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_CHECKPOINT_H_
