// Field numbers are those of MediaPipe's llm_params.proto, transformer_params.proto and
// prompt_template.proto.

#include "converter/checkpoints/mediapipe/llm_parameters.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "converter/files/protobuf_wire.h"

namespace inkling {
namespace {

using Field = ProtobufWire::Field;

// Calls `read` (Field -> Status) for each field of `message`.
template <typename Read>
absl::Status ForEachField(absl::string_view message, absl::string_view name, const Read& read) {
  ProtobufWire wire(message);
  while (wire.Next()) {
    ABSL_RETURN_IF_ERROR(read(wire.field()));
  }
  if (wire.status().ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", wire.status().message()));
}

int64_t Integer(const Field& field) { return static_cast<int64_t>(field.value); }

template <typename Enumeration>
Enumeration Enumerated(const Field& field) {
  return static_cast<Enumeration>(static_cast<int32_t>(field.value));
}

// Parameters that change what a transformer computes, and that nothing here computes.
struct RefusedParameter {
  uint32_t number;
  absl::string_view name;
};
constexpr RefusedParameter kRefused[] = {
    {22, "residual_adapter_parameters"},
    {27, "num_extra_stacks"},
    {34, "laurel"},
    {35, "kv_cache_shared_start_layer"},
    {37, "altup"},
    {38, "activation_sparsity"},
    {41, "apply_srq"},
    {42, "layer_skip"},
    {43, "layer_skip"},
};

// Those that change nothing for text: batch_size, max_seq_length, final_norm (its tensors tell),
// skip_absolute_positional_embeddings, query_rescale_factor (of a scale that is refused), the
// parameters of images and sound, gemma3_bfloat16_fix (against overflow of half floats),
// matform_factor and scale_lora.
constexpr uint32_t kIgnored[] = {1, 2, 14, 15, 18, 25, 26, 28, 29, 30, 31, 36, 44, 45, 46};

// Fields that no published .proto names. Converters from 0.10.20 on write 1 into files for gpu, of
// every model; other values aren't known.
constexpr uint32_t kUnnamed[] = {23, 24};

bool Contains(absl::Span<const uint32_t> numbers, uint32_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

absl::Status CheckUnknown(const Field& field) {
  for (const RefusedParameter& refused : kRefused) {
    if (refused.number != field.number) continue;
    if (field.value == 0 && field.bytes.empty()) return absl::OkStatus();
    return absl::UnimplementedError(
        absl::StrCat("LlmParameters: the transformer's ", refused.name, " is not supported"));
  }
  if (Contains(kIgnored, field.number)) return absl::OkStatus();
  if (Contains(kUnnamed, field.number) && !field.is_bytes() && field.value <= 1) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat("LlmParameters: the transformer's field ",
                                               field.number, " is not known to this version"));
}

absl::Status ReadAttention(absl::string_view message, TransformerParameters& parameters) {
  return ForEachField(message, "self_attention_parameters", [&](const Field& field) {
    if (field.number == 3) parameters.attention_mask = Enumerated<MediapipeMask>(field);
    if (field.number == 4) parameters.attention_soft_cap = field.as_float();
    if (field.number == 5) parameters.attention_scale = Enumerated<MediapipeScale>(field);
    if (field.number == 6) parameters.sliding_window_size = Integer(field);
    if (field.number == 7) parameters.query_key_norm = field.value != 0;
    return absl::OkStatus();
  });
}

absl::Status ReadTransformer(absl::string_view message, TransformerParameters& parameters) {
  return ForEachField(message, "transformer_parameters", [&](const Field& field) -> absl::Status {
    switch (field.number) {
      case 3:
        parameters.embedding_dim = Integer(field);
        break;
      case 4:
        parameters.hidden_dimension = Integer(field);
        break;
      case 5:
        parameters.head_dimension = Integer(field);
        break;
      case 6:
        parameters.num_heads = Integer(field);
        break;
      case 7:
        parameters.num_stacks = Integer(field);
        break;
      case 9:
        parameters.num_kv_heads = Integer(field);
        break;
      case 11:  // its biases and norms the tensors tell
        return ForEachField(field.bytes, "feed_forward_parameters", [&](const Field& inner) {
          if (inner.number == 2) parameters.activation = Enumerated<MediapipeActivation>(inner);
          return absl::OkStatus();
        });
      case 12:
        return ForEachField(field.bytes, "final_project_parameters", [&](const Field& inner) {
          if (inner.number == 2) parameters.final_soft_cap = inner.as_float();
          return absl::OkStatus();
        });
      case 13:
        parameters.pre_norm = Enumerated<MediapipeNorm>(field);
        break;
      case 16:
        return ReadAttention(field.bytes, parameters);
      case 19:
        parameters.num_local_layers_per_global = Integer(field);
        break;
      case 32:
        parameters.global_rope_wavelength = field.as_float();
        break;
      case 33:
        parameters.global_rope_scaling = field.as_float();
        break;
      default:
        return CheckUnknown(field);
    }
    return absl::OkStatus();
  });
}

absl::Status ReadTemplate(absl::string_view message, MediapipePromptTemplate& result) {
  return ForEachField(message, "prompt_template", [&](const Field& field) {
    if (field.number == 1) result.session_prefix = std::string(field.bytes);
    if (field.number == 2) result.prefix = std::string(field.bytes);
    if (field.number == 3) result.suffix = std::string(field.bytes);
    return absl::OkStatus();
  });
}

absl::Status ReadTemplates(absl::string_view message, LlmParameters& parameters) {
  return ForEachField(message, "prompt_templates", [&](const Field& field) {
    if (field.number == 1) return ReadTemplate(field.bytes, parameters.user_template.emplace());
    if (field.number == 2) return ReadTemplate(field.bytes, parameters.model_template);
    if (field.number == 3) return ReadTemplate(field.bytes, parameters.system_template);
    return absl::OkStatus();
  });
}

// A field of repeated numbers: one, or several packed into bytes.
absl::StatusOr<std::vector<int64_t>> Repeated(const Field& field, absl::string_view name) {
  if (!field.is_bytes()) return std::vector<int64_t>{Integer(field)};
  std::vector<int64_t> numbers;
  uint64_t number = 0;
  int shift = 0;
  for (const char c : field.bytes) {
    const uint64_t byte = static_cast<unsigned char>(c);
    if (shift < 64) number |= (byte & 0x7F) << shift;
    shift += 7;
    if (byte >= 0x80) continue;
    numbers.push_back(static_cast<int64_t>(number));
    number = 0;
    shift = 0;
  }
  if (shift == 0) return numbers;
  return absl::InvalidArgumentError(absl::StrCat("LlmParameters: ", name, ": unfinished number"));
}

}  // namespace

absl::StatusOr<LlmParameters> ReadLlmParameters(absl::string_view message) {
  LlmParameters parameters;
  const auto read_field = [&](const Field& field) -> absl::Status {
    switch (field.number) {
      case 1:
        return ReadTransformer(field.bytes, parameters.transformer);
      case 2:
        if (field.is_bytes()) {
          return absl::UnimplementedError(
              "expected MediaPipe's LlmParameters, found another message, perhaps LiteRT-LM's "
              "LlmMetadata");
        }
        parameters.vocab_size = Integer(field);
        break;
      case 4:
        parameters.start_token_id = Integer(field);
        break;
      case 5:
        parameters.stop_tokens.emplace_back(field.bytes);
        break;
      case 6:
        parameters.start_token = std::string(field.bytes);
        break;
      case 7: {
        ABSL_ASSIGN_OR_RETURN(const std::vector<int64_t> kinds,
                              Repeated(field, "input_output_normalizations"));
        for (const int64_t kind : kinds) parameters.bytes_to_unicode |= kind == 1;
        break;
      }
      case 8:
        return ReadTemplate(field.bytes, parameters.prompt_template.emplace());
      case 17:
        return ReadTemplates(field.bytes, parameters);
      case 18: {
        ABSL_ASSIGN_OR_RETURN(const std::vector<int64_t> ids, Repeated(field, "stop_token_ids"));
        parameters.stop_token_ids.insert(parameters.stop_token_ids.end(), ids.begin(), ids.end());
        break;
      }
      default:
        break;
    }
    return absl::OkStatus();
  };
  ABSL_RETURN_IF_ERROR(ForEachField(message, "LlmParameters", read_field));
  return parameters;
}

}  // namespace inkling
