// ModelWork: what a token costs a model, in multiply-adds and in bytes of weights.
//
// inkling-bench turns tokens a second into the rates that a machine's limits are given in.

#ifndef INKLING_EXAMPLES_PROGRAMS_MODEL_WORK_H_
#define INKLING_EXAMPLES_PROGRAMS_MODEL_WORK_H_

#include <cstdint>

#include "examples/programs/speed_test.h"
#include "src/session/model_engine.h"

namespace inkling {

struct ModelWork {
  int64_t layer_multiply_adds = 0;  // of the matrices of all layers, each token
  int64_t head_multiply_adds = 0;   // each token whose logits are asked for
  int64_t weight_bytes = 0;         // packed, of layers and head: what a generated token reads
};

ModelWork CountWork(const ModelEngine& engine);

// int8 multiply-adds a second of a prompt test, with logits for its last token. Attention isn't
// counted: at depth 0 and 512 tokens it is 2% of Gemma 2B's.
double MultiplyAddRate(const ModelWork& work, const SpeedResult& result);

// Bytes of weights a second of a generation test. The KV cache isn't counted.
double WeightReadRate(const ModelWork& work, const SpeedResult& result);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_MODEL_WORK_H_
