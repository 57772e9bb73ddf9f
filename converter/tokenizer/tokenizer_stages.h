// The stages that a tokenizer class of transformers 5 puts around a vocabulary, as the tree of a
// tokenizer.json.

#ifndef INKLING_CONVERTER_TOKENIZER_TOKENIZER_STAGES_H_
#define INKLING_CONVERTER_TOKENIZER_TOKENIZER_STAGES_H_

#include "converter/tokenizer/tokenizer_class.h"
#include "nlohmann/json.hpp"

namespace inkling {

// normalizer, pre_tokenizer and decoder of a class that builds its own, with the add_prefix_space
// and legacy of `config` (tokenizer_config.json's object).
nlohmann::json ClassStages(const TokenizerClass& tokenizer_class, const nlohmann::json& config);

// The "model" of such a class: its fields, without vocabulary and merges.
nlohmann::json ClassModel(const TokenizerClass& tokenizer_class, const nlohmann::json& config);

// Whether two trees have stages of the same kinds: the same types, patterns and texts in the same
// order. What tokenizer_config.json decides (spaces in front) may differ.
bool SameKindOfStages(const nlohmann::json& left, const nlohmann::json& right);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TOKENIZER_STAGES_H_
