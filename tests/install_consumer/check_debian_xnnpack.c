/* An app that runs an operator of Debian's XNNPACK on Debian's pthreadpool, of February 2022. */

#include <pthreadpool.h>
#include <xnnpack.h>

int CheckOwnLibrary(void) {
  pthreadpool_t pool = pthreadpool_create(2);
  if (pool == NULL || pthreadpool_get_threads_count(pool) != 2) return 1;
  if (xnn_initialize(NULL) != xnn_status_success) return 2;
  const float input[4] = {-2, -1, 1, 2};
  float output[4 + 64] = {0};
  xnn_operator_t clamp = NULL;
  if (xnn_create_clamp_nc_f32(4, 4, 4, 0, 1, 0, &clamp) != xnn_status_success) return 3;
  if (xnn_setup_clamp_nc_f32(clamp, 1, input, output, pool) != xnn_status_success) return 4;
  if (xnn_run_operator(clamp, pool) != xnn_status_success) return 5;
  xnn_delete_operator(clamp);
  pthreadpool_destroy(pool);
  return output[0] == 0 && output[1] == 0 && output[2] == 1 && output[3] == 1 ? 0 : 6;
}
