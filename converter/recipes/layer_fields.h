// Fields of config.json that say which layers see all keys and which a sliding window only.

#ifndef INKLING_CONVERTER_RECIPES_LAYER_FIELDS_H_
#define INKLING_CONVERTER_RECIPES_LAYER_FIELDS_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "converter/files/config_fields.h"
#include "src/format/model_config.h"

namespace inkling {

// Field `sliding_window`: how many keys a query sees, itself included. `default_window` where the
// field is missing; 0, all keys, where it is null.
int32_t ReadWindow(ConfigFields& fields, int32_t default_window);

// The same for families that have the field without using it: 0 unless `use_sliding_window`.
int32_t ReadUsedWindow(ConfigFields& fields, int32_t default_window);

// Layers that all have the same window (0: none), for families that don't use `layer_types`.
std::vector<LayerConfig> EqualLayers(int32_t num_layers, int32_t window);

// One LayerConfig a layer. Those that field `layer_types` calls "sliding_attention" have the
// window, those it calls "full_attention" none; where the field is missing, `slides(layer)` says
// which. A sliding layer with a `window` of 0 is refused.
std::vector<LayerConfig> ReadLayers(ConfigFields& fields, int32_t num_layers, int32_t window,
                                    absl::FunctionRef<bool(int32_t layer)> slides);

}  // namespace inkling

#endif  // INKLING_CONVERTER_RECIPES_LAYER_FIELDS_H_
