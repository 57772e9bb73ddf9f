// Models of the C API: opening, tokenizer, facts.

#include "inkling/c/model.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/model_source.h"
#include "src/bindings/c/handles.h"
#include "src/bindings/c/option_reading.h"

namespace inkling::c_api {
namespace {

absl::StatusOr<std::string> Fact(const ModelDescription& facts, int32_t fact) {
  switch (fact) {
    case INKLING_DESCRIBE_MODEL_ID:
      return facts.model_id;
    case INKLING_DESCRIBE_SOURCE:
      return facts.source;
    case INKLING_DESCRIBE_RECIPE:
      return facts.recipe;
    case INKLING_DESCRIBE_ARCHITECTURE:
      return facts.architecture;
    case INKLING_DESCRIBE_WEIGHT_TYPES:
      return facts.weight_types;
    case INKLING_DESCRIBE_PROMPT_TEMPLATE:
      return facts.prompt_template;
    case INKLING_DESCRIBE_KERNEL_CLASS:
      return facts.kernel_class;
    case INKLING_DESCRIBE_SIMD_TARGET:
      return facts.simd_target;
    case INKLING_DESCRIBE_PREFILL_ACTIVATIONS:
      return facts.prefill_activations;
    case INKLING_DESCRIBE_PACKED_WEIGHTS:
      return facts.packed_weights;
    case INKLING_DESCRIBE_NUM_THREADS:
      return absl::StrCat(facts.num_threads);
    case INKLING_DESCRIBE_DECODE_THREADS:
      return absl::StrCat(facts.decode_threads);
    case INKLING_DESCRIBE_NUM_PARAMETERS:
      return absl::StrCat(facts.num_parameters);
    case INKLING_DESCRIBE_FILE_BYTES:
      return absl::StrCat(facts.file_bytes);
    case INKLING_DESCRIBE_PACKED_WEIGHT_BYTES:
      return absl::StrCat(facts.packed_weight_bytes);
    case INKLING_DESCRIBE_SCRATCH_BYTES:
      return absl::StrCat(facts.scratch_bytes);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("fact is ", fact, "; expected 0 to ", INKLING_DESCRIBE_SCRATCH_BYTES));
  }
}

inkling_status* Open(absl::StatusOr<ModelOptions> options, const ModelSource& source,
                     inkling_model** out) {
  if (!options.ok()) return ToC(options.status());
  return Give(LlmModel::Open(source, *options), out);
}

}  // namespace
}  // namespace inkling::c_api

using inkling::c_api::Give;
using inkling::c_api::ToC;
using inkling::c_api::View;

inkling_status* inkling_model_open(inkling_string path, const inkling_model_options* options,
                                   inkling_model** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  return inkling::c_api::Open(inkling::c_api::ModelOptionsOf(options),
                              inkling::ModelSource::FromPath(std::string(View(path))), out);
}

inkling_status* inkling_model_open_source(const inkling_source* source,
                                          const inkling_model_options* options,
                                          inkling_model** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(source);
  return inkling::c_api::Open(inkling::c_api::ModelOptionsOf(options), source->source, out);
}

void inkling_model_release(inkling_model* model) { delete model; }

inkling_status* inkling_model_trim(const inkling_model* model, int32_t what) {
  INKLING_C_REQUIRE(model);
  if (what != INKLING_TRIM_SCRATCH && what != INKLING_TRIM_PACKED_WEIGHTS) {
    return ToC(absl::InvalidArgumentError(
        absl::StrCat("what is ", what, "; expected 0 to ", INKLING_TRIM_PACKED_WEIGHTS)));
  }
  model->model->Trim(static_cast<inkling::TrimLevel>(what));
  return nullptr;
}

inkling_status* inkling_model_tokenize(const inkling_model* model, inkling_string text,
                                       const inkling_tokenize_options* options,
                                       inkling_tokens** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  const auto read = inkling::c_api::TokenizeOptionsOf(options);
  if (!read.ok()) return ToC(read.status());
  return Give(model->model->Tokenize(View(text), *read), out);
}

inkling_status* inkling_model_count_tokens(const inkling_model* model, inkling_string text,
                                           const inkling_tokenize_options* options,
                                           int32_t* count) {
  INKLING_C_REQUIRE(count);
  *count = 0;
  INKLING_C_REQUIRE(model);
  const auto read = inkling::c_api::TokenizeOptionsOf(options);
  if (!read.ok()) return ToC(read.status());
  const absl::StatusOr<int32_t> tokens = model->model->CountTokens(View(text), *read);
  if (tokens.ok()) *count = *tokens;
  return ToC(tokens.status());
}

inkling_status* inkling_model_detokenize(const inkling_model* model, const int32_t* tokens,
                                         size_t num_tokens, inkling_text** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  const absl::Status array = inkling::c_api::CheckArray(tokens, num_tokens, "tokens");
  if (!array.ok()) return ToC(array);
  return Give(model->model->Detokenize(absl::MakeConstSpan(tokens, num_tokens)), out);
}

inkling_status* inkling_model_token_text(const inkling_model* model, int32_t token,
                                         inkling_text** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  return Give(model->model->TokenText(token), out);
}

inkling_status* inkling_model_special_tokens(const inkling_model* model, inkling_tokens** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  *out = new inkling_tokens;
  for (const inkling::SpecialToken& token : model->model->special_tokens())
    (*out)->ids.push_back(token.id);
  return nullptr;
}

inkling_status* inkling_model_stop_tokens(const inkling_model* model, inkling_tokens** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  *out = new inkling_tokens{model->model->stop_tokens()};
  return nullptr;
}

int32_t inkling_model_beginning_of_sequence_token(const inkling_model* model) {
  return model == nullptr ? -1 : model->model->beginning_of_sequence_token().value_or(-1);
}
int32_t inkling_model_end_of_sequence_token(const inkling_model* model) {
  return model == nullptr ? -1 : model->model->end_of_sequence_token().value_or(-1);
}
int32_t inkling_model_vocab_size(const inkling_model* model) {
  return model == nullptr ? 0 : model->model->vocab_size();
}
int32_t inkling_model_context_length(const inkling_model* model) {
  return model == nullptr ? 0 : model->model->context_length();
}

inkling_status* inkling_model_describe(const inkling_model* model, int32_t fact,
                                       inkling_text** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  return Give(inkling::c_api::Fact(model->model->Describe(), fact), out);
}
