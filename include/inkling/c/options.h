/* Options of models, sessions and generation. Included by inkling.h.
 *
 * Each field means what the field of the same name in inkling/llm_options.h means; units and
 * defaults are repeated here. Structs begin with struct_size and are initialised by their _init
 * function, which gets sizeof the struct as the app knows it.
 */

#ifndef INKLING_C_OPTIONS_H_
#define INKLING_C_OPTIONS_H_

#include "inkling/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Handles that options name; C99 allows one declaration of each. */
typedef struct inkling_adapter inkling_adapter;       /* a loaded LoRA adapter: adapter.h */
typedef struct inkling_constraint inkling_constraint; /* structured output: constraint.h */
typedef struct inkling_model inkling_model;           /* an open model: model.h */

/* --- How a model is loaded --- */

/* Precision of activations while a prompt is processed. */
enum { INKLING_ACTIVATIONS_AUTO = 0, INKLING_ACTIVATIONS_INT8 = 1, INKLING_ACTIVATIONS_FLOAT = 2 };

/* Called while weights are packed, with bytes; 0 cancels the opening, which then gives Cancelled.
 */
typedef inkling_bool (*inkling_progress_callback)(void* user_data, int64_t done_bytes,
                                                  int64_t total_bytes);

/* What inkling_model_open is told. */
typedef struct inkling_model_options {
  size_t struct_size;          /* set by the _init function */
  int32_t num_threads;         /* 0: one for each big core */
  int32_t decode_threads;      /* of single tokens; 0: num_threads */
  inkling_string cache_dir;    /* an existing folder that keeps packed weights; empty: none */
  const int32_t* cpus;         /* that threads are bound to, [num_cpus]; NULL: the system chooses */
  size_t num_cpus;             /* their number */
  int32_t prefill_chunk;       /* most prompt tokens of a forward pass: 128 */
  int32_t prefill_activations; /* INKLING_ACTIVATIONS_AUTO */
  inkling_progress_callback progress; /* NULL: not called */
  void* progress_data;                /* passed to it */
} inkling_model_options;
/* Sets all defaults; `struct_size` is sizeof the struct. */
INKLING_API void inkling_model_options_init(inkling_model_options* options, size_t struct_size);

/* --- How a session is made --- */

/* Element type of the key/value cache. */
enum { INKLING_KV_FLOAT16 = 0, INKLING_KV_FLOAT32 = 1, INKLING_KV_INT8 = 2 };

/* What happens when the context is full. */
enum { INKLING_OVERFLOW_STOP = 0, INKLING_OVERFLOW_SLIDE = 1 };

/* What inkling_session_create is told. */
typedef struct inkling_session_options {
  size_t struct_size;               /* set by the _init function */
  int32_t context_length;           /* tokens; 0: what the model was made for, at most 4096 */
  int32_t kv_cache_type;            /* INKLING_KV_FLOAT16 */
  inkling_string system_prompt;     /* in front of the first turn; empty: none */
  inkling_string date;              /* "2024-07-26", for templates that tell it; empty: that day */
  const inkling_model* draft_model; /* for speculative decoding; NULL: none */
  int32_t context_overflow;         /* INKLING_OVERFLOW_STOP */
  int32_t kept_tokens;              /* of the beginning, that stay when the context slides */
  /* LoRA adapters and their weights, [num_adapters]; adapter_weights may be NULL: 1 each. */
  const inkling_adapter* const* adapters;
  const float* adapter_weights;
  size_t num_adapters;
} inkling_session_options;
/* Sets all defaults; `struct_size` is sizeof the struct. */
INKLING_API void inkling_session_options_init(inkling_session_options* options, size_t struct_size);

/* --- How the next token is chosen --- */

/* A number that is added to the logit of a token. */
typedef struct inkling_logit_bias {
  int32_t token; /* its id */
  float bias;    /* added to the logit; -INFINITY forbids the token */
} inkling_logit_bias;

/* In the order in which SamplingOptions applies them. "Off" is the default unless one is named. */
typedef struct inkling_sampling_options {
  size_t struct_size;                   /* set by the _init function */
  float temperature;                    /* 0.8; 0: always the most likely token */
  int32_t top_k;                        /* 40; 0: all */
  float top_p;                          /* 0.95; 1: all */
  float min_p;                          /* 0: all */
  inkling_bool has_seed;                /* 0: another text each time */
  uint64_t seed;                        /* used if has_seed is not 0 */
  float repetition_penalty;             /* 1: off */
  float presence_penalty;               /* 0: off */
  float frequency_penalty;              /* 0: off */
  int32_t penalty_window;               /* 64 latest tokens; 0: all */
  const inkling_logit_bias* logit_bias; /* [num_logit_biases] */
  size_t num_logit_biases;              /* their number */
  int32_t no_repeat_ngram_size;         /* 0: off */
  float dry_multiplier;                 /* 0: off */
  float dry_base;                       /* 1.75 */
  int32_t dry_allowed_length;           /* 2 */
  int32_t dry_window;                   /* 0: all tokens */
  /* Texts that end a repetition, [num_dry_sequence_breakers]. NULL with 0: the default list; a
   * pointer with 0: none. */
  const inkling_string* dry_sequence_breakers;
  size_t num_dry_sequence_breakers;
  float typical_p;       /* 1: off */
  float top_n_sigma;     /* 0: off */
  float xtc_probability; /* 0: off */
  float xtc_threshold;   /* 0.1 */
  float mirostat_tau;    /* 0: off; else mirostat 2 */
  float mirostat_eta;    /* 0.1 */
} inkling_sampling_options;
/* Sets all defaults; `struct_size` is sizeof the struct. */
INKLING_API void inkling_sampling_options_init(inkling_sampling_options* options,
                                               size_t struct_size);

/* --- How text becomes tokens --- */

/* How a text is turned into tokens. */
typedef struct inkling_tokenize_options {
  size_t struct_size;                     /* set by the _init function */
  inkling_bool add_beginning_of_sequence; /* 0 */
  inkling_bool parse_special_tokens;      /* 0 */
  inkling_bool continues_text;            /* 0 */
} inkling_tokenize_options;
/* Sets all defaults; `struct_size` is sizeof the struct. */
INKLING_API void inkling_tokenize_options_init(inkling_tokenize_options* options,
                                               size_t struct_size);

/* How inkling_session_prefill adds a text. */
typedef struct inkling_prefill_options {
  size_t struct_size;                     /* set by the _init function */
  inkling_bool add_beginning_of_sequence; /* 1: in an empty session */
  inkling_bool parse_special_tokens;      /* 0 */
} inkling_prefill_options;
/* Sets all defaults; `struct_size` is sizeof the struct. */
INKLING_API void inkling_prefill_options_init(inkling_prefill_options* options, size_t struct_size);

/* --- How text is generated --- */

/* Sees the session's tokens and may change the logits before any sampling step, on the thread that
 * generates. */
typedef void (*inkling_logits_callback)(void* user_data, const int32_t* tokens, size_t num_tokens,
                                        float* logits, size_t vocab_size);

/* How text is generated; its arrays are copied by the call. */
typedef struct inkling_generate_options {
  size_t struct_size;                       /* set by the _init function */
  int32_t max_new_tokens;                   /* 512 */
  const inkling_sampling_options* sampling; /* NULL: defaults */
  const inkling_string* stop_strings;       /* [num_stop_strings] */
  size_t num_stop_strings;                  /* their number */
  const int32_t* stop_tokens;               /* [num_stop_tokens], besides the model's own */
  size_t num_stop_tokens;                   /* their number */
  inkling_bool add_beginning_of_sequence;   /* 1; inkling_session_generate only */
  inkling_bool parse_special_tokens;        /* 0; inkling_session_generate only */
  inkling_bool return_log_probabilities;    /* 0 */
  int32_t num_top_log_probabilities;        /* 0 to 20 alternatives for each token */
  inkling_logits_callback logits_processor; /* a rule of the app; NULL: none */
  void* logits_processor_data;              /* passed to it */
  inkling_bool ignore_model_stop_tokens;    /* 0 */
  int32_t max_draft_tokens;                 /* 7; 0: no speculative decoding */
  const inkling_constraint* constraint;     /* what the text must look like; NULL: anything */
} inkling_generate_options;
/* Sets all defaults; `struct_size` is sizeof the struct. */
INKLING_API void inkling_generate_options_init(inkling_generate_options* options,
                                               size_t struct_size);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* INKLING_C_OPTIONS_H_ */
