// ReferenceDecoder: the transformer written down plainly, in double precision: what the decoder of
// src/decoder must agree with for every config.
//
// Kept naive on purpose: loops over rows, heads and keys, weights dequantised to plain vectors,
// nothing shared with the code under test but the file reader. Reads top to bottom like the papers.
// Tests only.

#ifndef INKLING_TESTS_TESTING_REFERENCE_DECODER_H_
#define INKLING_TESTS_TESTING_REFERENCE_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/types/span.h"
#include "src/format/model_reader.h"

namespace inkling {

class ReferenceDecoder {
 public:
  // Dequantises every tensor of `reader`, which outlives this. `capacity` is the session's context:
  // it chooses between a rope table's ordinary and long frequencies.
  ReferenceDecoder(const ModelReader& reader, int32_t capacity);

  struct Result {
    std::vector<float> logits;  // [tokens, vocab_size]
    std::vector<float> hidden;  // [tokens, hidden_dim], after the final norm
  };

  using Row = std::vector<double>;
  using Rows = std::vector<Row>;

  // Keys and values of the tokens so far, [num_layers][tokens][num_kv_heads * head_dim].
  struct Past {
    std::vector<Rows> keys;
    std::vector<Rows> values;
  };

  // All tokens at once, from position 0.
  Result Run(absl::Span<const int32_t> tokens) const;
  // Tokens that come behind those of `past`, to which they are added. An empty one is position 0.
  Result Continue(absl::Span<const int32_t> tokens, Past& past) const;

 private:
  const std::vector<float>* Find(const std::string& name) const;
  Row Norm(const std::string& name, const Row& x) const;
  Row Linear(const std::string& name, const Row& x) const;
  void NormHeads(const std::string& name, Row& heads) const;
  void Rotate(int32_t table, size_t position, Row& heads) const;
  double Score(size_t head, const double* query, const double* key, size_t key_position) const;
  Rows Attention(int32_t layer, const Rows& x, Past& past) const;
  Row FeedForward(int32_t layer, const Row& x) const;
  void Layer(int32_t layer, Rows& x, Past& past) const;

  const ModelConfig& config_;
  int32_t capacity_;
  std::unordered_map<std::string, std::vector<float>> tensors_;
};

}  // namespace inkling

#endif  // INKLING_TESTS_TESTING_REFERENCE_DECODER_H_
