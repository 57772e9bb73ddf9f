// ConvertOptions: what a caller asks of a conversion, and how it is told how far that is.

#ifndef INKLING_CONVERTER_PLAN_CONVERT_OPTIONS_H_
#define INKLING_CONVERTER_PLAN_CONVERT_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "src/format/element_type.h"
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

}  // namespace inkling

#endif  // INKLING_CONVERTER_PLAN_CONVERT_OPTIONS_H_
