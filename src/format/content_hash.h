// ContentHash: a 128-bit hash of a stream of bytes, for model ids and for noticing damage.
//
// MurmurHash3_x64_128 with seed 0 (Austin Appleby, public domain algorithm), fed in pieces of any
// size. It finds accidents, not forgeries: it is not a cryptographic hash.

#ifndef INKLING_SRC_FORMAT_CONTENT_HASH_H_
#define INKLING_SRC_FORMAT_CONTENT_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace inkling {

class ContentHash {
 public:
  // Adds bytes to the stream. How the stream is cut into pieces doesn't matter.
  void Add(absl::Span<const std::byte> bytes);

  // The hash of what was added so far: 16 bytes, the two 64-bit halves in little-endian order.
  std::array<std::byte, 16> Digest() const;

 private:
  void Mix(const std::byte* block);

  uint64_t low_ = 0;
  uint64_t high_ = 0;
  uint64_t length_ = 0;
  std::array<std::byte, 16> pending_ = {};  // the first length_ % 16 bytes are in use
};

// 32 lower-case hex digits.
std::string HexDigits(const std::array<std::byte, 16>& digest);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_CONTENT_HASH_H_
