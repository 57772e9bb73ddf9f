// OwnedWeight: a tensor in memory, quantised from random values, for tests of the compute room.
//
// What a model file would hold, without the file: the view, the bytes behind it, and the float
// values that matmuls must behave as if they had multiplied with.

#ifndef INKLING_TESTS_COMPUTE_OWNED_WEIGHT_H_
#define INKLING_TESTS_COMPUTE_OWNED_WEIGHT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "src/format/model_reader.h"

namespace inkling {

// Not copyable: `view` points into `values` and `scales`.
struct OwnedWeight {
  OwnedWeight() = default;
  OwnedWeight(OwnedWeight&&) = default;
  OwnedWeight& operator=(OwnedWeight&&) = default;

  TensorView view;
  std::vector<std::byte> values;
  std::vector<std::byte> scales;
  std::vector<float> source;       // [rows, columns], before quantisation
  std::vector<float> dequantized;  // [rows, columns], what `values` and `scales` mean
};

// Reproducible values of a normal distribution.
std::vector<float> RandomValues(size_t size, uint64_t seed);

// A [rows, columns] matrix of `type` with values around 1 / sqrt(columns).
OwnedWeight MakeWeight(const std::string& name, int64_t rows, int64_t columns, TensorType type,
                       uint64_t seed);

// An f32 vector of random values.
OwnedWeight MakeBias(const std::string& name, int64_t size, uint64_t seed);

// Every element type, blocks of each size included.
std::vector<TensorType> AllTensorTypes();

// The type as a part of a test's name: "int4_32".
std::string NameOf(TensorType type);

}  // namespace inkling

#endif  // INKLING_TESTS_COMPUTE_OWNED_WEIGHT_H_
