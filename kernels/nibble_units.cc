// A unit of an output at a time in 64-bit words: opening a model packs every weight once, so this
// is most of a cold start.
#include "kernels/nibble_units.h"

#include <cstring>

#include "kernels/block_matmul.h"

namespace inkling::kernels {
namespace {

// The low 4 bytes of `word`, each followed by a byte of 0.
uint64_t SpreadBytes(uint64_t word) {
  word &= 0xffffffff;
  word = (word | word << 16) & 0x0000ffff0000ffff;
  return (word | word << 8) & 0x00ff00ff00ff00ff;
}

// A byte for each of the 8 nibbles in the low half of `pairs`.
uint64_t NibblesOf(uint64_t pairs) {
  const uint64_t spread = SpreadBytes(pairs);
  return (spread & 0x000f000f000f000f) | (spread & 0x00f000f000f000f0) << 4;
}

uint64_t Load64(const uint8_t* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

}  // namespace

// Words are put together as little-endian memory has them; kernels that read units run on x86.
void PackNibbleUnits(const uint8_t* nibbles, size_t num_inputs, size_t lane, uint8_t* units) {
  constexpr size_t kHalfBytes = kMatmulUnit / 4;
  constexpr size_t kLineBytes = 4 * kBlockTileOutputs;
  for (size_t first = 0; first < num_inputs; first += kMatmulUnit) {
    const uint64_t low_pairs = Load64(nibbles + first / 2);
    const uint64_t high_pairs = Load64(nibbles + first / 2 + kHalfBytes);
    for (size_t half = 0; half < 2; ++half) {
      const uint64_t quants = NibblesOf(low_pairs >> 32 * half) | NibblesOf(high_pairs >> 32 * half)
                                                                      << 4;
      uint8_t* line = units + 2 * half * kLineBytes + 4 * lane;
      std::memcpy(line, &quants, 4);
      const uint64_t upper = quants >> 32;
      std::memcpy(line + kLineBytes, &upper, 4);
    }
    units += kUnitBytes;
  }
}

size_t NibblePlace(size_t lane, size_t input) {
  constexpr size_t kHalf = kMatmulUnit / 2;
  const size_t k = input % kMatmulUnit;
  const size_t byte =
      input / kMatmulUnit * kUnitBytes + k % kHalf / 4 * 4 * kBlockTileOutputs + 4 * lane + k % 4;
  return 2 * byte + k / kHalf;
}

}  // namespace inkling::kernels
