/* What a call generated, and what it took. Included by inkling.h.
 *
 * Getters of NULL give 0, or an empty text. Everything they return is valid until the release.
 */

#ifndef INKLING_C_RESULT_H_
#define INKLING_C_RESULT_H_

#include "inkling/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why generation ended. None of these is an error. */
enum {
  INKLING_STOP_TOKEN = 0,          /* a stop token */
  INKLING_STOP_STRING = 1,         /* one of the stop strings */
  INKLING_STOP_MAX_NEW_TOKENS = 2, /* max_new_tokens were generated */
  INKLING_STOP_CONTEXT_FULL = 3,   /* the session has no position left */
  INKLING_STOP_CANCELLED = 4,      /* inkling_session_cancel, after at least one token */
  INKLING_STOP_CALLBACK = 5,       /* the callback said so */
  INKLING_STOP_CONSTRAINT = 6      /* the text is complete as the constraint has it */
};

/* What a call generated; released by the caller. */
typedef struct inkling_result inkling_result;

/* All text that the callback got. */
INKLING_API inkling_string inkling_result_text(const inkling_result* result);
INKLING_API int32_t inkling_result_stop_reason(const inkling_result* result);

/* Functions that the answer calls (inkling_chat_options has a field for them); they are no part of
 * the text. Arguments are the text of a JSON object. Empty texts outside of what there is. */
INKLING_API size_t inkling_result_num_tool_calls(const inkling_result* result);
INKLING_API inkling_string inkling_result_tool_call_name(const inkling_result* result,
                                                         size_t index);
INKLING_API inkling_string inkling_result_tool_call_arguments(const inkling_result* result,
                                                              size_t index);
INKLING_API inkling_string inkling_result_tool_call_id(const inkling_result* result, size_t index);

/* Tokens that became part of the session, [num_tokens]. */
INKLING_API const int32_t* inkling_result_tokens(const inkling_result* result);
INKLING_API size_t inkling_result_num_tokens(const inkling_result* result);

/* Natural logarithm of the model's probability of each token, [num_tokens]; NULL unless asked. */
INKLING_API const float* inkling_result_log_probabilities(const inkling_result* result);

/* How many alternatives token `index` has, and the `rank`-th of them, most likely first: its id and
 * log-probability. -1 and 0 outside of what there is. */
INKLING_API size_t inkling_result_num_top(const inkling_result* result, size_t index);
INKLING_API int32_t inkling_result_top_token(const inkling_result* result, size_t index,
                                             size_t rank);
INKLING_API float inkling_result_top_log_probability(const inkling_result* result, size_t index,
                                                     size_t rank);

/* The seed of the random numbers. */
INKLING_API uint64_t inkling_result_seed(const inkling_result* result);

/* inkling_session_rewind to this position takes the call back. */
INKLING_API int32_t inkling_result_begin_position(const inkling_result* result);

/* Tokens: of the prompt, computed by this call; of the conversation, found in the cache; dropped
 * because the context was full; drafts verified, and accepted. */
INKLING_API int32_t inkling_result_num_prompt_tokens(const inkling_result* result);
INKLING_API int32_t inkling_result_num_reused_tokens(const inkling_result* result);
INKLING_API int32_t inkling_result_num_dropped_tokens(const inkling_result* result);
INKLING_API int32_t inkling_result_num_draft_tokens(const inkling_result* result);
INKLING_API int32_t inkling_result_num_accepted_tokens(const inkling_result* result);

/* Wall-clock seconds. */
INKLING_API double inkling_result_prefill_seconds(const inkling_result* result);
INKLING_API double inkling_result_decode_seconds(const inkling_result* result);
INKLING_API double inkling_result_time_to_first_token_seconds(const inkling_result* result);

/* Its texts and lists are gone with it. */
INKLING_API void inkling_result_release(inkling_result* result);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* INKLING_C_RESULT_H_ */
