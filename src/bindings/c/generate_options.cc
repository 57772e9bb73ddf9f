// Options of generation and sampling.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/c/options.h"
#include "inkling/llm_options.h"
#include "src/bindings/c/handles.h"
#include "src/bindings/c/option_reading.h"

namespace inkling::c_api {
namespace {

inkling_sampling_options DefaultSamplingOptions() {
  const SamplingOptions defaults;
  inkling_sampling_options options = {};
  options.struct_size = sizeof(options);
  options.temperature = defaults.temperature;
  options.top_k = defaults.top_k;
  options.top_p = defaults.top_p;
  options.min_p = defaults.min_p;
  options.repetition_penalty = defaults.repetition_penalty;
  options.presence_penalty = defaults.presence_penalty;
  options.frequency_penalty = defaults.frequency_penalty;
  options.penalty_window = defaults.penalty_window;
  options.no_repeat_ngram_size = defaults.no_repeat_ngram_size;
  options.dry_multiplier = defaults.dry_multiplier;
  options.dry_base = defaults.dry_base;
  options.dry_allowed_length = defaults.dry_allowed_length;
  options.dry_window = defaults.dry_window;
  options.typical_p = defaults.typical_p;
  options.top_n_sigma = defaults.top_n_sigma;
  options.xtc_probability = defaults.xtc_probability;
  options.xtc_threshold = defaults.xtc_threshold;
  options.mirostat_tau = defaults.mirostat_tau;
  options.mirostat_eta = defaults.mirostat_eta;
  return options;
}

inkling_generate_options DefaultGenerateOptions() {
  const GenerateOptions defaults;
  inkling_generate_options options = {};
  options.struct_size = sizeof(options);
  options.max_new_tokens = defaults.max_new_tokens;
  options.add_beginning_of_sequence = defaults.add_beginning_of_sequence;
  options.parse_special_tokens = defaults.parse_special_tokens;
  options.return_log_probabilities = defaults.return_log_probabilities;
  options.num_top_log_probabilities = defaults.num_top_log_probabilities;
  options.ignore_model_stop_tokens = defaults.ignore_model_stop_tokens;
  options.max_draft_tokens = defaults.max_draft_tokens;
  return options;
}

}  // namespace

absl::StatusOr<SamplingOptions> SamplingOptionsOf(const inkling_sampling_options* given) {
  ABSL_ASSIGN_OR_RETURN(const inkling_sampling_options read,
                        ReadOptions(DefaultSamplingOptions(), given, "inkling_sampling_options"));
  ABSL_RETURN_IF_ERROR(CheckArray(read.logit_bias, read.num_logit_biases, "logit_bias"));
  SamplingOptions options;
  options.temperature = read.temperature;
  options.top_k = read.top_k;
  options.top_p = read.top_p;
  options.min_p = read.min_p;
  if (read.has_seed != 0) options.seed = read.seed;
  options.repetition_penalty = read.repetition_penalty;
  options.presence_penalty = read.presence_penalty;
  options.frequency_penalty = read.frequency_penalty;
  options.penalty_window = read.penalty_window;
  for (size_t i = 0; i < read.num_logit_biases; ++i)
    options.logit_bias.emplace_back(read.logit_bias[i].token, read.logit_bias[i].bias);
  options.no_repeat_ngram_size = read.no_repeat_ngram_size;
  options.dry_multiplier = read.dry_multiplier;
  options.dry_base = read.dry_base;
  options.dry_allowed_length = read.dry_allowed_length;
  options.dry_window = read.dry_window;
  if (read.dry_sequence_breakers != nullptr || read.num_dry_sequence_breakers > 0) {
    ABSL_ASSIGN_OR_RETURN(options.dry_sequence_breakers,
                          StringsOf(read.dry_sequence_breakers, read.num_dry_sequence_breakers,
                                    "dry_sequence_breakers"));
  }
  options.typical_p = read.typical_p;
  options.top_n_sigma = read.top_n_sigma;
  options.xtc_probability = read.xtc_probability;
  options.xtc_threshold = read.xtc_threshold;
  options.mirostat_tau = read.mirostat_tau;
  options.mirostat_eta = read.mirostat_eta;
  return options;
}

absl::StatusOr<GenerateOptions> GenerateOptionsOf(const inkling_generate_options* given) {
  ABSL_ASSIGN_OR_RETURN(const inkling_generate_options read,
                        ReadOptions(DefaultGenerateOptions(), given, "inkling_generate_options"));
  ABSL_RETURN_IF_ERROR(CheckArray(read.stop_tokens, read.num_stop_tokens, "stop_tokens"));
  GenerateOptions options;
  options.max_new_tokens = read.max_new_tokens;
  ABSL_ASSIGN_OR_RETURN(options.sampling, SamplingOptionsOf(read.sampling));
  ABSL_ASSIGN_OR_RETURN(options.stop_strings,
                        StringsOf(read.stop_strings, read.num_stop_strings, "stop_strings"));
  if (read.num_stop_tokens > 0)
    options.stop_tokens.assign(read.stop_tokens, read.stop_tokens + read.num_stop_tokens);
  options.add_beginning_of_sequence = read.add_beginning_of_sequence != 0;
  options.parse_special_tokens = read.parse_special_tokens != 0;
  options.return_log_probabilities = read.return_log_probabilities != 0;
  options.num_top_log_probabilities = read.num_top_log_probabilities;
  if (read.logits_processor != nullptr) {
    options.logits_processor = [call = read.logits_processor, data = read.logits_processor_data](
                                   absl::Span<const int32_t> tokens, absl::Span<float> logits) {
      call(data, tokens.data(), tokens.size(), logits.data(), logits.size());
    };
  }
  options.ignore_model_stop_tokens = read.ignore_model_stop_tokens != 0;
  options.max_draft_tokens = read.max_draft_tokens;
  if (read.constraint != nullptr) options.constraint = read.constraint->constraint;
  return options;
}

}  // namespace inkling::c_api

void inkling_sampling_options_init(inkling_sampling_options* options, size_t struct_size) {
  inkling::c_api::InitOptions(inkling::c_api::DefaultSamplingOptions(), options, struct_size);
}
void inkling_generate_options_init(inkling_generate_options* options, size_t struct_size) {
  inkling::c_api::InitOptions(inkling::c_api::DefaultGenerateOptions(), options, struct_size);
}
