// A model file of any config with arbitrary weights: what is measured when only sizes matter.
//
// Values are pseudo-random numbers of the stored type, without floats that are quantised first, so
// a file is written at the speed of the disk. Their scales keep activations of order one; the text
// that such a model writes means nothing.

#ifndef INKLING_EXAMPLES_PROGRAMS_FABRICATED_MODEL_H_
#define INKLING_EXAMPLES_PROGRAMS_FABRICATED_MODEL_H_

#include <string>

#include "absl/status/status.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"

namespace inkling {

struct FabricatedTypes {
  TensorType linear;      // a matrix whose columns this type can't hold is int8
  TensorType vocabulary;  // embedding and head
};

// Writes a model of `config` to `path`. Its tokenizer knows the 256 bytes, and its
// prompt template has turns. Types: f32, int8 or
// int4. Errors: InvalidArgument (the config, other types), and the writer's own.
absl::Status WriteFabricatedModel(const std::string& path, const ModelConfig& config,
                                  const FabricatedTypes& types);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_FABRICATED_MODEL_H_
