// ContentHash: a 128-bit hash of a stream of bytes, for model ids and for noticing damage.
//
// XXH3 of 128 bits with seed 0, fed in pieces of any size. It finds accidents, not forgeries: it is
// not a cryptographic hash. The values are the same on every platform, whatever instructions it
// computes them with.

#ifndef INKLING_SRC_FORMAT_CONTENT_HASH_H_
#define INKLING_SRC_FORMAT_CONTENT_HASH_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/types/span.h"

namespace inkling {

class ContentHash {
 public:
  ContentHash();
  ContentHash(ContentHash&&) noexcept;
  ContentHash& operator=(ContentHash&&) noexcept;
  ~ContentHash();

  // Adds bytes to the stream. How the stream is cut into pieces doesn't matter.
  void Add(absl::Span<const std::byte> bytes);

  // The hash of what was added so far: 16 bytes in the order in which xxhsum prints them.
  std::array<std::byte, 16> Digest() const;

 private:
  struct State;  // half a kilobyte, which xxhash.h defines

  std::unique_ptr<State> state_;
};

// 32 lower-case hex digits.
std::string HexDigits(const std::array<std::byte, 16>& digest);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_CONTENT_HASH_H_
