// LoRA adapters as PEFT's save_pretrained writes them: a folder with adapter_config.json and
// adapter_model.safetensors (or .bin).

#ifndef INKLING_CONVERTER_LORA_PEFT_ADAPTER_H_
#define INKLING_CONVERTER_LORA_PEFT_ADAPTER_H_

#include <string>

#include "absl/status/statusor.h"
#include "converter/lora/source_adapter.h"

namespace inkling {

// Reads the folder. Errors: NotFound; InvalidArgument (damaged, contradictory); Unimplemented for
// what PEFT has and Inkling doesn't, by name: DoRA, biases, embeddings, modules_to_save, ways to
// begin that change the base model.
absl::StatusOr<SourceAdapter> ReadPeftAdapter(const std::string& folder);

}  // namespace inkling

#endif  // INKLING_CONVERTER_LORA_PEFT_ADAPTER_H_
