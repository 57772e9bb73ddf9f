// RandomStream: the random numbers of sampling, the same on every platform, and where seeds come
// from.
//
// The standard library fixes its engines but not its distributions, so the step from bits to a real
// number is written here.

#ifndef INKLING_SRC_SESSION_RANDOM_STREAM_H_
#define INKLING_SRC_SESSION_RANDOM_STREAM_H_

#include <cstdint>

namespace inkling {

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): a counter
// whose values go through a bijective mixing function. Its period of 2^64 is enough for one draw a
// token.
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed) : state_(seed) {}

  uint64_t NextBits() {
    state_ += 0x9E3779B97F4A7C15ull;
    uint64_t bits = state_;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ull;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBull;
    return bits ^ (bits >> 31);
  }

  // Uniform in [0, 1): the top 53 bits, so that every value is exact in a double.
  double NextUnit() { return static_cast<double>(NextBits() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

// A seed that nobody has had before: 8 bytes of the system's entropy. Where the system gives none
// (a sandbox may forbid it, and on Windows nothing is asked), a mix of the time and of an address,
// which is enough to get another text. Unlike std::random_device it never throws.
uint64_t DrawSeed();

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_RANDOM_STREAM_H_
