/* What all of the C API uses: statuses, texts, lists of tokens, versions. Included by inkling.h. */

#ifndef INKLING_C_TYPES_H_
#define INKLING_C_TYPES_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* INKLING_API marks what the shared library shows. Apps define nothing themselves: the CMake
 * targets and inkling.pc bring INKLING_SHARED_LIBRARY where it is needed. */
#if !defined(INKLING_SHARED_LIBRARY)
#define INKLING_API
#elif !defined(_WIN32)
#define INKLING_API __attribute__((visibility("default")))
#elif defined(INKLING_BUILDING_LIBRARY)
#define INKLING_API __declspec(dllexport)
#else
#define INKLING_API __declspec(dllimport)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Versions of these headers: the release, by semantic versioning, and the C API's own count. */
#define INKLING_VERSION_MAJOR 0
#define INKLING_VERSION_MINOR 1
#define INKLING_VERSION_PATCH 0
#define INKLING_ABI_VERSION 2

/* The same of the library that the app runs with: "0.1.0", and its INKLING_ABI_VERSION. An app
 * works with a library whose soname is equal and whose number is at least as high as its header's.
 */
INKLING_API const char* inkling_version(void);
INKLING_API int32_t inkling_abi_version(void);

/* A text that somebody else owns: UTF-8, `size` bytes, which may include NUL. `data` may be NULL if
 * `size` is 0. */
typedef struct inkling_string {
  const char* data; /* its first byte */
  size_t size;      /* in bytes */
} inkling_string;

/* The inkling_string of a NUL-terminated text; NULL counts as empty. */
static inline inkling_string inkling_str(const char* text) {
  inkling_string string;
  string.data = text;
  string.size = text != NULL ? strlen(text) : 0;
  return string;
}

/* --- Statuses --- */

/* What kind of error it is. The numbers are those of gRPC's and abseil's status codes. */
typedef int32_t inkling_code;
enum {
  INKLING_OK = 0,
  INKLING_CANCELLED = 1,
  INKLING_UNKNOWN = 2,
  INKLING_INVALID_ARGUMENT = 3,
  INKLING_DEADLINE_EXCEEDED = 4,
  INKLING_NOT_FOUND = 5,
  INKLING_ALREADY_EXISTS = 6,
  INKLING_PERMISSION_DENIED = 7,
  INKLING_RESOURCE_EXHAUSTED = 8,
  INKLING_FAILED_PRECONDITION = 9,
  INKLING_ABORTED = 10,
  INKLING_OUT_OF_RANGE = 11,
  INKLING_UNIMPLEMENTED = 12,
  INKLING_INTERNAL = 13,
  INKLING_UNAVAILABLE = 14,
  INKLING_DATA_LOSS = 15
};

/* An error. NULL is success. */
typedef struct inkling_status inkling_status;

/* The code, INKLING_OK for NULL. */
INKLING_API inkling_code inkling_status_code(const inkling_status* status);

/* What went wrong, for people: what, where, expected, found. Empty for NULL. */
INKLING_API inkling_string inkling_status_message(const inkling_status* status);

/* Its message is gone with it. */
INKLING_API void inkling_status_release(inkling_status* status);

/* --- Texts and lists that a call made --- */

/* A text that a call made, its bytes, and the release after which they are gone. */
typedef struct inkling_text inkling_text;
INKLING_API inkling_string inkling_text_get(const inkling_text* text);
INKLING_API void inkling_text_release(inkling_text* text);

/* Token ids. `data` is valid until the release; NULL if the list is empty. */
typedef struct inkling_tokens inkling_tokens;
INKLING_API const int32_t* inkling_tokens_data(const inkling_tokens* tokens);
INKLING_API size_t inkling_tokens_size(const inkling_tokens* tokens);
INKLING_API void inkling_tokens_release(inkling_tokens* tokens);

/* --- Options --- */

/* Initialises an options struct: INKLING_INIT(inkling_generate_options, options) declares
 * `options` with all defaults. */
#define INKLING_INIT(type, name) \
  type name;                     \
  type##_init(&name, sizeof(name))

/* Yes and no, as fields and results. */
typedef int32_t inkling_bool;

/* --- Streams of bytes, for files that the app keeps itself --- */

/* Takes `size` bytes; returns 0 if they can't be written, which ends the call with an error. */
typedef inkling_bool (*inkling_write_callback)(void* user_data, const void* bytes, size_t size);

/* Fills `bytes` with up to `size` bytes and returns how many; 0 is the end, a negative number an
 * error, which ends the call. */
typedef int64_t (*inkling_read_callback)(void* user_data, void* bytes, size_t size);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* INKLING_C_TYPES_H_ */
