// Options of the C API as the C++ API has them.
//
// An app may have been compiled with an older or a newer header than the library. A struct that is
// shorter than ours has our defaults for what it lacks; one that is longer must have zeros there,
// because a field that isn't known can't be obeyed.

#ifndef INKLING_SRC_BINDINGS_C_OPTION_READING_H_
#define INKLING_SRC_BINDINGS_C_OPTION_READING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/c/options.h"
#include "inkling/llm_options.h"

namespace inkling::c_api {

// Writes `defaults` to a struct that has `struct_size` bytes for the app.
template <typename Options>
void InitOptions(const Options& defaults, Options* options, size_t struct_size) {
  if (options == nullptr) return;
  std::memset(static_cast<void*>(options), 0, struct_size);
  std::memcpy(static_cast<void*>(options), &defaults, std::min(struct_size, sizeof(Options)));
  if (struct_size >= sizeof(size_t))
    std::memcpy(static_cast<void*>(options), &struct_size, sizeof(size_t));
}

// `defaults` with what the app set; `name` is the struct's. Errors: InvalidArgument for a size that
// no header had; Unimplemented for a field that isn't known here.
template <typename Options>
absl::StatusOr<Options> ReadOptions(const Options& defaults, const Options* given,
                                    absl::string_view name) {
  Options options = defaults;
  if (given == nullptr) return options;
  const size_t size = given->struct_size;
  if (size < sizeof(size_t) || size > 65536) {
    return absl::InvalidArgumentError(absl::StrCat(name, ".struct_size is ", size,
                                                   "; initialise the struct with ", name, "_init"));
  }
  std::memcpy(static_cast<void*>(&options), given, std::min(size, sizeof(Options)));
  const char* bytes = reinterpret_cast<const char*>(given);
  for (size_t i = sizeof(Options); i < size; ++i) {
    if (bytes[i] != 0) {
      return absl::UnimplementedError(
          absl::StrCat(name, " sets a field that this version of the library doesn't have (byte ",
                       i, " of ", size, "; it knows ", sizeof(Options), ")"));
    }
  }
  return options;
}

// InvalidArgument for NULL with a size that isn't 0.
absl::Status CheckArray(const void* data, size_t size, absl::string_view name);

// InvalidArgument unless 0 <= value <= most.
absl::Status CheckEnum(int32_t value, int32_t most, absl::string_view name);
// Copies of `size` texts. Errors: as CheckArray.
absl::StatusOr<std::vector<std::string>> StringsOf(const inkling_string* strings, size_t size,
                                                   absl::string_view name);
// `size` adapters with their weights; 1 each if `weights` is null. Errors: InvalidArgument for
// NULL.
absl::StatusOr<std::vector<WeightedAdapter>> AdaptersOf(const inkling_adapter* const* adapters,
                                                        const float* weights, size_t size);

absl::StatusOr<ModelOptions> ModelOptionsOf(const inkling_model_options* given);
absl::StatusOr<SessionOptions> SessionOptionsOf(const inkling_session_options* given);
absl::StatusOr<SamplingOptions> SamplingOptionsOf(const inkling_sampling_options* given);
absl::StatusOr<TokenizeOptions> TokenizeOptionsOf(const inkling_tokenize_options* given);
absl::StatusOr<PrefillOptions> PrefillOptionsOf(const inkling_prefill_options* given);
absl::StatusOr<GenerateOptions> GenerateOptionsOf(const inkling_generate_options* given);

}  // namespace inkling::c_api

#endif  // INKLING_SRC_BINDINGS_C_OPTION_READING_H_
