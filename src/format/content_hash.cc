// xxHash, compiled into this file: its functions are static and carry another prefix here, so that
// an app with a copy of its own sees none of ours.

#include "src/format/content_hash.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

#include "absl/types/span.h"

#define XXH_INLINE_ALL
#include "xxhash.h"

// The values of XXH3 are fixed since this version.
static_assert(XXH_VERSION_NUMBER >= 800,
              "xxHash 0.8.0 or later is needed: set INKLING_XXHASH_SOURCE_DIR to one");

namespace inkling {

struct ContentHash::State {
  XXH3_state_t stream;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->stream);
}
ContentHash::ContentHash(ContentHash&&) noexcept = default;
ContentHash& ContentHash::operator=(ContentHash&&) noexcept = default;
ContentHash::~ContentHash() = default;

void ContentHash::Add(absl::Span<const std::byte> bytes) {
  if (!bytes.empty()) XXH3_128bits_update(&state_->stream, bytes.data(), bytes.size());
}

std::array<std::byte, 16> ContentHash::Digest() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->stream));
  std::array<std::byte, 16> digest;
  static_assert(sizeof(canonical) == sizeof(digest));
  std::memcpy(digest.data(), &canonical, sizeof(digest));
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
