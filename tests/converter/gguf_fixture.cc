// Writes what the documentation says: magic, counts, entries, tensor infos, padding, data.

#include "tests/converter/gguf_fixture.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "src/format/quantization.h"

namespace inkling {
namespace {

enum ValueType : uint32_t {
  kUint16 = 2,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
};

std::string Array(uint32_t type, size_t count, const std::string& items) {
  return GgufNumber(type) + GgufNumber(static_cast<uint64_t>(count)) + items;
}

std::string Padded(std::string bytes, size_t alignment) {
  bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
  return bytes;
}

// Blocks of 32 with one half in front: d = the largest magnitude / 127 or 8.
std::string Blocks(absl::Span<const float> values, uint32_t type) {
  std::string bytes;
  for (size_t i = 0; i + 32 <= values.size(); i += 32) {
    const absl::Span<const float> block = values.subspan(i, 32);
    float extreme = 0.0f;
    for (const float value : block) {
      if (std::fabs(value) > std::fabs(extreme)) extreme = value;
    }
    const bool is_q8 = type == kGgufQ8;
    // As llama.cpp: the value with the largest magnitude becomes -8, so d may be negative.
    const float d = HalfToFloat(FloatToHalf(is_q8 ? std::fabs(extreme) / 127.0f : extreme / -8.0f));
    const auto quant = [&](size_t j, float low, float high) {
      return static_cast<int>(d == 0.0f ? 0.0f : std::clamp(std::round(block[j] / d), low, high));
    };
    bytes += GgufNumber(FloatToHalf(d));
    for (size_t j = 0; j < (is_q8 ? 32u : 16u); ++j) {
      const int byte = is_q8 ? quant(j, -127.0f, 127.0f)
                             : (quant(j, -8.0f, 7.0f) + 8) | (quant(j + 16, -8.0f, 7.0f) + 8) << 4;
      bytes.push_back(static_cast<char>(byte));
    }
  }
  return bytes;
}

}  // namespace

std::string GgufStart(uint32_t version, uint64_t num_tensors, uint64_t num_entries) {
  return "GGUF" + GgufNumber(version) + GgufNumber(num_tensors) + GgufNumber(num_entries);
}

std::string GgufText(const std::string& text) {
  return GgufNumber(static_cast<uint64_t>(text.size())) + text;
}

std::string GgufEntry(const std::string& key, uint32_t type, const std::string& value) {
  return GgufText(key) + GgufNumber(type) + value;
}

std::string GgufTensorInfo(const std::string& name, const std::vector<uint64_t>& fastest_first,
                           uint32_t type, uint64_t offset) {
  std::string info = GgufText(name) + GgufNumber(static_cast<uint32_t>(fastest_first.size()));
  for (const uint64_t size : fastest_first) info += GgufNumber(size);
  return info + GgufNumber(type) + GgufNumber(offset);
}

std::string GgufValues(absl::Span<const float> values, uint32_t type) {
  if (type == kGgufQ4 || type == kGgufQ8) return Blocks(values, type);
  std::string bytes;
  for (const float value : values) {
    bytes += type == kGgufF32   ? GgufNumber(value)
             : type == kGgufF16 ? GgufNumber(FloatToHalf(value))
                                : GgufNumber(FloatToBfloat16(value));
  }
  return bytes;
}

void GgufBuilder::Set(const std::string& key, uint32_t type, const std::string& value) {
  Remove(key);
  entries_.push_back({key, GgufEntry(key, type, value)});
}

void GgufBuilder::Text(const std::string& key, const std::string& value) {
  Set(key, kString, GgufText(value));
}

void GgufBuilder::Uint32(const std::string& key, uint32_t value) {
  Set(key, kUint32, GgufNumber(value));
}

void GgufBuilder::Float32(const std::string& key, float value) {
  Set(key, kFloat32, GgufNumber(value));
}

void GgufBuilder::Bool(const std::string& key, bool value) {
  Set(key, kBool, GgufNumber(static_cast<uint8_t>(value)));
}

void GgufBuilder::Texts(const std::string& key, const std::vector<std::string>& values) {
  std::string items;
  for (const std::string& value : values) items += GgufText(value);
  Set(key, kArray, Array(kString, values.size(), items));
}

void GgufBuilder::Floats(const std::string& key, const std::vector<float>& values) {
  std::string items;
  for (const float value : values) items += GgufNumber(value);
  Set(key, kArray, Array(kFloat32, values.size(), items));
}

void GgufBuilder::Int32s(const std::string& key, const std::vector<int32_t>& values) {
  std::string items;
  for (const int32_t value : values) items += GgufNumber(value);
  Set(key, kArray, Array(kInt32, values.size(), items));
}

void GgufBuilder::Bools(const std::string& key, const std::vector<bool>& values) {
  std::string items;
  for (const bool value : values) items += GgufNumber(static_cast<uint8_t>(value));
  Set(key, kArray, Array(kBool, values.size(), items));
}

void GgufBuilder::Remove(const std::string& key) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
}

void GgufBuilder::Tensor(const std::string& name, std::vector<int64_t> shape, uint32_t type,
                         std::string bytes) {
  tensors_.push_back({name, std::move(shape), type, std::move(bytes)});
}

void GgufBuilder::RemoveTensor(const std::string& name) {
  const size_t removed =
      std::erase_if(tensors_, [&](const StoredTensor& tensor) { return tensor.name == name; });
  EXPECT_EQ(removed, 1u) << name;
}

std::string GgufBuilder::File(absl::Span<const Entry> entries,
                              absl::Span<const StoredTensor> tensors) const {
  std::string infos;
  std::string data;
  for (const StoredTensor& tensor : tensors) {
    const std::vector<uint64_t> sizes(tensor.shape.rbegin(), tensor.shape.rend());
    infos += GgufTensorInfo(tensor.name, sizes, tensor.type, data.size());
    data = Padded(data + tensor.bytes, alignment);
  }
  const bool writes_alignment = alignment != 32;
  std::string file = GgufStart(version, tensors.size(), entries.size() + writes_alignment);
  if (writes_alignment) file += GgufEntry("general.alignment", kUint32, GgufNumber(alignment));
  for (const Entry& entry : entries) file += entry.bytes;
  return Padded(file + infos, alignment) + data;
}

std::string GgufBuilder::Bytes() const { return File(entries_, tensors_); }

std::vector<std::string> GgufBuilder::Shards(size_t count) const {
  std::vector<std::string> files;
  for (size_t i = 0; i < count; ++i) {
    std::vector<Entry> entries = i == 0 ? entries_ : std::vector<Entry>();
    const auto add = [&](const std::string& key, uint32_t type, const std::string& value) {
      entries.push_back({key, GgufEntry(key, type, value)});
    };
    add("split.no", kUint16, GgufNumber(static_cast<uint16_t>(i)));
    add("split.count", kUint16, GgufNumber(static_cast<uint16_t>(count)));
    add("split.tensors.count", kInt32, GgufNumber(static_cast<int32_t>(tensors_.size())));
    const size_t first = tensors_.size() * i / count;
    const size_t last = tensors_.size() * (i + 1) / count;
    files.push_back(File(entries, absl::MakeSpan(tensors_).subspan(first, last - first)));
  }
  return files;
}

void AddTinyVocabulary(GgufBuilder& builder) {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", "<end>"};
  std::vector<int32_t> types = {2, 3, 3, 3};
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(absl::StrFormat("<0x%02X>", byte));
    types.push_back(6);
  }
  for (const char* text : {"\u2581", "a", "b", "ab", "\u2581a"}) {
    tokens.push_back(text);
    types.push_back(1);
  }
  tokens.push_back("two words");
  types.push_back(4);
  std::vector<float> scores(tokens.size(), 0.0f);
  for (size_t i = 260; i < scores.size(); ++i) scores[i] = -static_cast<float>(i);
  builder.Text("tokenizer.ggml.model", "llama");
  builder.Texts("tokenizer.ggml.tokens", tokens);
  builder.Floats("tokenizer.ggml.scores", scores);
  builder.Int32s("tokenizer.ggml.token_type", types);
  builder.Uint32("tokenizer.ggml.bos_token_id", 1);
  builder.Uint32("tokenizer.ggml.eos_token_id", 2);
}

}  // namespace inkling
