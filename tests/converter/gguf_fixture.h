// GGUF files written by the tests themselves, from the format's documentation and independently of
// the reader under test.

#ifndef INKLING_TESTS_CONVERTER_GGUF_FIXTURE_H_
#define INKLING_TESTS_CONVERTER_GGUF_FIXTURE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace inkling {

// The pieces of a file, for tests that damage one of them.
std::string GgufStart(uint32_t version, uint64_t num_tensors, uint64_t num_entries);
std::string GgufText(const std::string& text);
std::string GgufEntry(const std::string& key, uint32_t type, const std::string& value);
std::string GgufTensorInfo(const std::string& name, const std::vector<uint64_t>& fastest_first,
                           uint32_t type, uint64_t offset);

// The bytes of a number, little-endian.
template <typename T>
std::string GgufNumber(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Types of tensors.
inline constexpr uint32_t kGgufF32 = 0;
inline constexpr uint32_t kGgufF16 = 1;
inline constexpr uint32_t kGgufQ4 = 2;
inline constexpr uint32_t kGgufQ8 = 8;
inline constexpr uint32_t kGgufBf16 = 30;

// `values` in one of the plain types; for kGgufQ4 and kGgufQ8 by a plain round-to-nearest.
std::string GgufValues(absl::Span<const float> values, uint32_t type);

// A file put together entry by entry.
class GgufBuilder {
 public:
  void Text(const std::string& key, const std::string& value);
  void Uint32(const std::string& key, uint32_t value);
  void Float32(const std::string& key, float value);
  void Bool(const std::string& key, bool value);
  void Texts(const std::string& key, const std::vector<std::string>& values);
  void Floats(const std::string& key, const std::vector<float>& values);
  void Int32s(const std::string& key, const std::vector<int32_t>& values);
  void Bools(const std::string& key, const std::vector<bool>& values);
  void Remove(const std::string& key);

  // `shape` has the rows first; `bytes` are the tensor's in `type`.
  void Tensor(const std::string& name, std::vector<int64_t> shape, uint32_t type,
              std::string bytes);
  void RemoveTensor(const std::string& name);

  // The file with every entry, tensors in order of Tensor().
  std::string Bytes() const;

  // The same model in `count` files, each as llama.cpp's splitter writes it.
  std::vector<std::string> Shards(size_t count) const;

  uint32_t version = 3;
  uint32_t alignment = 32;  // written as general.alignment unless 32

 private:
  struct Entry {
    std::string key;
    std::string bytes;
  };
  struct StoredTensor {
    std::string name;
    std::vector<int64_t> shape;
    uint32_t type;
    std::string bytes;
  };

  void Set(const std::string& key, uint32_t type, const std::string& value);
  std::string File(absl::Span<const Entry> entries, absl::Span<const StoredTensor> tensors) const;

  std::vector<Entry> entries_;
  std::vector<StoredTensor> tensors_;
};

// Adds a SentencePiece vocabulary of kTinyVocabulary tokens: "<unk>", "<s>", "</s>", "<end>", 256
// bytes, and from 260 on "_", "a", "b", "ab", "_a" (with U+2581) and the user's own "two words".
inline constexpr int kTinyVocabulary = 266;
void AddTinyVocabulary(GgufBuilder& builder);

}  // namespace inkling

#endif  // INKLING_TESTS_CONVERTER_GGUF_FIXTURE_H_
