// LlmParameters: what a MediaPipe LLM file says of its model, read from the protocol buffer
// odml.infra.proto.LlmParameters.
//
// The MediaPipe reader turns it into a config.json (mediapipe_families.h) and into the tokenizer's
// ids and template.

#ifndef INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_LLM_PARAMETERS_H_
#define INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_LLM_PARAMETERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace inkling {

// Values of TransformerParameters' enumerations.
enum class MediapipeNorm : int32_t { kNone = 1, kRms = 2, kLayer = 3 };
enum class MediapipeActivation : int32_t { kGelu = 1, kSilu = 2, kRelu = 3 };
enum class MediapipeMask : int32_t { kCausal = 1 };
enum class MediapipeScale : int32_t {
  kInverseRootOfHeadDim = 2,
  kInverseRootOfHiddenByHeads = 3,  // 1 / sqrt(embedding_dim / num_heads)
};

// A field that the file leaves out is 0, as in every proto3 message.
struct TransformerParameters {
  int64_t embedding_dim = 0;
  int64_t hidden_dimension = 0;  // of the feed-forward
  int64_t head_dimension = 0;
  int64_t num_heads = 0;
  int64_t num_stacks = 0;
  int64_t num_kv_heads = 0;  // 0: as many as num_heads
  MediapipeActivation activation = {};
  MediapipeNorm pre_norm = {};
  MediapipeMask attention_mask = {};
  std::optional<MediapipeScale> attention_scale;
  double attention_soft_cap = 0;  // at most 0: none
  double final_soft_cap = 0;
  int64_t sliding_window_size = 0;
  bool query_key_norm = false;
  int64_t num_local_layers_per_global = 0;
  double global_rope_wavelength = 0;
  double global_rope_scaling = 0;
};

struct MediapipePromptTemplate {
  std::string session_prefix;
  std::string prefix;
  std::string suffix;
};

struct LlmParameters {
  TransformerParameters transformer;
  int64_t vocab_size = 0;
  std::optional<int64_t> start_token_id;
  std::string start_token;               // its text, in files that don't have the id
  std::vector<std::string> stop_tokens;  // their texts
  std::vector<int64_t> stop_token_ids;
  bool bytes_to_unicode = false;  // the tokenizer sees GPT-2's characters for bytes
  // A template for each role; or one for the whole prompt, with the user's text in the middle.
  std::optional<MediapipePromptTemplate> prompt_template;
  std::optional<MediapipePromptTemplate> user_template;
  MediapipePromptTemplate model_template;
  MediapipePromptTemplate system_template;
};

// Reads the serialised message. Errors: InvalidArgument for damage; Unimplemented for a parameter
// of the transformer that changes its results and isn't known here, by name or number.
absl::StatusOr<LlmParameters> ReadLlmParameters(absl::string_view message);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_LLM_PARAMETERS_H_
