/* Conversations as apps keep them: lists of messages, with tools. Included by inkling.h. */

#ifndef INKLING_C_CHAT_H_
#define INKLING_C_CHAT_H_

#include "inkling/c/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Who speaks. */
enum {
  INKLING_ROLE_SYSTEM = 0,    /* an instruction; at most one, and the first message */
  INKLING_ROLE_USER = 1,      /* a person */
  INKLING_ROLE_ASSISTANT = 2, /* the model */
  INKLING_ROLE_TOOL = 3       /* the result of a function that the model called */
};

/* A list of messages, in order. Not thread-safe while it is changed. */
typedef struct inkling_messages inkling_messages;
INKLING_API inkling_messages* inkling_messages_create(void);
INKLING_API void inkling_messages_release(inkling_messages* messages);

/* Adds a message at the end. */
INKLING_API inkling_status* inkling_messages_add(inkling_messages* messages, int32_t role,
                                                 inkling_string text);

/* Adds to the last message, which is the assistant's, a call of a function. `arguments` is the text
 * of a JSON object; `id` may be empty. Errors: FailedPrecondition if the last message isn't the
 * assistant's. */
INKLING_API inkling_status* inkling_messages_add_tool_call(inkling_messages* messages,
                                                           inkling_string name,
                                                           inkling_string arguments,
                                                           inkling_string id);

/* Adds what a function answered: its name, the id of the call (may be empty), the result. */
INKLING_API inkling_status* inkling_messages_add_tool_result(inkling_messages* messages,
                                                             inkling_string tool_name,
                                                             inkling_string tool_call_id,
                                                             inkling_string text);

/* How many there are; 0 for NULL. */
INKLING_API size_t inkling_messages_size(const inkling_messages* messages);

/* A function that the model may call. */
typedef struct inkling_tool {
  inkling_string name;        /* of the function */
  inkling_string description; /* what it does, for the model */
  inkling_string parameters;  /* JSON Schema of an object, as text; empty: none */
} inkling_tool;

/* What an answer may be where tools are given. */
enum {
  INKLING_TOOL_CHOICE_AUTO = 0,    /* text, or calls */
  INKLING_TOOL_CHOICE_NONE = 1,    /* text; the model sees the tools all the same */
  INKLING_TOOL_CHOICE_REQUIRED = 2 /* calls */
};

/* How an answer to a list of messages is asked for. */
typedef struct inkling_chat_options {
  size_t struct_size;               /* set by the _init function */
  inkling_string assistant_prefix;  /* what the answer begins with */
  const inkling_tool* tools;        /* [num_tools] */
  size_t num_tools;                 /* their number */
  int32_t tool_choice;              /* INKLING_TOOL_CHOICE_AUTO */
  inkling_bool parallel_tool_calls; /* 1; 0: an answer has one call at most */
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
