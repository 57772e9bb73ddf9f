// Options of models, sessions and tokenisation. Those of generation are in generate_options.cc.
//
// Defaults come from the C++ structs, so there is one place that has them.

#include "src/bindings/c/option_reading.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "inkling/c/options.h"
#include "inkling/llm_options.h"
#include "src/bindings/c/handles.h"

namespace inkling::c_api {
namespace {

inkling_model_options DefaultModelOptions() {
  const ModelOptions defaults;
  inkling_model_options options = {};
  options.struct_size = sizeof(options);
  options.num_threads = defaults.num_threads;
  options.decode_threads = defaults.decode_threads;
  options.prefill_chunk = defaults.prefill_chunk;
  options.prefill_activations = static_cast<int32_t>(defaults.prefill_activations);
  return options;
}

inkling_session_options DefaultSessionOptions() {
  const SessionOptions defaults;
  inkling_session_options options = {};
  options.struct_size = sizeof(options);
  options.context_length = defaults.context_length;
  options.kv_cache_type = static_cast<int32_t>(defaults.kv_cache_type);
  options.context_overflow = static_cast<int32_t>(defaults.context_overflow);
  options.kept_tokens = defaults.kept_tokens;
  return options;
}

inkling_tokenize_options DefaultTokenizeOptions() {
  const TokenizeOptions defaults;
  return {sizeof(inkling_tokenize_options), defaults.add_beginning_of_sequence,
          defaults.parse_special_tokens, defaults.continues_text};
}

inkling_prefill_options DefaultPrefillOptions() {
  const PrefillOptions defaults;
  return {sizeof(inkling_prefill_options), defaults.add_beginning_of_sequence,
          defaults.parse_special_tokens};
}

}  // namespace

absl::Status CheckArray(const void* data, size_t size, absl::string_view name) {
  if (data != nullptr || size == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is NULL, but its size is ", size));
}

absl::Status CheckEnum(int32_t value, int32_t most, absl::string_view name) {
  if (value >= 0 && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is ", value, "; expected 0 to ", most));
}

absl::StatusOr<std::vector<std::string>> StringsOf(const inkling_string* strings, size_t size,
                                                   absl::string_view name) {
  ABSL_RETURN_IF_ERROR(CheckArray(strings, size, name));
  std::vector<std::string> copies;
  for (size_t i = 0; i < size; ++i) copies.emplace_back(View(strings[i]));
  return copies;
}

absl::StatusOr<ModelOptions> ModelOptionsOf(const inkling_model_options* given) {
  ABSL_ASSIGN_OR_RETURN(const inkling_model_options read,
                        ReadOptions(DefaultModelOptions(), given, "inkling_model_options"));
  ABSL_RETURN_IF_ERROR(CheckArray(read.cpus, read.num_cpus, "cpus"));
  ABSL_RETURN_IF_ERROR(
      CheckEnum(read.prefill_activations, INKLING_ACTIVATIONS_FLOAT, "prefill_activations"));
  ModelOptions options;
  options.num_threads = read.num_threads;
  options.decode_threads = read.decode_threads;
  options.cache_dir = std::string(View(read.cache_dir));
  if (read.num_cpus > 0) options.cpus.assign(read.cpus, read.cpus + read.num_cpus);
  options.prefill_chunk = read.prefill_chunk;
  options.prefill_activations = static_cast<ActivationPrecision>(read.prefill_activations);
  if (read.progress != nullptr) {
    options.progress = [call = read.progress, data = read.progress_data](const LoadProgress& at) {
      return call(data, at.done_bytes, at.total_bytes) != 0;
    };
  }
  return options;
}

absl::StatusOr<SessionOptions> SessionOptionsOf(const inkling_session_options* given) {
  ABSL_ASSIGN_OR_RETURN(const inkling_session_options read,
                        ReadOptions(DefaultSessionOptions(), given, "inkling_session_options"));
  ABSL_RETURN_IF_ERROR(CheckEnum(read.kv_cache_type, INKLING_KV_INT8, "kv_cache_type"));
  ABSL_RETURN_IF_ERROR(
      CheckEnum(read.context_overflow, INKLING_OVERFLOW_SLIDE, "context_overflow"));
  SessionOptions options;
  options.context_length = read.context_length;
  options.kv_cache_type = static_cast<KvCacheType>(read.kv_cache_type);
  options.system_prompt = std::string(View(read.system_prompt));
  options.date = std::string(View(read.date));
  if (read.draft_model != nullptr) options.draft_model = read.draft_model->model;
  options.context_overflow = static_cast<ContextOverflow>(read.context_overflow);
  options.kept_tokens = read.kept_tokens;
  ABSL_ASSIGN_OR_RETURN(options.adapters,
                        AdaptersOf(read.adapters, read.adapter_weights, read.num_adapters));
  return options;
}

absl::StatusOr<TokenizeOptions> TokenizeOptionsOf(const inkling_tokenize_options* given) {
  ABSL_ASSIGN_OR_RETURN(const inkling_tokenize_options read,
                        ReadOptions(DefaultTokenizeOptions(), given, "inkling_tokenize_options"));
  return TokenizeOptions{.add_beginning_of_sequence = read.add_beginning_of_sequence != 0,
                         .parse_special_tokens = read.parse_special_tokens != 0,
                         .continues_text = read.continues_text != 0};
}

absl::StatusOr<PrefillOptions> PrefillOptionsOf(const inkling_prefill_options* given) {
  ABSL_ASSIGN_OR_RETURN(const inkling_prefill_options read,
                        ReadOptions(DefaultPrefillOptions(), given, "inkling_prefill_options"));
  return PrefillOptions{.add_beginning_of_sequence = read.add_beginning_of_sequence != 0,
                        .parse_special_tokens = read.parse_special_tokens != 0};
}

}  // namespace inkling::c_api

void inkling_model_options_init(inkling_model_options* options, size_t struct_size) {
  inkling::c_api::InitOptions(inkling::c_api::DefaultModelOptions(), options, struct_size);
}
void inkling_session_options_init(inkling_session_options* options, size_t struct_size) {
  inkling::c_api::InitOptions(inkling::c_api::DefaultSessionOptions(), options, struct_size);
}
void inkling_tokenize_options_init(inkling_tokenize_options* options, size_t struct_size) {
  inkling::c_api::InitOptions(inkling::c_api::DefaultTokenizeOptions(), options, struct_size);
}
void inkling_prefill_options_init(inkling_prefill_options* options, size_t struct_size) {
  inkling::c_api::InitOptions(inkling::c_api::DefaultPrefillOptions(), options, struct_size);
}
