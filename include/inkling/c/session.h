/* Sessions: one conversation with a model. Included by inkling.h.
 *
 * Each function does what inkling::LlmSession's of the same name does, with the same errors. One
 * call at a time; a second one gets FailedPrecondition, also from inside of a callback.
 */

#ifndef INKLING_C_SESSION_H_
#define INKLING_C_SESSION_H_

#include "inkling/c/model.h"
#include "inkling/c/options.h"
#include "inkling/c/result.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A conversation with a model. */
typedef struct inkling_session inkling_session;

/* Makes an empty session, which keeps what it needs of the model alive. */
INKLING_API inkling_status* inkling_session_create(const inkling_model* model,
                                                   const inkling_session_options* options,
                                                   inkling_session** out);

/* No call may be running. */
INKLING_API void inkling_session_release(inkling_session* session);

/* Gets the next piece of text, whole UTF-8 characters, not NUL-terminated. Returns 0 to end the
 * generation. */
typedef inkling_bool (*inkling_text_callback)(void* user_data, const char* text, size_t size);

/* Adds a text and runs it through the model. */
INKLING_API inkling_status* inkling_session_prefill(inkling_session* session, inkling_string text,
                                                    const inkling_prefill_options* options);

/* Adds `prompt` and generates. `callback` may be NULL; `result` may be NULL if it isn't wanted. */
INKLING_API inkling_status* inkling_session_generate(inkling_session* session,
                                                     inkling_string prompt,
                                                     const inkling_generate_options* options,
                                                     inkling_text_callback callback,
                                                     void* user_data, inkling_result** result);
INKLING_API inkling_status* inkling_session_generate_from_tokens(
    inkling_session* session, const int32_t* tokens, size_t num_tokens,
    const inkling_generate_options* options, inkling_text_callback callback, void* user_data,
    inkling_result** result);

/* One turn of a conversation; chat.h has those with a list of messages. */
INKLING_API inkling_status* inkling_session_chat(inkling_session* session, inkling_string user_text,
                                                 const inkling_generate_options* options,
                                                 inkling_text_callback callback, void* user_data,
                                                 inkling_result** result);

/* Ends the call that is running. Any thread, and signal handlers, at any time. */
INKLING_API void inkling_session_cancel(inkling_session* session);

/* Forgets everything from `position` on; everything. */
INKLING_API inkling_status* inkling_session_rewind(inkling_session* session, int32_t position);
INKLING_API inkling_status* inkling_session_reset(inkling_session* session);

/* Tokens in the session, most that it can have, and whether the model's file says how turns are
 * written. Any thread, at any time; 0 for NULL. */
INKLING_API int32_t inkling_session_position(const inkling_session* session);
INKLING_API int32_t inkling_session_context_length(const inkling_session* session);
INKLING_API inkling_bool inkling_session_has_prompt_template(const inkling_session* session);

/* The token ids, [position]. */
INKLING_API inkling_status* inkling_session_tokens(const inkling_session* session,
                                                   inkling_tokens** out);

/* --- State --- */

/* A second session with the same past, which copies what is filled and is then independent. */
INKLING_API inkling_status* inkling_session_fork(inkling_session* session, inkling_session** out);

/* Writes the session to a file (under a temporary name first), or to the app. */
INKLING_API inkling_status* inkling_session_save(inkling_session* session, inkling_string path);
INKLING_API inkling_status* inkling_session_save_to(inkling_session* session,
                                                    inkling_write_callback write, void* user_data);

/* A session from what was saved, with the same model. Errors: InvalidArgument for a damaged or
 * foreign file, or for options that contradict it; FailedPrecondition for another model's. */
INKLING_API inkling_status* inkling_session_load(const inkling_model* model, inkling_string path,
                                                 const inkling_session_options* options,
                                                 inkling_session** out);
INKLING_API inkling_status* inkling_session_load_from(const inkling_model* model,
                                                      inkling_read_callback read, void* user_data,
                                                      const inkling_session_options* options,
                                                      inkling_session** out);

/* Gives the memory of the session's cache back. With a folder, the cache goes to a file there and
 * comes back with the next call; empty: the next call computes the tokens again. */
INKLING_API inkling_status* inkling_session_trim(inkling_session* session, inkling_string folder);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* INKLING_C_SESSION_H_ */
