/* The C API: opening, streaming, a list of messages, errors (c_api.md).
 *
 * usage: guide_c_api MODEL.tflite
 */

#include <stdio.h>

#include "inkling/inkling.h"

// [snippet errors]
/* Shows an error and releases it. Returns 1 if there was one. */
static int Failed(inkling_status* status) {
  if (status == NULL) return 0; /* success */
  fprintf(stderr, "error %d: %s\n", (int)inkling_status_code(status),
          inkling_status_message(status).data);
  inkling_status_release(status);
  return 1;
}
// [/snippet]

// [snippet callback]
static inkling_bool Print(void* user_data, const char* text, size_t size) {
  size_t* bytes = user_data;
  *bytes += size;
  fwrite(text, 1, size, stdout); /* whole UTF-8 characters, no NUL */
  return 1;                      /* 0 ends the answer */
}
// [/snippet]

// [snippet generate]
static int Continue(inkling_session* session) {
  size_t bytes = 0;
  inkling_result* result = NULL;
  INKLING_INIT(inkling_sampling_options, sampling);
  INKLING_INIT(inkling_generate_options, options);
  sampling.temperature = 0.7f;
  options.sampling = &sampling;
  options.max_new_tokens = 40;
  if (Failed(inkling_session_generate(session, inkling_str("Once upon a time"), &options, Print,
                                      &bytes, &result))) {
    return 1;
  }
  printf("\n%lu tokens, %lu bytes\n", (unsigned long)inkling_result_num_tokens(result),
         (unsigned long)bytes);
  inkling_result_release(result);
  return 0;
}
// [/snippet]

// [snippet messages]
static int Answer(inkling_session* session) {
  inkling_messages* messages = inkling_messages_create();
  inkling_result* result = NULL;
  int failed =
      Failed(inkling_messages_add(messages, INKLING_ROLE_USER, inkling_str("Hello!"))) ||
      Failed(inkling_session_chat_messages(session, messages, NULL, NULL, NULL, NULL, &result));
  if (!failed) printf("answer: %s\n", inkling_result_text(result).data);
  inkling_result_release(result); /* NULL is nothing */
  inkling_messages_release(messages);
  return failed;
}
// [/snippet]

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: guide_c_api MODEL.tflite\n");
    return 2;
  }
  // [snippet open]
  inkling_model* model = NULL;
  inkling_session* session = NULL;
  int failed = Failed(inkling_model_open(inkling_str(argv[1]), NULL, &model)) ||
               Failed(inkling_session_create(model, NULL, &session));
  inkling_model_release(model); /* the session keeps what it needs */
  // [/snippet]
  failed = failed || Continue(session) || Answer(session);
  inkling_session_release(session);
  return failed;
}
