// PeftAdapter: a LoRA adapter as PEFT's save_pretrained writes it: adapter_config.json and
// adapter_model.safetensors (or .bin).

#ifndef INKLING_CONVERTER_LORA_PEFT_ADAPTER_H_
#define INKLING_CONVERTER_LORA_PEFT_ADAPTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace inkling {

// The update of one linear layer of the checkpoint: factor * up * down.
struct PeftModule {
  std::string name;  // "model.layers.0.self_attn.q_proj"
  int64_t rank = 0;
  int64_t num_inputs = 0;
  int64_t num_outputs = 0;
  double factor = 1;        // alpha / rank, or alpha / sqrt(rank)
  std::vector<float> down;  // lora_A, [rank][num_inputs]
  std::vector<float> up;    // lora_B, [num_outputs][rank]
};

struct PeftAdapter {
  std::vector<PeftModule> modules;  // by name
  std::string base_name;            // base_model_name_or_path, for messages
};

// Reads the folder. Errors: NotFound; InvalidArgument (damaged, contradictory); Unimplemented for
// what PEFT has and Inkling doesn't, by name: DoRA, biases, embeddings, modules_to_save, ways to
// begin that change the base model.
absl::StatusOr<PeftAdapter> ReadPeftAdapter(const std::string& folder);

}  // namespace inkling

#endif  // INKLING_CONVERTER_LORA_PEFT_ADAPTER_H_
