/* inkling.h is C99, and may be included twice. */

#include "inkling/inkling.h"
#include "inkling/inkling.h" /* NOLINT(readability-duplicate-include) */

/* A C program's first lines compile as they stand in inkling.h. */
inkling_status* inkling_c99_header_compiles(void) {
  inkling_model* model = NULL;
  INKLING_INIT(inkling_generate_options, options);
  options.max_new_tokens = 1;
  return options.max_new_tokens == 1 ? inkling_model_open(inkling_str("model.tflite"), NULL, &model)
                                     : NULL;
}
