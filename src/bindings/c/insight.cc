// Scores and embeddings of the C API.

#include "inkling/c/insight.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "inkling/llm_insight.h"
#include "inkling/llm_session.h"
#include "src/bindings/c/handles.h"
#include "src/bindings/c/option_reading.h"

struct inkling_scores {
  std::vector<inkling::ScoreResult> results;
};
struct inkling_embeddings {
  std::vector<std::vector<float>> vectors;
};

namespace inkling::c_api {
namespace {

inkling_embed_options DefaultEmbedOptions() {
  const EmbedOptions defaults;
  return {sizeof(inkling_embed_options), static_cast<int32_t>(defaults.pooling),
          defaults.normalize};
}

absl::StatusOr<EmbedOptions> EmbedOptionsOf(const inkling_embed_options* given) {
  ABSL_ASSIGN_OR_RETURN(const inkling_embed_options read,
                        ReadOptions(DefaultEmbedOptions(), given, "inkling_embed_options"));
  ABSL_RETURN_IF_ERROR(CheckEnum(read.pooling, INKLING_POOLING_MEAN, "pooling"));
  EmbedOptions options;
  options.pooling = static_cast<Pooling>(read.pooling);
  options.normalize = read.normalize != 0;
  return options;
}

const ScoreResult* ScoreOf(const inkling_scores* scores, size_t index) {
  return scores == nullptr || index >= scores->results.size() ? nullptr : &scores->results[index];
}

}  // namespace
}  // namespace inkling::c_api

using inkling::c_api::Give;
using inkling::c_api::ScoreOf;
using inkling::c_api::StringsOf;
using inkling::c_api::ToC;
using inkling::c_api::View;

inkling_status* inkling_session_score(inkling_session* session, inkling_string prefix,
                                      const inkling_string* continuations, size_t num_continuations,
                                      inkling_scores** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(session);
  const auto texts = StringsOf(continuations, num_continuations, "continuations");
  if (!texts.ok()) return ToC(texts.status());
  return Give(session->session->Score(View(prefix), *texts), out);
}

size_t inkling_scores_size(const inkling_scores* scores) {
  return scores == nullptr ? 0 : scores->results.size();
}
double inkling_scores_log_probability(const inkling_scores* scores, size_t index) {
  const inkling::ScoreResult* score = ScoreOf(scores, index);
  return score == nullptr ? 0 : score->log_probability;
}
size_t inkling_scores_num_tokens(const inkling_scores* scores, size_t index) {
  const inkling::ScoreResult* score = ScoreOf(scores, index);
  return score == nullptr ? 0 : score->tokens.size();
}
const int32_t* inkling_scores_tokens(const inkling_scores* scores, size_t index) {
  const inkling::ScoreResult* score = ScoreOf(scores, index);
  return score == nullptr ? nullptr : score->tokens.data();
}
const float* inkling_scores_token_log_probabilities(const inkling_scores* scores, size_t index) {
  const inkling::ScoreResult* score = ScoreOf(scores, index);
  return score == nullptr ? nullptr : score->log_probabilities.data();
}
void inkling_scores_release(inkling_scores* scores) { delete scores; }

void inkling_embed_options_init(inkling_embed_options* options, size_t struct_size) {
  inkling::c_api::InitOptions(inkling::c_api::DefaultEmbedOptions(), options, struct_size);
}

inkling_status* inkling_session_embed(inkling_session* session, const inkling_string* texts,
                                      size_t num_texts, const inkling_embed_options* options,
                                      inkling_embeddings** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(session);
  const auto read = inkling::c_api::EmbedOptionsOf(options);
  if (!read.ok()) return ToC(read.status());
  const auto copies = StringsOf(texts, num_texts, "texts");
  if (!copies.ok()) return ToC(copies.status());
  return Give(session->session->Embed(*copies, *read), out);
}

size_t inkling_embeddings_size(const inkling_embeddings* embeddings) {
  return embeddings == nullptr ? 0 : embeddings->vectors.size();
}
size_t inkling_embeddings_dimension(const inkling_embeddings* embeddings) {
  return inkling_embeddings_size(embeddings) == 0 ? 0 : embeddings->vectors.front().size();
}
const float* inkling_embeddings_get(const inkling_embeddings* embeddings, size_t index) {
  return index < inkling_embeddings_size(embeddings) ? embeddings->vectors[index].data() : nullptr;
}
void inkling_embeddings_release(inkling_embeddings* embeddings) { delete embeddings; }
