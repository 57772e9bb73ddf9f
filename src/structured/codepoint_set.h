// CodepointSet: characters as ranges of code points.

#ifndef INKLING_SRC_STRUCTURED_CODEPOINT_SET_H_
#define INKLING_SRC_STRUCTURED_CODEPOINT_SET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace inkling {

class CodepointSet {
 public:
  static constexpr uint32_t kLast = 0x10FFFF;

  CodepointSet() = default;
  CodepointSet(std::initializer_list<std::pair<uint32_t, uint32_t>> ranges) : ranges_(ranges) {
    Normalize();
  }
  static CodepointSet All() { return {{0, kLast}}; }

  void Add(uint32_t first, uint32_t last) { ranges_.emplace_back(first, last); }
  void Add(const CodepointSet& other) {
    ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  }
  // Sorts ranges and joins those that touch. For the other functions, after Add.
  void Normalize() {
    std::sort(ranges_.begin(), ranges_.end());
    size_t kept = 0;
    for (size_t i = 0; i < ranges_.size(); ++i) {
      if (kept > 0 && ranges_[i].first <= ranges_[kept - 1].second + 1) {
        ranges_[kept - 1].second = std::max(ranges_[kept - 1].second, ranges_[i].second);
      } else {
        ranges_[kept++] = ranges_[i];
      }
    }
    ranges_.resize(kept);
  }
  CodepointSet Complement() const {
    CodepointSet out;
    uint32_t next = 0;
    for (const auto& [first, last] : ranges_) {
      if (first > next) out.ranges_.emplace_back(next, first - 1);
      next = last + 1;
    }
    if (next <= kLast) out.ranges_.emplace_back(next, kLast);
    return out;
  }
  CodepointSet Without(const CodepointSet& other) const {
    CodepointSet outside = Complement();
    outside.Add(other);
    outside.Normalize();
    return outside.Complement();
  }
  bool Has(uint32_t codepoint) const {
    for (const auto& [first, last] : ranges_) {
      if (codepoint >= first && codepoint <= last) return true;
    }
    return false;
  }
  const std::vector<std::pair<uint32_t, uint32_t>>& ranges() const { return ranges_; }

 private:
  std::vector<std::pair<uint32_t, uint32_t>> ranges_;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_CODEPOINT_SET_H_
