/* What own_libraries.c has: names of the libraries that Inkling uses, with other meanings. */

#ifndef INKLING_TESTS_INSTALL_CONSUMER_OWN_LIBRARIES_H_
#define INKLING_TESTS_INSTALL_CONSUMER_OWN_LIBRARIES_H_

#include <stddef.h>

struct pthreadpool;
struct pthreadpool* pthreadpool_create(size_t threads);
size_t pthreadpool_get_threads_count(const struct pthreadpool* pool);
void pthreadpool_destroy(struct pthreadpool* pool);
int xnn_initialize(const void* allocator);
int xnn_run_operator(const void* op);
int cpuinfo_initialize(void);
int cpuinfo_has_everything(void);

#endif /* INKLING_TESTS_INSTALL_CONSUMER_OWN_LIBRARIES_H_ */
