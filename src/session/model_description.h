// DescribeFile: the facts of a model file in words, for LlmModel::Describe and ModelDescription.

#ifndef INKLING_SRC_SESSION_MODEL_DESCRIPTION_H_
#define INKLING_SRC_SESSION_MODEL_DESCRIPTION_H_

#include <string>

#include "inkling/llm_options.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"

namespace inkling {

// One line: "18 layers, hidden 2048, 8 heads (1 kv) of 256, gated gelu-tanh 16384, rotary
// positions, rms norm".
std::string DescribeArchitecture(const ModelConfig& config);

// Everything of ModelDescription that the file alone tells.
ModelDescription DescribeFile(const ModelReader& reader);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_MODEL_DESCRIPTION_H_
