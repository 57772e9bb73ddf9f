// A plugin: a shared object that uses Inkling, opened and closed by a host that knows nothing of
// it.

#include "story.h"

extern "C" __attribute__((visibility("default"))) int RunPlugin(const char* model) {
  return TellStory(model);
}
