/* Streams text from a model, in C99.
 *
 *   inkling-run-c MODEL "Once upon a time"            continues the text
 *   inkling-run-c MODEL --chat                        a conversation, one line of input a turn
 *   inkling-run-c MODEL --json-schema FILE "prompt"   the answer is JSON that the schema describes
 *
 * Interrupt (Ctrl-C) ends the answer that is being written; the session stays usable.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inkling/inkling.h"

static inkling_session* running = NULL; /* what an interrupt cancels */

static void Interrupt(int number) {
  (void)number;
  inkling_session_cancel(running);
}

/* Prints the status and gives it back. Returns 1 if there was one. */
static int Failed(inkling_status* status) {
  if (status == NULL) return 0;
  fprintf(stderr, "inkling-run-c: %s\n", inkling_status_message(status).data);
  inkling_status_release(status);
  return 1;
}

static inkling_bool Print(void* user_data, const char* text, size_t size) {
  (void)user_data;
  fwrite(text, 1, size, stdout);
  fflush(stdout);
  return 1;
}

/* The whole file, ending with NUL; NULL if it can't be read. */
static char* ReadFile(const char* path) {
  FILE* file = fopen(path, "rb");
  char* text = NULL;
  long size = 0;
  if (file == NULL) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0 &&
      (text = malloc((size_t)size + 1)) != NULL) {
    text[fread(text, 1, (size_t)size, file)] = '\0';
  }
  fclose(file);
  return text;
}

static void PrintSpeed(const inkling_result* result) {
  const size_t tokens = inkling_result_num_tokens(result);
  const double seconds = inkling_result_decode_seconds(result);
  fprintf(stderr, "\n[%lu tokens, %.1f a second]\n", (unsigned long)tokens,
          seconds > 0 ? (double)tokens / seconds : 0.0);
}

/* One turn for each line of input, until it ends. */
static int Converse(inkling_session* session, const inkling_generate_options* options) {
  char line[4096];
  while (fputs("> ", stdout) >= 0 && fflush(stdout) == 0 && fgets(line, sizeof line, stdin)) {
    inkling_result* result = NULL;
    line[strcspn(line, "\n")] = '\0';
    if (Failed(inkling_session_chat(session, inkling_str(line), options, Print, NULL, &result)))
      continue; /* the session is as it was before the turn */
    PrintSpeed(result);
    inkling_result_release(result);
  }
  return 0;
}

static int Continue(inkling_session* session, const char* prompt,
                    const inkling_generate_options* options) {
  inkling_result* result = NULL;
  if (Failed(inkling_session_generate(session, inkling_str(prompt), options, Print, NULL, &result)))
    return 1;
  PrintSpeed(result);
  inkling_result_release(result);
  return 0;
}

static int Constrain(const inkling_model* model, const char* path,
                     inkling_constraint** constraint) {
  char* schema = ReadFile(path);
  int failed = 0;
  if (schema == NULL) {
    fprintf(stderr, "inkling-run-c: can't read %s\n", path);
    return 1;
  }
  failed =
      Failed(inkling_constraint_from_json_schema(model, inkling_str(schema), NULL, constraint));
  free(schema);
  return failed;
}

int main(int argc, char** argv) {
  inkling_model* model = NULL;
  inkling_session* session = NULL;
  inkling_constraint* constraint = NULL;
  int result = 1;
  INKLING_INIT(inkling_generate_options, options);

  if (argc < 3) {
    fprintf(stderr, "usage: inkling-run-c MODEL [--json-schema FILE] PROMPT | MODEL --chat\n");
    return 2;
  }
  if (Failed(inkling_model_open(inkling_str(argv[1]), NULL, &model))) return 1;
  if (argc == 5 && strcmp(argv[2], "--json-schema") == 0) {
    if (Constrain(model, argv[3], &constraint)) goto done;
    options.constraint = constraint;
  }
  if (Failed(inkling_session_create(model, NULL, &session))) goto done;
  running = session;
  signal(SIGINT, Interrupt);
  result = strcmp(argv[2], "--chat") == 0 ? Converse(session, &options)
                                          : Continue(session, argv[argc - 1], &options);
  signal(SIGINT, SIG_DFL);
done: /* any order, and NULL is nothing */
  inkling_session_release(session);
  inkling_constraint_release(constraint);
  inkling_model_release(model);
  return result;
}
