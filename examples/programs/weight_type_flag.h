// The values of --weights and --vocabulary, with which programs make weights up.

#ifndef INKLING_EXAMPLES_PROGRAMS_WEIGHT_TYPE_FLAG_H_
#define INKLING_EXAMPLES_PROGRAMS_WEIGHT_TYPE_FLAG_H_

#include <map>
#include <string>

#include "src/format/element_type.h"

namespace inkling {

// By what the flag is given.
inline const std::map<std::string, TensorType>& WeightTypes() {
  static const auto& types = *new std::map<std::string, TensorType>{
      {"int4", {ElementType::kInt4Channel, 0}},   {"int4/32", {ElementType::kInt4Block, 32}},
      {"int4/64", {ElementType::kInt4Block, 64}}, {"int4/128", {ElementType::kInt4Block, 128}},
      {"int8", {ElementType::kInt8Channel, 0}},   {"f32", {}}};
  return types;
}

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_WEIGHT_TYPE_FLAG_H_
