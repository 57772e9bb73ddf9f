/* LoRA adapters: small matrices that change what a model does. Included by inkling.h. */

#ifndef INKLING_C_ADAPTER_H_
#define INKLING_C_ADAPTER_H_

#include "inkling/c/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- inkling_adapter: it never changes, and any number of sessions may use it at once --- */

/* Loads a file made by inkling-convert --lora for this model. */
INKLING_API inkling_status* inkling_adapter_load(const inkling_model* model, inkling_string path,
                                                 inkling_adapter** out);

/* Sessions keep what they need of it. */
INKLING_API void inkling_adapter_release(inkling_adapter* adapter);

/* What happens to tokens that were computed with other adapters. */
enum {
  INKLING_ADAPTER_CHANGE_RECOMPUTE = 0, /* the next call computes them again */
  INKLING_ADAPTER_CHANGE_REFUSE = 1     /* FailedPrecondition if there are any */
};

/* From now on the session computes with these adapters, [num_adapters], each with its weight;
 * `weights` may be NULL: 1 each. None: the model alone. */
INKLING_API inkling_status* inkling_session_set_adapters(inkling_session* session,
                                                         const inkling_adapter* const* adapters,
                                                         const float* weights, size_t num_adapters,
                                                         int32_t change);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* INKLING_C_ADAPTER_H_ */
