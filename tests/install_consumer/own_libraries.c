/* Other versions of pthreadpool, XNNPACK and cpuinfo, as an app may have them: the same names,
 * other structs. */

#include "own_libraries.h"

#include <stdlib.h>

struct pthreadpool {
  unsigned mark;
  size_t threads;
};
static const unsigned kMark = 0x0a99u;
static int initialized = 0;

struct pthreadpool* pthreadpool_create(size_t threads) {
  struct pthreadpool* pool = malloc(sizeof *pool);
  pool->mark = kMark;
  pool->threads = threads;
  return pool;
}
size_t pthreadpool_get_threads_count(const struct pthreadpool* pool) {
  return pool->mark == kMark ? pool->threads : 0;
}
void pthreadpool_destroy(struct pthreadpool* pool) { free(pool); }
int xnn_initialize(const void* allocator) {
  (void)allocator;
  return 1000 + ++initialized;
}
int xnn_run_operator(const void* op) { return op == NULL ? 2000 : 0; }
int cpuinfo_initialize(void) { return 3000; }
int cpuinfo_has_everything(void) { return 3001; }
