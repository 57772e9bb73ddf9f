/* Conversations as apps keep them: lists of messages. Included by inkling.h. */

#ifndef INKLING_C_CHAT_H_
#define INKLING_C_CHAT_H_

#include "inkling/c/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Who speaks. */
enum { INKLING_ROLE_SYSTEM = 0, INKLING_ROLE_USER = 1, INKLING_ROLE_ASSISTANT = 2 };

/* A list of messages, in order. Not thread-safe while it is changed. */
typedef struct inkling_messages inkling_messages;
INKLING_API inkling_messages* inkling_messages_create(void);
INKLING_API void inkling_messages_release(inkling_messages* messages);

/* Adds a message at the end. */
INKLING_API inkling_status* inkling_messages_add(inkling_messages* messages, int32_t role,
                                                 inkling_string text);

/* How many there are; 0 for NULL. */
INKLING_API size_t inkling_messages_size(const inkling_messages* messages);

/* How an answer to a list of messages is asked for. */
typedef struct inkling_chat_options {
  size_t struct_size;              /* set by the _init function */
  inkling_string assistant_prefix; /* what the answer begins with */
} inkling_chat_options;
/* Sets all defaults; `struct_size` is sizeof the struct. */
INKLING_API void inkling_chat_options_init(inkling_chat_options* options, size_t struct_size);

/* Answers the whole list. The session keeps the longest beginning that it has computed already, and
 * computes the rest. */
INKLING_API inkling_status* inkling_session_chat_messages(inkling_session* session,
                                                          const inkling_messages* messages,
                                                          const inkling_chat_options* chat_options,
                                                          const inkling_generate_options* options,
                                                          inkling_text_callback callback,
                                                          void* user_data, inkling_result** result);

/* The prompt that inkling_session_chat_messages would compute, as text and as tokens. Any of the
 * three outputs may be NULL. */
INKLING_API inkling_status* inkling_session_render_prompt(const inkling_session* session,
                                                          const inkling_messages* messages,
                                                          const inkling_chat_options* chat_options,
                                                          inkling_text** text,
                                                          inkling_tokens** tokens,
                                                          int32_t* num_reused_tokens);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* INKLING_C_CHAT_H_ */
