// Checkpoints whose weights other tools have quantised in ways that no reader here undoes: found by
// their config and by their tensors, and refused with the tool's name.
//
// Without this, the first tensor that is missing or has integers would be named, which tells nobody
// what they have downloaded.

#ifndef INKLING_CONVERTER_CHECKPOINTS_FOREIGN_QUANTIZATION_H_
#define INKLING_CONVERTER_CHECKPOINTS_FOREIGN_QUANTIZATION_H_

#include "absl/status/status.h"
#include "converter/checkpoints/checkpoint.h"

namespace inkling {

// OK for a checkpoint of plain numbers, or of blocks that its reader dequantises. Error:
// Unimplemented, naming the method (GPTQ, AWQ, bitsandbytes, MLX, ...) and what to convert instead.
//
// A config that asks for bitsandbytes is no reason by itself: it also stands beside plain weights,
// which transformers would quantise while it loads them.
absl::Status RefuseForeignQuantization(const Checkpoint& checkpoint);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_FOREIGN_QUANTIZATION_H_
