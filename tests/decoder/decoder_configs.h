// The points of config space that the decoder's tests sweep: each axis on its own, the families'
// combinations, and random mixtures.

#ifndef INKLING_TESTS_DECODER_DECODER_CONFIGS_H_
#define INKLING_TESTS_DECODER_DECODER_CONFIGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "src/format/model_config.h"

namespace inkling {

struct NamedConfig {
  std::string name;  // letters, digits and underscores
  ModelConfig config;
};

// TinyConfig with one axis changed at a time.
std::vector<NamedConfig> SingleAxisConfigs();

// The combinations that real families have, in small.
std::vector<NamedConfig> FamilyConfigs();

// `count` mixtures of all axes, the same on every run.
std::vector<NamedConfig> RandomConfigs(int count);

// Three that together have windows, two rope tables, ALiBi, parallel blocks, caps, norms of q and k
// and every bias: for properties that need not be swept over everything.
std::vector<NamedConfig> PropertyConfigs();

}  // namespace inkling

#endif  // INKLING_TESTS_DECODER_DECODER_CONFIGS_H_
