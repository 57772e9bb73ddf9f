/* Scores of given texts, and embeddings. Included by inkling.h. */

#ifndef INKLING_C_INSIGHT_H_
#define INKLING_C_INSIGHT_H_

#include "inkling/c/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How likely the model finds each of several continuations. */
typedef struct inkling_scores inkling_scores;

/* Scores the continuations, [num_continuations], behind the session's tokens and `prefix`, which is
 * computed once. The session stays as it was. */
INKLING_API inkling_status* inkling_session_score(inkling_session* session, inkling_string prefix,
                                                  const inkling_string* continuations,
                                                  size_t num_continuations, inkling_scores** out);

/* Of continuation `index`: natural logarithm of the probability of all its tokens; the tokens and
 * the logarithm of each, [num_tokens]. 0 and NULL outside of what there is. */
INKLING_API size_t inkling_scores_size(const inkling_scores* scores);
INKLING_API double inkling_scores_log_probability(const inkling_scores* scores, size_t index);
INKLING_API size_t inkling_scores_num_tokens(const inkling_scores* scores, size_t index);
INKLING_API const int32_t* inkling_scores_tokens(const inkling_scores* scores, size_t index);
INKLING_API const float* inkling_scores_token_log_probabilities(const inkling_scores* scores,
                                                                size_t index);
INKLING_API void inkling_scores_release(inkling_scores* scores);

/* Which hidden states of a text make its embedding. */
enum { INKLING_POOLING_LAST = 0, INKLING_POOLING_MEAN = 1 };

/* How texts are embedded. */
typedef struct inkling_embed_options {
  size_t struct_size;     /* set by the _init function */
  int32_t pooling;        /* INKLING_POOLING_LAST */
  inkling_bool normalize; /* 1: each embedding has length 1 */
} inkling_embed_options;
/* Sets all defaults; `struct_size` is sizeof the struct. */
INKLING_API void inkling_embed_options_init(inkling_embed_options* options, size_t struct_size);

/* One vector for each text, [size][dimension]. */
typedef struct inkling_embeddings inkling_embeddings;

/* Embeds each text by itself. The session's tokens play no part and stay. */
INKLING_API inkling_status* inkling_session_embed(inkling_session* session,
                                                  const inkling_string* texts, size_t num_texts,
                                                  const inkling_embed_options* options,
                                                  inkling_embeddings** out);
INKLING_API size_t inkling_embeddings_size(const inkling_embeddings* embeddings);
INKLING_API size_t inkling_embeddings_dimension(const inkling_embeddings* embeddings);

/* The vector of text `index`, [dimension]; NULL outside of what there is. */
INKLING_API const float* inkling_embeddings_get(const inkling_embeddings* embeddings, size_t index);
INKLING_API void inkling_embeddings_release(inkling_embeddings* embeddings);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* INKLING_C_INSIGHT_H_ */
