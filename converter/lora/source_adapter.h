// SourceAdapter: a LoRA adapter as it was published, whatever its format.
//
// The readers beside this file make it: PEFT's folders, MediaPipe's files. lora_conversion.h turns
// it into an adapter for one base model.

#ifndef INKLING_CONVERTER_LORA_SOURCE_ADAPTER_H_
#define INKLING_CONVERTER_LORA_SOURCE_ADAPTER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace inkling {

// The update of one linear layer of the checkpoint: factor * up * down.
struct SourceModule {
  std::string name;  // "model.layers.0.self_attn.q_proj"
  int64_t rank = 0;
  int64_t num_inputs = 0;
  int64_t num_outputs = 0;
  double factor = 1;        // alpha / rank, or alpha / sqrt(rank)
  std::vector<float> down;  // lora_A, [rank][num_inputs]
  std::vector<float> up;    // lora_B, [num_outputs][rank]
};

struct SourceAdapter {
  std::string format;                 // "PEFT"
  std::vector<SourceModule> modules;  // by name
  std::string base_name;              // what it was trained on, for messages; may be empty
  std::vector<std::string> notes;     // what whoever converts it should know, each a sentence
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_LORA_SOURCE_ADAPTER_H_
