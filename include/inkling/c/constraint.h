/* Structured output: what generated text must look like. Included by inkling.h. */

#ifndef INKLING_C_CONSTRAINT_H_
#define INKLING_C_CONSTRAINT_H_

#include "inkling/c/options.h"
#include "inkling/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An inkling_constraint (inkling_generate_options has a field for it) never changes: any number of
 * calls, on any threads, may use it, in sessions of models with the vocabulary that it was made
 * for. Calls keep what they need of it, so it may be released at any time. In a library that was
 * built without structured output, the functions that make one return Unimplemented. */

/* White space between the parts of JSON. */
enum {
  INKLING_JSON_SPACING_NONE = 0, /* {"a":1,"b":[2,3]} */
  INKLING_JSON_SPACING_ONE = 1,  /* {"a": 1, "b": [2, 3]} */
  INKLING_JSON_SPACING_FREE =
      2 /* a blank, or a line break with up to 40, wherever JSON allows it */
};

/* How JSON is written. */
typedef struct inkling_json_schema_options {
  size_t struct_size; /* set by the _init function */
  int32_t spacing;    /* INKLING_JSON_SPACING_ONE */
} inkling_json_schema_options;
/* Sets all defaults; `struct_size` is sizeof the struct. */
INKLING_API void inkling_json_schema_options_init(inkling_json_schema_options* options,
                                                  size_t struct_size);

/* JSON that a JSON Schema (draft 2020-12, as text) describes; output_constraint.h lists the
 * keywords that are enforced. `options` may be NULL. Errors: InvalidArgument for a schema that
 * isn't one, or that nothing fits; Unimplemented for a keyword that can't be enforced: which, at
 * which path; ResourceExhausted for one that is too large. */
INKLING_API inkling_status* inkling_constraint_from_json_schema(
    const inkling_model* model, inkling_string schema, const inkling_json_schema_options* options,
    inkling_constraint** out);

/* The texts that a regular expression matches as a whole: ECMAScript's syntax, without assertions
 * and references back. Errors: as above: what, at which byte. */
INKLING_API inkling_status* inkling_constraint_from_regex(const inkling_model* model,
                                                          inkling_string regex,
                                                          inkling_constraint** out);

/* The texts of a grammar in EBNF (GBNF), from its rule `root` on. Errors: as above: what, in which
 * line. */
INKLING_API inkling_status* inkling_constraint_from_grammar(const inkling_model* model,
                                                            inkling_string grammar,
                                                            inkling_constraint** out);

/* NULL does nothing. */
INKLING_API void inkling_constraint_release(inkling_constraint* constraint);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* INKLING_C_CONSTRAINT_H_ */
