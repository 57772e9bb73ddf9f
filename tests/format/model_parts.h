// A model file in its parts, so that tests can damage one part and put the file together again with
// a good checksum.

#ifndef INKLING_TESTS_FORMAT_MODEL_PARTS_H_
#define INKLING_TESTS_FORMAT_MODEL_PARTS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "src/format/container.h"
#include "src/format/content_hash.h"

namespace inkling {

inline absl::Span<const std::byte> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Writes the checksum of everything before `checksum` into it.
inline void Seal(std::string& file, const Extent& checksum) {
  ContentHash hash;
  hash.Add(AsBytes(file).first(static_cast<size_t>(checksum.offset)));
  const std::array<std::byte, 16> digest = hash.Digest();
  std::memcpy(file.data() + checksum.offset, digest.data(), digest.size());
}

// The head of a file: `container` at 0, `metadata` and the checksum at the places `container` gives
// them.
inline std::string AssembleHead(const Container& container, absl::Span<const std::byte> metadata) {
  const std::vector<std::byte> encoded = EncodeContainer(container);
  const int64_t end = std::max(
      {container.checksum.end(), container.metadata.end(), static_cast<int64_t>(encoded.size())});
  std::string head(static_cast<size_t>(end), '\0');
  std::memcpy(head.data(), encoded.data(), encoded.size());
  std::memcpy(head.data() + container.metadata.offset, metadata.data(),
              std::min(metadata.size(), static_cast<size_t>(container.metadata.size)));
  Seal(head, container.checksum);
  return head;
}

}  // namespace inkling

#endif  // INKLING_TESTS_FORMAT_MODEL_PARTS_H_
