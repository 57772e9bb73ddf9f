// Fields of config.json that change what a model computes, in one family or another.
//
// A recipe reads those of its family. Configs also carry such fields for other families, which
// transformers keeps and doesn't use; people should know of them. And a few count in all families.

#ifndef INKLING_CONVERTER_RECIPES_CONFIG_KEYS_H_
#define INKLING_CONVERTER_RECIPES_CONFIG_KEYS_H_

#include "absl/strings/string_view.h"
#include "converter/files/config_fields.h"

namespace inkling {

// Refuses models whose tokens see those behind them, as embedding models made of decoders do.
// Source: transformers' masking_utils.py, which asks every config for `is_causal`, and the Gemma
// classes.
void RequireCausalAttention(ConfigFields& fields);

// Notes the fields that `family` doesn't use, although others of that name change the mathematics
// and the value here isn't the one that changes nothing. Call it when a recipe has read `fields`.
void NoteUnreadMathematics(absl::string_view family, ConfigFields& fields);

}  // namespace inkling

#endif  // INKLING_CONVERTER_RECIPES_CONFIG_KEYS_H_
