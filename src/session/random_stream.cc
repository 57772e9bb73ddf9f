// Where seeds come from (see random_stream.h).

#include "src/session/random_stream.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>

#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace inkling {

uint64_t DrawSeed() {
  uint64_t seed = 0;
#if defined(__APPLE__) || defined(__ANDROID__)
  arc4random_buf(&seed, sizeof(seed));  // Apple's shops refuse getentropy, old Androids lack it
  return seed;
#else
#if !defined(_WIN32)
  if (getentropy(&seed, sizeof(seed)) == 0) return seed;
#endif
  const auto now = std::chrono::high_resolution_clock::now().time_since_epoch().count();
  const uint64_t address = reinterpret_cast<uintptr_t>(&seed);
  return RandomStream(static_cast<uint64_t>(now) ^ address << 32).NextBits();
#endif
}

}  // namespace inkling
