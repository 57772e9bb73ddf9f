/* Inkling's C API: everything that the C++ API has, for C and for bindings of other languages.
 *
 *   inkling_model* model = NULL;
 *   inkling_status* status = inkling_model_open(inkling_str("model.tflite"), NULL, &model);
 *   if (status != NULL) { puts(inkling_status_message(status).data);
 * inkling_status_release(status); }
 *
 * Errors: a function that can fail returns an inkling_status: NULL is success, anything else has a
 * code and a message and is released by the caller. A call that fails leaves sessions as they were
 * and sets what its `out` parameter points to to NULL. A NULL handle is an InvalidArgument, never a
 * crash; releasing NULL does nothing.
 *
 * Memory: every handle is released by the function named after its type, once, in any order: a
 * session keeps its model alive. Texts that getters return are valid until their handle is
 * released. Arguments are copied; none has to outlive the call unless its comment says so.
 *
 * Text is UTF-8 as pointer and length (inkling_string). What the library returns also ends with a
 * NUL that isn't counted.
 *
 * Options are structs that begin with their own size. NULL stands for all defaults; otherwise
 * initialise them with their _init function (or INKLING_INIT) and then set what differs. So an app
 * that was compiled with an older header runs with a newer library: fields that it doesn't know
 * have their defaults. The other way round, a field that an older library doesn't know must be 0.
 *
 * Threads: models may be used by any number of threads. A session takes one call at a time; a
 * second one gets FailedPrecondition. inkling_session_cancel and the getters of a session that say
 * so may be called at any time. Callbacks run on the thread that made the call, before it returns.
 *
 * Compatibility: INKLING_ABI_VERSION counts changes of what is declared here. It changes when a
 * function or a field is added; the shared library's soname changes when one is removed or altered.
 */

#ifndef INKLING_INKLING_H_
#define INKLING_INKLING_H_

#include "inkling/c/adapter.h"
#include "inkling/c/chat.h"
#include "inkling/c/constraint.h"
#include "inkling/c/insight.h"
#include "inkling/c/model.h"
#include "inkling/c/options.h"
#include "inkling/c/result.h"
#include "inkling/c/session.h"
#include "inkling/c/types.h"

#endif /* INKLING_INKLING_H_ */
