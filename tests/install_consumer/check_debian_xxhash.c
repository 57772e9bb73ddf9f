/* An app that hashes with Debian's xxHash, whose functions Inkling has inside one of its files. */

#include <xxhash.h>

int CheckOwnLibrary(void) {
  XXH3_state_t* state = XXH3_createState();
  if (state == NULL) return 1;
  if (XXH3_128bits_reset_withSeed(state, 7) != XXH_OK) return 2;
  if (XXH3_128bits_update(state, "hello", 5) != XXH_OK) return 3;
  const XXH128_hash_t hash = XXH3_128bits_digest(state);
  XXH3_freeState(state);
  return XXH128_isEqual(hash, XXH3_128bits_withSeed("hello", 5, 7)) ? 0 : 4;
}
