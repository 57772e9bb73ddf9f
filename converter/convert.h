// ConvertCheckpoint: a checkpoint as people have it becomes one Inkling model file.
//
// inkling-convert (convert_main.cc) and tests call it. Weights stream through in groups of rows, so
// memory stays at a few tens of megabytes however large the model is. The output appears under its
// name only when it is complete; a failure or a cancel leaves nothing behind.

#ifndef INKLING_CONVERTER_CONVERT_H_
#define INKLING_CONVERTER_CONVERT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/plan/convert_options.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"

namespace inkling {

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
