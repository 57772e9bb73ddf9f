// Tiny checkpoints in Hugging Face form, written by the tests themselves, so that a fresh clone
// needs no data. Values depend on the tensor's name only.

#ifndef INKLING_TESTS_CONVERTER_CHECKPOINT_FIXTURE_H_
#define INKLING_TESTS_CONVERTER_CHECKPOINT_FIXTURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace inkling {

// A tensor as a safetensors file holds it.
struct FixtureTensor {
  std::string name;
  std::string dtype;  // "F32", "F16" or "BF16"
  std::vector<int64_t> shape;
  std::vector<float> values;  // representable in dtype
};

// The tensor's values, little-endian.
std::string ValueBytesOf(const FixtureTensor& tensor);

// The bytes of a safetensors file with these tensors, in this order.
std::string SafetensorsBytes(const std::vector<FixtureTensor>& tensors);

// A safetensors file with this header text, whatever it says, and `data_bytes` zeros behind it.
std::string SafetensorsWithHeader(const std::string& header, size_t data_bytes);

// Deterministic values around zero that BF16 and F32 hold exactly.
std::vector<float> FixtureValues(const std::string& name, int64_t count);

// A Llama-form decoder: hidden 32, 2 layers, 4 heads, 2 kv heads, feed-forward 48, vocabulary 320.
// Tests change config and tensors before writing.
struct TinyCheckpoint {
  TinyCheckpoint();

  // The config.json and all tensors that lie in `folder`.
  static TinyCheckpoint Read(const std::string& folder);

  FixtureTensor& Tensor(const std::string& name);
  // A tensor of FixtureValues in BF16.
  FixtureTensor& Add(const std::string& name, std::vector<int64_t> shape);
  void Remove(const std::string& name);
  void Rename(const std::string& from, const std::string& to);
  // Replaces the tensors `parts` by one that has the rows of the first, then of the second, ...
  void Join(const std::vector<std::string>& parts, const std::string& joined);

  // Writes config.json, tokenizer.bin and the weights: one file, or `num_shards` with an index.
  void Write(const std::string& folder) const;
  void WriteShards(const std::string& folder, size_t num_shards) const;

  // The same in PyTorch's form.
  void WritePytorch(const std::string& folder) const;
  void WritePytorchShards(const std::string& folder, size_t num_shards) const;

  nlohmann::json config;
  std::vector<FixtureTensor> tensors;
};

// llama2.c's tokenizer.bin with its 259 first pieces and a letter.
std::string TinyTokenizerFile();

}  // namespace inkling

#endif  // INKLING_TESTS_CONVERTER_CHECKPOINT_FIXTURE_H_
