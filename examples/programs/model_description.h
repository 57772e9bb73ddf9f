// DescribeModel: everything a model file says about itself, as one JSON object.
//
// inkling-describe prints it, for people (describe_main.cc lays it out) and for machines.

#ifndef INKLING_EXAMPLES_PROGRAMS_MODEL_DESCRIPTION_H_
#define INKLING_EXAMPLES_PROGRAMS_MODEL_DESCRIPTION_H_

#include "nlohmann/json.hpp"
#include "src/format/model_reader.h"

namespace inkling {

// Keys, in this order: model_id, file_bytes, num_weights, bits_per_weight, provenance, config,
// tokenizer, prompt_template, tensors (name, role, type, shape, bytes). Sizes are in bytes; bits
// per weight count scales. Strings of the file that aren't UTF-8 are repaired with U+FFFD when
// dumped.
nlohmann::ordered_json DescribeModel(const ModelReader& reader);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_MODEL_DESCRIPTION_H_
