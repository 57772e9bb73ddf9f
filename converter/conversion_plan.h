// ConversionPlan: all that is decided about a conversion before a byte is written.
//
// ConvertCheckpoint (convert.h) makes one and then writes what it says. Everything that can fail
// for reasons of the checkpoint or the options fails while the plan is made.

#ifndef INKLING_CONVERTER_CONVERSION_PLAN_H_
#define INKLING_CONVERTER_CONVERSION_PLAN_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/plan/convert_options.h"
#include "converter/plan/tensor_plan.h"
#include "converter/quantize/importance_file.h"
#include "src/format/element_type.h"
#include "src/format/model_reader.h"

namespace inkling {

struct ConversionPlan {
  std::unique_ptr<ImportanceFile> importance;  // null: the options name none
  std::string family;                          // of the recipe that reads the checkpoint
  ModelMetadata metadata;                      // config, tokenizer, template, provenance
  std::string tokenizer_source;                // the file that the vocabulary comes from

  // For every tensor of the model file, in its order: where it comes from, and its type.
  TensorPlan tensors;
  std::vector<TensorType> types;

  std::vector<std::string> fallbacks;  // ConvertSummary's
  std::vector<std::string> notes;      // ConvertSummary's
};

// Reads config, tokenizer and lists of tensors of `checkpoint`, which the file will call
// `source_name`, and of its weights what `options` need measured: all rows of biases that may be
// left out, some rows of each matrix for the best quality and for a number of bits per weight.
// Errors: those of ConvertCheckpoint but for the output's.
absl::StatusOr<ConversionPlan> PlanConversion(const Checkpoint& checkpoint,
                                              const std::string& source_name,
                                              const ConvertOptions& options);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CONVERSION_PLAN_H_
