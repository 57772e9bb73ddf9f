// Rotary frequencies from a config's rope fields, with every scaling already applied.
//
// Recipes call it. The runtime knows tables of frequencies only; which formula made them is decided
// here. Both spellings are read: `rope_theta` with `rope_scaling`, and `rope_parameters` of
// transformers 5.

#ifndef INKLING_CONVERTER_RECIPES_ROPE_SCALING_H_
#define INKLING_CONVERTER_RECIPES_ROPE_SCALING_H_

#include <cstdint>

#include "converter/files/config_fields.h"
#include "src/format/model_config.h"

namespace inkling {

// How many leading dimensions of a head rotate, in families of which a part does: head_dim x
// `partial_rotary_factor`, rounded down; the factor is `default_factor` where the config names
// none.
int32_t ReadRotaryDim(ConfigFields& fields, int32_t head_dim, double default_factor);

// The same for families whose heads rotate whole: `head_dim`. A factor is noted and not used, as in
// transformers, which fails if there is a scaling as well; that is refused.
int32_t ReadWholeRotaryDim(ConfigFields& fields, int32_t head_dim);

// What a table is made from besides its own parameters.
struct RopeBasis {
  int32_t rotary_dim = 0;       // dimensions that rotate; positive, even
  double theta = 0;             // where the parameters have no rope_theta
  int32_t context_length = 0;   // max_position_embeddings
  int32_t original_length = 0;  // original_max_position_embeddings beside the parameters; 0: none
  bool yarn_may_be_longrope = false;  // the name that lists of divisors had at first
};

// theta^(-2i / rotary_dim) for each pair i of `rotary_dim` (positive, even) rotating dimensions.
RopeTableConfig UnscaledRopeTable(int32_t rotary_dim, double theta);

// The table that `parameters` (the object rope_scaling or rope_parameters; empty: no scaling)
// describe. Scalings read: "default", "linear", "llama3", "yarn", "dynamic", which changes
// nothing within the context, and "longrope" (also spelled "su"), which makes the table's second
// set of frequencies. Any other is refused by name.
RopeTableConfig ReadRopeParameters(ConfigFields& parameters, const RopeBasis& basis);

// The one table of a config whose layers all rotate alike, from either spelling. `basis` has the
// family's theta, and its original_length if it has a default; the config's own come first.
RopeTableConfig ReadRopeTable(ConfigFields& fields, RopeBasis basis);

}  // namespace inkling

#endif  // INKLING_CONVERTER_RECIPES_ROPE_SCALING_H_
