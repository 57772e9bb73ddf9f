// The tensor list says which matrices there are; the packed copy says what they weigh.

#include "examples/programs/model_work.h"

#include <cstdint>

#include "examples/programs/speed_test.h"
#include "src/decoder/decoder.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"
#include "src/format/tensor_list.h"
#include "src/session/model_engine.h"

namespace inkling {

ModelWork CountWork(const ModelEngine& engine) {
  const ModelConfig& config = engine.config();
  ModelWork work;
  for (const TensorView& tensor : engine.reader().tensors()) {
    if (tensor.info.is_vector || tensor.info.layer < 0) continue;
    work.layer_multiply_adds += tensor.info.rows * tensor.info.columns;
  }
  work.head_multiply_adds = int64_t{config.vocab_size} * config.hidden_dim;
  work.weight_bytes = engine.decoder().memory().packed_weight_bytes;
  return work;
}

double MultiplyAddRate(const ModelWork& work, const SpeedResult& result) {
  const double count = static_cast<double>(work.layer_multiply_adds) * result.test.num_prompt +
                       static_cast<double>(work.head_multiply_adds);
  return count * 1e9 / Median(result.sample_nanoseconds);
}

double WeightReadRate(const ModelWork& work, const SpeedResult& result) {
  return static_cast<double>(work.weight_bytes) * result.test.num_generated * 1e9 /
         Median(result.sample_nanoseconds);
}

}  // namespace inkling
