// Rotary frequencies from a config's rope fields, with every scaling already applied.
//
// Recipes call it. The runtime knows tables of frequencies only; which formula made them is decided
// here. Both spellings are read: `rope_theta` with `rope_scaling`, and `rope_parameters` of
// transformers 5.

#ifndef INKLING_CONVERTER_ROPE_SCALING_H_
#define INKLING_CONVERTER_ROPE_SCALING_H_

#include <cstdint>

#include "converter/config_fields.h"
#include "src/format/model_config.h"

namespace inkling {

// How many leading dimensions of a head rotate: head_dim x `partial_rotary_factor`, rounded down;
// the factor is `default_factor` where the config names none.
int32_t ReadRotaryDim(ConfigFields& fields, int32_t head_dim, double default_factor);

// The table for `rotary_dim` rotating dimensions (positive, even). `default_theta` is the family's.
// Scalings read: "default", "linear", "llama3". Any other is refused in `fields` by name.
RopeTableConfig ReadRopeTable(ConfigFields& fields, int32_t rotary_dim, double default_theta);

}  // namespace inkling

#endif  // INKLING_CONVERTER_ROPE_SCALING_H_
