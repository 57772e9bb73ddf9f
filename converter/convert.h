// ConvertCheckpoint: a checkpoint as people have it becomes one Inkling model file.
//
// inkling-convert (convert_main.cc) and tests call it. Weights stream through in groups of rows, so
// memory stays at a few tens of megabytes however large the model is. The output appears under its
// name only when it is complete; a failure or a cancel leaves nothing behind.

#ifndef INKLING_CONVERTER_CONVERT_H_
#define INKLING_CONVERTER_CONVERT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"
#include "src/format/quantization.h"

namespace inkling {

// How far a conversion is.
struct ConvertProgress {
  int64_t done_bytes = 0;  // of the checkpoint's tensors
  int64_t total_bytes = 0;
  size_t tensor_index = 0;  // the tensor that is being written
  size_t num_tensors = 0;
  absl::string_view tensor_name;  // valid during the call
};

// How weights are rounded.
enum class ConvertQuality : uint8_t {
  kNormal,  // each weight to the nearest quant, with scales that make the squared error small
  kBest,    // quantised values and scales that make the error of the matmuls small; needs an
            // importance file
};

struct ConvertOptions {
  // The type of the linear layers' weights. Unset: a matrix that is quantised in the checkpoint
  // stays as it is or gets the nearest type (Checkpoint::KeptType), any other becomes int4 in
  // blocks of 32.
  std::optional<TensorType> weights;

  // The types of the two vocabulary matrices. Unset: where `weights` is unset too, the KeptType of
  // a matrix that has one; else int8 where `weights` are int8 or int4, else the type of `weights`.
  // A checkpoint whose head is tied to its embedding keeps one tensor unless both are set and
  // differ; if only one is set, it holds for the shared tensor.
  std::optional<TensorType> embedding;
  std::optional<TensorType> head;

  ScaleSearch search = ScaleSearch::kSquaredError;

  ConvertQuality quality = ConvertQuality::kNormal;

  // A file of converter/quantize/importance_file.h. With it the summary has an expected divergence.
  // Empty: none.
  std::string importance_path;

  // Matrices that would be int4 become int8, and int8 f16, the most sensitive first, while the file
  // has at most so many bits per weight. f16 takes the memory of f32 at run time, and its matmuls
  // are float matmuls. Needs an importance file.
  std::optional<double> bits_per_weight;

  // A tokenizer file (tokenizer.json, tokenizer.model, llama2.c's tokenizer.bin, GGUF) to use
  // instead of the one that lies with the checkpoint. Empty: the checkpoint's own.
  std::string tokenizer_path;

  // Which weights of a Hugging Face folder that has several: "fp16" for model.fp16.safetensors and
  // the like (weight_files.h). Empty: those without such a name.
  std::string variant;

  // Called on the calling thread after every group of rows; false cancels the conversion.
  std::function<bool(const ConvertProgress&)> progress;
};

// All tensors of one kind ("attention.q", "feed_forward.down", "embedding", "norms", "biases").
struct TensorKindSummary {
  std::string kind;
  TensorType type;
  int64_t num_tensors = 0;
  int64_t num_values = 0;
  int64_t stored_bytes = 0;   // values and scales
  double relative_error = 0;  // sqrt(sum (w - stored w)^2 / sum w^2)
};

struct ConvertSummary {
  std::string source_format;  // "Hugging Face safetensors, 2 files"
  std::string family;         // the recipe that read it
  ModelConfig config;
  std::vector<TensorKindSummary> kinds;  // in file order
  std::vector<std::string> fallbacks;    // shapes that the asked type can't hold, one line each
  std::vector<std::string> notes;        // what was skipped, which weights were quantised before,
                                         // tokenizer and template remarks
  std::string tokenizer;                 // "byte-level BPE, 512 pieces"
  std::string prompt_template;           // its name, or why there is none
  int64_t input_bytes = 0;               // of the checkpoint's tensors that were read
  int64_t file_bytes = 0;
  int64_t num_weights = 0;     // values stored
  double bits_per_weight = 0;  // over all stored values, scales included
  double seconds = 0;

  // The KL divergence of the model's predictions to the checkpoint's that the rounding of weights
  // is expected to cost; set if there was an importance file.
  std::optional<double> expected_divergence;
};

// Reads the checkpoint at `checkpoint_path` (whatever Checkpoint::Open recognises) and writes
// `output_path`, replacing a file that is there.
//
// Errors: NotFound; InvalidArgument (a damaged checkpoint, a config value or tensor that the recipe
// doesn't know: the message names file, field, expected and found); Unimplemented (a model type or
// a checkpoint format without a reader: the message lists what there is); FailedPrecondition (the
// output is a folder or one of the inputs); ResourceExhausted (disk full); Cancelled.
absl::StatusOr<ConvertSummary> ConvertCheckpoint(const std::string& checkpoint_path,
                                                 const std::string& output_path,
                                                 const ConvertOptions& options);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CONVERT_H_
