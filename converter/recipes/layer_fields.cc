// transformers writes `layer_types` since version 4.53; older files leave the pattern to the
// family.

#include "converter/recipes/layer_fields.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace inkling {

int32_t ReadWindow(ConfigFields& fields, int32_t default_window) {
  if (fields.IsNull("sliding_window")) return 0;
  return fields.Has("sliding_window") ? fields.Size("sliding_window", 1) : default_window;
}

int32_t ReadUsedWindow(ConfigFields& fields, int32_t default_window) {
  return fields.Bool("use_sliding_window", false) ? ReadWindow(fields, default_window) : 0;
}

std::vector<LayerConfig> EqualLayers(int32_t num_layers, int32_t window) {
  return std::vector<LayerConfig>(static_cast<size_t>(num_layers), LayerConfig{.window = window});
}

std::vector<LayerConfig> ReadLayers(ConfigFields& fields, int32_t num_layers, int32_t window,
                                    absl::FunctionRef<bool(int32_t layer)> slides) {
  const std::vector<std::string> types = fields.Strings("layer_types");
  std::vector<LayerConfig> layers(static_cast<size_t>(num_layers));
  if (fields.Has("layer_types") && types.size() != layers.size()) {
    fields.Reject("layer_types", absl::StrCat(num_layers, " entries, one a layer"),
                  absl::StrCat(types.size()));
    return layers;
  }
  for (int32_t i = 0; i < num_layers; ++i) {
    const size_t index = static_cast<size_t>(i);
    bool is_sliding = false;
    if (types.empty()) {
      is_sliding = slides(i);
    } else if (types[index] == "sliding_attention") {
      is_sliding = true;
    } else if (types[index] != "full_attention") {
      fields.Reject("layer_types", "full_attention or sliding_attention", types[index]);
    }
    if (!is_sliding) continue;
    if (window == 0) {
      fields.Reject("sliding_window", absl::StrCat("a window for layer ", i, ", which slides"),
                    "none");
      return layers;
    }
    layers[index].window = window;
  }
  return layers;
}

}  // namespace inkling
