// The model types that MediaPipe's LLM files name, as Hugging Face models: a config.json for their
// parameters, and Hugging Face's name for each tensor.
//
// The MediaPipe reader presents its file with these, so that the families' recipes serve it.

#ifndef INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_FAMILIES_H_
#define INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_FAMILIES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/checkpoints/mediapipe/llm_parameters.h"
#include "nlohmann/json.hpp"

namespace inkling {

struct StemPair {
  absl::string_view theirs;
  absl::string_view hugging_face;
};

// A group of model types that share config fields and tensor names.
struct MediapipeFamily {
  absl::string_view model_type;    // config.json's
  absl::string_view architecture;  // config.json's
  absl::string_view layer_prefix;  // "model.layers."
  MediapipeActivation activation;  // that the file must name
  MediapipeNorm norm;
  bool has_caps;  // scores have a scale and a soft cap of the file's choice, and so have logits
  bool byte_tokenizer;  // the tokenizer sees GPT-2's characters for bytes, said or not
  enum class Windows : uint8_t { kNone, kEverySecondLayer, kByParameters } windows;

  // Tensor names without ".weight" and ".bias": outside the layers, and inside behind the prefix.
  absl::Span<const StemPair> outer_stems;
  absl::Span<const StemPair> layer_stems;

  // Inside layers: the Hugging Face tensor whose rows are q, k and v of one head after the other;
  // empty where these are tensors of their own.
  absl::string_view fused_query_key_value;

  // What is the same in all models of the family, and what the parameters say.
  nlohmann::json (*config)(const TransformerParameters& parameters);
};

// Where a tensor of the file belongs.
struct MediapipeTensorName {
  std::string hugging_face;
  int part = -1;  // 0, 1, 2: q, k or v of a fused tensor with that name; else -1
};

// `name` with the kind of its ending said in Hugging Face's way; its own name where the family has
// no such tensor (which the tensor plan then reports). `tied`: there is no head of its own.
MediapipeTensorName HuggingFaceName(const MediapipeFamily& family, absl::string_view name,
                                    bool tied);

// The family of odml.infra.proto.LlmModelType `type` and the type's name, for people. Error:
// Unimplemented for a type without one.
struct MediapipeModelType {
  const MediapipeFamily* family = nullptr;
  std::string name;  // "GEMMA_2B"
  int32_t context_length = 0;
};
absl::StatusOr<MediapipeModelType> FindMediapipeModelType(int64_t type);

// config.json for these parameters. Errors: InvalidArgument for a size that is missing or
// impossible; Unimplemented where the parameters ask for what the family doesn't have (attention
// mask, scale, soft caps, ...).
absl::StatusOr<nlohmann::json> MediapipeConfig(const MediapipeModelType& type,
                                               const LlmParameters& parameters, bool tied);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_FAMILIES_H_
