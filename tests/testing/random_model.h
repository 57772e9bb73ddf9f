// Tiny models with random weights, written as real model files: what decoder, session and binding
// tests open.
//
// Every value depends only on the seed and the tensor's name, so two configs that share a tensor
// share its values, on every platform. The weights are scaled so that activations stay of order one
// through any number of layers.

#ifndef INKLING_TESTS_TESTING_RANDOM_MODEL_H_
#define INKLING_TESTS_TESTING_RANDOM_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"
#include "src/format/tensor_list.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// A valid config: hidden 32, 2 layers, 4 heads, 2 kv heads, head_dim 8, feed-forward 48, rope,
// vocab 320, context 128, untied head. Tests change single fields from here.
ModelConfig TinyConfig();

// Frequencies base^(-2i/rotary_dim) for i < rotary_dim / 2: the unscaled rotation.
RopeTableConfig RopeTable(int32_t rotary_dim, double base);

// A byte-level BPE vocabulary: ids 0..255 are the bytes, then merges and specials; `vocab_size`
// pieces in all (at least 260). It encodes every text, so text tests can run on random weights.
TokenizerData TinyTokenizer(int32_t vocab_size);

// The float values [rows, columns] that WriteRandomModel quantises for this tensor. Norm weights
// lie around 1.
std::vector<float> RandomTensor(const TensorInfo& tensor, uint64_t seed);

// Metadata of a random model: `config`, TinyTokenizer(config.vocab_size), a plain prompt template.
ModelMetadata TinyMetadata(const ModelConfig& config);

// Writes a model file and returns `path`. Linear weights and the head take `linear_type`, the
// embedding `embedding_type` (a tied head is the embedding); norms and biases are f32. A matrix
// whose columns a type can't hold (blocks of 32 in 48 columns) is stored as int8. Errors: the
// writer's own.
absl::StatusOr<std::string> WriteRandomModel(const std::string& path, const ModelConfig& config,
                                             TensorType linear_type, TensorType embedding_type,
                                             uint64_t seed);

}  // namespace inkling

#endif  // INKLING_TESTS_TESTING_RANDOM_MODEL_H_
