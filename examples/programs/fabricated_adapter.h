// A LoRA adapter with arbitrary values for every matrix of a model's layers: what is measured when
// only sizes matter.

#ifndef INKLING_EXAMPLES_PROGRAMS_FABRICATED_ADAPTER_H_
#define INKLING_EXAMPLES_PROGRAMS_FABRICATED_ADAPTER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/format/lora_file.h"
#include "src/format/model_config.h"
#include "src/format/tensor_list.h"

namespace inkling {

inline LoraFile FabricateAdapter(const ModelConfig& config, int64_t rank) {
  LoraFile file;
  uint32_t state = 1;
  const auto values = [&](int64_t count) {
    std::vector<float> list(static_cast<size_t>(count));
    for (float& value : list) {
      state = state * 1664525u + 1013904223u;
      value = (static_cast<float>(state >> 8) / (1 << 24) - 0.5f) / 100;
    }
    return list;
  };
  for (const TensorInfo& tensor : TensorList(config)) {
    if (tensor.role != TensorRole::kLinear) continue;
    file.matrices.push_back({tensor.name, tensor.columns, tensor.rows, rank,
                             values(rank * tensor.columns), values(rank * tensor.rows)});
  }
  return file;
}

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_FABRICATED_ADAPTER_H_
