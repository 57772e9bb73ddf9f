/* Models: opening a file, its tokenizer, and facts about it. Included by inkling.h.
 *
 * All functions here may be called from any thread at any time.
 */

#ifndef INKLING_C_MODEL_H_
#define INKLING_C_MODEL_H_

#include "inkling/c/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Where a model file is --- */

/* A file, a part of an open file, memory, or whatever the app reads itself. */
typedef struct inkling_source inkling_source;

/* A file, by its path. */
INKLING_API inkling_status* inkling_source_from_path(inkling_string path, inkling_source** out);

/* `length` bytes of an open file from `offset` on, at any offset; -1: to the end. The descriptor
 * must be open while the source is used, and may be closed after that. For an asset of an Android
 * package. */
INKLING_API inkling_status* inkling_source_from_descriptor(int32_t descriptor, int64_t offset,
                                                           int64_t length, inkling_source** out);

/* Memory that must stay as it is until every model that was opened from it is released. */
INKLING_API inkling_status* inkling_source_from_memory(const void* bytes, size_t size,
                                                       inkling_source** out);

/* Fills `bytes` with the `size` bytes at `offset` of the file; returns 0 if it can't. Called by
 * the thread that opens, during the opening only. */
typedef inkling_bool (*inkling_source_read_callback)(void* user_data, int64_t offset, void* bytes,
                                                     size_t size);

/* A file of `size` bytes that `read` reads; `user_data` is passed to it. Both are used while a
 * model is opened from the source, and not after. */
INKLING_API inkling_status* inkling_source_from_reader(inkling_source_read_callback read,
                                                       void* user_data, int64_t size,
                                                       inkling_source** out);

/* A model that was opened from it stays open. */
INKLING_API void inkling_source_release(inkling_source* source);

/* --- Opening: an inkling_model --- */

/* Opens a file made by inkling-convert and packs its weights for this CPU, which takes seconds for
 * a large model. Errors: those of LlmModel::Open. */
INKLING_API inkling_status* inkling_model_open(inkling_string path,
                                               const inkling_model_options* options,
                                               inkling_model** out);
INKLING_API inkling_status* inkling_model_open_source(const inkling_source* source,
                                                      const inkling_model_options* options,
                                                      inkling_model** out);

/* Sessions of the model keep what they need of it, so it may be released before them. */
INKLING_API void inkling_model_release(inkling_model* model);

/* Memory of a model and of one session with a full context, in bytes. */
typedef struct inkling_memory_estimate {
  size_t struct_size;     /* set by the app: sizeof(inkling_memory_estimate) */
  int64_t packed_weights; /* shared by all sessions */
  int64_t scratch;        /* activations, shared by all sessions */
  int64_t kv_cache;       /* of one session */
} inkling_memory_estimate;

/* Reads the file's head and no weights. */
INKLING_API inkling_status* inkling_model_estimate_memory(
    const inkling_source* source, const inkling_model_options* model_options,
    const inkling_session_options* session_options, inkling_memory_estimate* estimate);

/* What inkling_model_trim gives back to the system. */
enum {
  INKLING_TRIM_SCRATCH = 0,        /* activations; the next pass takes them again */
  INKLING_TRIM_PACKED_WEIGHTS = 1, /* also pages of packed weights that a file can give back */
};

/* Gives memory back while the model isn't used; results stay the same, the next call is slower. */
INKLING_API inkling_status* inkling_model_trim(const inkling_model* model, int32_t what);

/* --- The tokenizer --- */

/* The token ids of a text; LlmModel::Tokenize. */
INKLING_API inkling_status* inkling_model_tokenize(const inkling_model* model, inkling_string text,
                                                   const inkling_tokenize_options* options,
                                                   inkling_tokens** out);

/* How many they are. */
INKLING_API inkling_status* inkling_model_count_tokens(const inkling_model* model,
                                                       inkling_string text,
                                                       const inkling_tokenize_options* options,
                                                       int32_t* count);

/* The text of tokens, without special ones. */
INKLING_API inkling_status* inkling_model_detokenize(const inkling_model* model,
                                                     const int32_t* tokens, size_t num_tokens,
                                                     inkling_text** out);

/* The bytes that one token stands for in a text, which may be a part of a character. */
INKLING_API inkling_status* inkling_model_token_text(const inkling_model* model, int32_t token,
                                                     inkling_text** out);

/* Ids of all special tokens, and of those that end generation, in ascending order. */
INKLING_API inkling_status* inkling_model_special_tokens(const inkling_model* model,
                                                         inkling_tokens** out);
INKLING_API inkling_status* inkling_model_stop_tokens(const inkling_model* model,
                                                      inkling_tokens** out);

/* The token that begins a text, and the one that ends it; -1 if there is none, or for NULL. */
INKLING_API int32_t inkling_model_beginning_of_sequence_token(const inkling_model* model);
INKLING_API int32_t inkling_model_end_of_sequence_token(const inkling_model* model);

/* --- Facts --- */

/* Tokens that the model gives logits for, and the longest context of a session; 0 for NULL. */
INKLING_API int32_t inkling_model_vocab_size(const inkling_model* model);
INKLING_API int32_t inkling_model_context_length(const inkling_model* model);

/* What inkling_model_describe can be asked, as in inkling::ModelDescription. */
enum {
  INKLING_DESCRIBE_MODEL_ID = 0,
  INKLING_DESCRIBE_SOURCE = 1,
  INKLING_DESCRIBE_RECIPE = 2,
  INKLING_DESCRIBE_ARCHITECTURE = 3,
  INKLING_DESCRIBE_WEIGHT_TYPES = 4,
  INKLING_DESCRIBE_PROMPT_TEMPLATE = 5,
  INKLING_DESCRIBE_KERNEL_CLASS = 6,
  INKLING_DESCRIBE_SIMD_TARGET = 7,
  INKLING_DESCRIBE_PREFILL_ACTIVATIONS = 8,
  INKLING_DESCRIBE_PACKED_WEIGHTS = 9,
  INKLING_DESCRIBE_NUM_THREADS = 10,
  INKLING_DESCRIBE_DECODE_THREADS = 11,
  INKLING_DESCRIBE_NUM_PARAMETERS = 12,
  INKLING_DESCRIBE_FILE_BYTES = 13,
  INKLING_DESCRIBE_PACKED_WEIGHT_BYTES = 14,
  INKLING_DESCRIBE_SCRATCH_BYTES = 15
};

/* One fact as text; numbers in decimal. Errors: InvalidArgument for a fact that isn't known. */
INKLING_API inkling_status* inkling_model_describe(const inkling_model* model, int32_t fact,
                                                   inkling_text** out);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* INKLING_C_MODEL_H_ */
