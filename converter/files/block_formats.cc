// One function per block layout. The layouts are those of ggml's quantised types; every multi-byte
// number in them is little-endian, and scales are halves.

#include "converter/files/block_formats.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/format/quantization.h"

namespace inkling {
namespace {

constexpr int kSmallBlock = 32;
constexpr int kNibbleBytes = kSmallBlock / 2;  // value i in the low half of byte i, i + 16 above it

float Half(const std::byte* bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return HalfToFloat(bits);
}

int Low(std::byte pair) { return std::to_integer<int>(pair & std::byte{15}); }
int High(std::byte pair) { return std::to_integer<int>(pair >> 4); }

// half d, 16 bytes: d * (q - 8).
void DequantizeQ4Symmetric(const std::byte* block, float* values) {
  const float d = Half(block);
  for (int i = 0; i < kNibbleBytes; ++i) {
    const std::byte pair = block[2 + i];
    values[i] = static_cast<float>(Low(pair) - 8) * d;
    values[i + kNibbleBytes] = static_cast<float>(High(pair) - 8) * d;
  }
}

// half d, half m, 16 bytes: d * q + m.
void DequantizeQ4Affine(const std::byte* block, float* values) {
  const float d = Half(block);
  const float m = Half(block + 2);
  for (int i = 0; i < kNibbleBytes; ++i) {
    const std::byte pair = block[4 + i];
    values[i] = static_cast<float>(Low(pair)) * d + m;
    values[i + kNibbleBytes] = static_cast<float>(High(pair)) * d + m;
  }
}

// The fifth bits of a block's values, one after another, before the nibbles.
struct FifthBits {
  explicit FifthBits(const std::byte* bytes) { std::memcpy(&bits, bytes, sizeof(bits)); }
  int operator[](int i) const { return static_cast<int>((bits >> i & 1) << 4); }
  uint32_t bits;
};

// half d, 32 bits, 16 bytes: d * (q - 16).
void DequantizeQ5Symmetric(const std::byte* block, float* values) {
  const float d = Half(block);
  const FifthBits fifth(block + 2);
  for (int i = 0; i < kNibbleBytes; ++i) {
    const std::byte pair = block[6 + i];
    values[i] = static_cast<float>((Low(pair) | fifth[i]) - 16) * d;
    const int j = i + kNibbleBytes;
    values[j] = static_cast<float>((High(pair) | fifth[j]) - 16) * d;
  }
}

// half d, half m, 32 bits, 16 bytes: d * q + m.
void DequantizeQ5Affine(const std::byte* block, float* values) {
  const float d = Half(block);
  const float m = Half(block + 2);
  const FifthBits fifth(block + 4);
  for (int i = 0; i < kNibbleBytes; ++i) {
    const std::byte pair = block[8 + i];
    values[i] = static_cast<float>(Low(pair) | fifth[i]) * d + m;
    const int j = i + kNibbleBytes;
    values[j] = static_cast<float>(High(pair) | fifth[j]) * d + m;
  }
}

// half d, 32 int8: d * q.
void DequantizeQ8(const std::byte* block, float* values) {
  const float d = Half(block);
  for (int i = 0; i < kSmallBlock; ++i) {
    values[i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * d;
  }
}

// The 8 scales and 8 minima of a large block, 6 bits each in 12 bytes: the first four of both lie
// in the low 6 bits of bytes 0-3 and 4-7; of the last four, the low 4 bits lie in bytes 8-11 and
// the high 2 bits on top of bytes 0-3 and 4-7.
struct SubBlockScales {
  explicit SubBlockScales(const std::byte* bytes) {
    for (int i = 0; i < 4; ++i) {
      const int first = std::to_integer<int>(bytes[i]);
      const int second = std::to_integer<int>(bytes[i + 4]);
      const int third = std::to_integer<int>(bytes[i + 8]);
      scale[i] = static_cast<float>(first & 63);
      minimum[i] = static_cast<float>(second & 63);
      scale[i + 4] = static_cast<float>((third & 15) | (first >> 6 << 4));
      minimum[i + 4] = static_cast<float>((third >> 4) | (second >> 6 << 4));
    }
  }
  float scale[8];
  float minimum[8];
};

// half d, half dmin, 12 bytes of scales, 128 bytes of nibbles. Value v of sub-block s is
// d * scale[s] * q - dmin * minimum[s]; sub-blocks 2i and 2i + 1 are the low and the high nibbles
// of the i-th 32 bytes.
void DequantizeQ4Large(const std::byte* block, float* values) {
  const float d = Half(block);
  const float dmin = Half(block + 2);
  const SubBlockScales scales(block + 4);
  for (int s = 0; s < 8; ++s) {
    const std::byte* nibbles = block + 16 + s / 2 * 32;
    const float scale = d * scales.scale[s];
    const float minimum = dmin * scales.minimum[s];
    for (int i = 0; i < 32; ++i) {
      const int q = s % 2 == 0 ? Low(nibbles[i]) : High(nibbles[i]);
      values[s * 32 + i] = scale * static_cast<float>(q) - minimum;
    }
  }
}

// The same with 32 bytes before the nibbles: bit s of byte i is the fifth bit of value i of
// sub-block s.
void DequantizeQ5Large(const std::byte* block, float* values) {
  const float d = Half(block);
  const float dmin = Half(block + 2);
  const SubBlockScales scales(block + 4);
  const std::byte* fifth = block + 16;
  for (int s = 0; s < 8; ++s) {
    const std::byte* nibbles = block + 48 + s / 2 * 32;
    const float scale = d * scales.scale[s];
    const float minimum = dmin * scales.minimum[s];
    for (int i = 0; i < 32; ++i) {
      const int low = s % 2 == 0 ? Low(nibbles[i]) : High(nibbles[i]);
      const int q = low | (std::to_integer<int>(fifth[i] >> s) & 1) << 4;
      values[s * 32 + i] = scale * static_cast<float>(q) - minimum;
    }
  }
}

// 128 bytes of nibbles, 64 bytes of upper bit pairs, 16 int8 scales, half d: d * scale * (q - 32).
// Each half of 128 values has 64 and 32 bytes of them; its runs of 32 values take, in order, the
// low nibbles of the first and of the second 32 bytes, then the high ones, and bit pairs from low
// to high of the same 32 bytes.
void DequantizeQ6Large(const std::byte* block, float* values) {
  const float d = Half(block + 208);
  for (int half = 0; half < 2; ++half) {
    const std::byte* nibbles = block + half * 64;
    const std::byte* pairs = block + 128 + half * 32;
    const std::byte* scales = block + 192 + half * 8;
    for (int i = 0; i < 128; ++i) {
      const int run = i / 32;
      const std::byte byte = nibbles[i % 64];
      const int upper = std::to_integer<int>(pairs[i % 32] >> (2 * run)) & 3;
      const int q = ((run < 2 ? Low(byte) : High(byte)) | upper << 4) - 32;
      const float scale = d * static_cast<float>(static_cast<int8_t>(scales[i / 16]));
      values[half * 128 + i] = scale * static_cast<float>(q);
    }
  }
}

constexpr BlockFormat kFormats[] = {
    {0, "F32", 1, 4, nullptr},
    {1, "F16", 1, 2, nullptr},
    {30, "BF16", 1, 2, nullptr},
    {2, "Q4_0", 32, 18, DequantizeQ4Symmetric},
    {3, "Q4_1", 32, 20, DequantizeQ4Affine},
    {6, "Q5_0", 32, 22, DequantizeQ5Symmetric},
    {7, "Q5_1", 32, 24, DequantizeQ5Affine},
    {8, "Q8_0", 32, 34, DequantizeQ8},
    {12, "Q4_K", 256, 144, DequantizeQ4Large},
    {13, "Q5_K", 256, 176, DequantizeQ5Large},
    {14, "Q6_K", 256, 210, DequantizeQ6Large},
};

struct UnreadType {
  uint32_t type;
  absl::string_view name;
};

constexpr UnreadType kUnreadTypes[] = {
    {9, "Q8_1"},     {10, "Q2_K"},  {11, "Q3_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"},
    {24, "I8"},      {25, "I16"},   {26, "I32"},    {27, "I64"},   {28, "F64"},     {29, "IQ1_M"},
    {34, "TQ1_0"},   {35, "TQ2_0"}, {39, "MXFP4"},  {40, "NVFP4"}, {41, "Q1_0"},    {42, "Q2_0"},
};

}  // namespace

const BlockFormat* FindBlockFormat(uint32_t type) {
  for (const BlockFormat& format : kFormats) {
    if (format.type == type) return &format;
  }
  return nullptr;
}

const BlockFormat* FindBlockFormat(absl::string_view name) {
  for (const BlockFormat& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

std::string BlockFormatNames() {
  return absl::StrJoin(kFormats, ", ", [](std::string* out, const BlockFormat& format) {
    absl::StrAppend(out, format.name);
  });
}

std::string UnreadTypeName(uint32_t type) {
  for (const UnreadType& unread : kUnreadTypes) {
    if (unread.type == type) return std::string(unread.name);
  }
  return absl::StrCat("number ", type);
}

std::vector<float> Q4BlockScales(absl::Span<const std::byte> bytes) {
  constexpr size_t kBlockBytes = 18;
  std::vector<float> scales(bytes.size() / kBlockBytes);
  for (size_t i = 0; i < scales.size(); ++i) scales[i] = Half(bytes.data() + i * kBlockBytes);
  return scales;
}

}  // namespace inkling
