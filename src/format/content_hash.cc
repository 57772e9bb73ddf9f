// MurmurHash3_x64_128 as a stream: whole 16-byte blocks are mixed at once, the rest waits for the
// next piece.

#include "src/format/content_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/types/span.h"

namespace inkling {
namespace {

constexpr uint64_t kFactorLow = 0x87c37b91114253d5;
constexpr uint64_t kFactorHigh = 0x4cf5ad432745937f;

// The stream is little-endian on every machine.
uint64_t LoadLittleEndian(const std::byte* bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::big) {
    uint64_t swapped = 0;
    for (int i = 0; i < 8; ++i) swapped |= ((value >> (8 * i)) & 0xff) << (56 - 8 * i);
    return swapped;
  }
  return value;
}

uint64_t ScrambleLow(uint64_t value) { return std::rotl(value * kFactorLow, 31) * kFactorHigh; }
uint64_t ScrambleHigh(uint64_t value) { return std::rotl(value * kFactorHigh, 33) * kFactorLow; }

uint64_t Finalize(uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccd;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53;
  value ^= value >> 33;
  return value;
}

}  // namespace

void ContentHash::Mix(const std::byte* block) {
  low_ ^= ScrambleLow(LoadLittleEndian(block));
  low_ = (std::rotl(low_, 27) + high_) * 5 + 0x52dce729;
  high_ ^= ScrambleHigh(LoadLittleEndian(block + 8));
  high_ = (std::rotl(high_, 31) + low_) * 5 + 0x38495ab5;
}

void ContentHash::Add(absl::Span<const std::byte> bytes) {
  size_t held = length_ % pending_.size();
  length_ += bytes.size();
  if (held != 0) {
    const size_t taken = std::min(pending_.size() - held, bytes.size());
    std::copy_n(bytes.begin(), taken, pending_.begin() + held);
    bytes.remove_prefix(taken);
    held += taken;
    if (held < pending_.size()) return;
    Mix(pending_.data());
  }
  while (bytes.size() >= pending_.size()) {
    Mix(bytes.data());
    bytes.remove_prefix(pending_.size());
  }
  std::copy(bytes.begin(), bytes.end(), pending_.begin());
}

std::array<std::byte, 16> ContentHash::Digest() const {
  std::array<std::byte, 16> tail = {};
  std::copy_n(pending_.begin(), length_ % pending_.size(), tail.begin());
  // Zero bytes scramble to zero, so an absent tail needs no case of its own.
  uint64_t high = high_ ^ ScrambleHigh(LoadLittleEndian(tail.data() + 8));
  uint64_t low = low_ ^ ScrambleLow(LoadLittleEndian(tail.data()));
  low ^= length_;
  high ^= length_;
  low += high;
  high += low;
  low = Finalize(low);
  high = Finalize(high);
  low += high;
  high += low;
  std::array<std::byte, 16> digest;
  for (int i = 0; i < 8; ++i) {
    digest[i] = static_cast<std::byte>(low >> (8 * i));
    digest[8 + i] = static_cast<std::byte>(high >> (8 * i));
  }
  return digest;
}

std::string HexDigits(const std::array<std::byte, 16>& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::byte byte : digest) {
    text += kDigits[std::to_integer<int>(byte >> 4)];
    text += kDigits[std::to_integer<int>(byte & std::byte{15})];
  }
  return text;
}

}  // namespace inkling
