// Shapes of published models, for measuring without their files.
//
// A shape is a ModelConfig: every width, head count and kind of operator that decides how fast a
// model runs. The weights themselves don't (see fabricated_model.h).

#ifndef INKLING_EXAMPLES_PROGRAMS_MODEL_SHAPES_H_
#define INKLING_EXAMPLES_PROGRAMS_MODEL_SHAPES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/format/model_config.h"

namespace inkling {

// The names that ModelShape takes, in the order in which help texts list them.
std::vector<std::string> ModelShapeNames();

// The config of a shape, with the context length that its model was made for. Errors: NotFound,
// naming the shapes there are.
absl::StatusOr<ModelConfig> ModelShape(absl::string_view name);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_MODEL_SHAPES_H_
