// ByteSet: a set of byte values, and the sets that characters need in UTF-8.

#ifndef INKLING_SRC_STRUCTURED_BYTE_SET_H_
#define INKLING_SRC_STRUCTURED_BYTE_SET_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace inkling {

class ByteSet {
 public:
  ByteSet() = default;

  static ByteSet Of(uint8_t byte) {
    ByteSet set;
    set.Add(byte);
    return set;
  }
  // Both ends belong to it.
  static ByteSet Range(uint8_t first, uint8_t last) {
    ByteSet set;
    for (uint32_t byte = first; byte <= last; ++byte) set.Add(static_cast<uint8_t>(byte));
    return set;
  }

  void Add(uint8_t byte) { words_[byte >> 6] |= uint64_t{1} << (byte & 63); }
  bool Has(uint8_t byte) const { return (words_[byte >> 6] >> (byte & 63) & 1) != 0; }
  bool empty() const { return (words_[0] | words_[1] | words_[2] | words_[3]) == 0; }
  ByteSet& operator|=(const ByteSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
    return *this;
  }
  friend bool operator==(const ByteSet& a, const ByteSet& b) { return a.words_ == b.words_; }

  template <typename H>
  friend H AbslHashValue(H h, const ByteSet& set) {
    return H::combine(std::move(h), set.words_);
  }

 private:
  std::array<uint64_t, 4> words_ = {};
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_BYTE_SET_H_
