/* Do the app's calls land in the app's own libraries (own_libraries.c), and nobody else's? */

#include "own_libraries.h"

int CheckOwnLibrary(void) {
  static int calls = 0;
  struct pthreadpool* pool = pthreadpool_create(7);
  const size_t threads = pthreadpool_get_threads_count(pool);
  pthreadpool_destroy(pool);
  if (threads != 7) return 1;
  /* Inkling initialises its XNNPACK in between: that mustn't count here. */
  if (xnn_initialize(NULL) != 1000 + ++calls) return 2;
  if (xnn_run_operator(NULL) != 2000) return 3;
  if (cpuinfo_initialize() != 3000) return 4;
  if (cpuinfo_has_everything() != 3001) return 5;
  return 0;
}
