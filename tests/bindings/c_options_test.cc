// Options of the C API: defaults are those of C++, and structs of other headers are read as far as
// they go.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "inkling/inkling.h"
#include "inkling/llm_options.h"
#include "src/bindings/c/option_reading.h"
#include "tests/testing/status_matchers.h"

namespace inkling::c_api {
namespace {

TEST(COptionsTest, NullAndInitialisedAreTheDefaults) {
  const GenerateOptions defaults;
  INKLING_INIT(inkling_generate_options, generate);
  INKLING_INIT(inkling_sampling_options, sampling);
  generate.sampling = &sampling;
  for (const inkling_generate_options* given :
       {static_cast<const inkling_generate_options*>(nullptr),
        static_cast<const inkling_generate_options*>(&generate)}) {
    ASSERT_OK_AND_ASSIGN(const GenerateOptions read, GenerateOptionsOf(given));
    EXPECT_EQ(read.max_new_tokens, defaults.max_new_tokens);
    EXPECT_EQ(read.max_draft_tokens, defaults.max_draft_tokens);
    EXPECT_EQ(read.add_beginning_of_sequence, defaults.add_beginning_of_sequence);
    EXPECT_EQ(read.sampling.temperature, defaults.sampling.temperature);
    EXPECT_EQ(read.sampling.top_k, defaults.sampling.top_k);
    EXPECT_EQ(read.sampling.seed, defaults.sampling.seed);
    EXPECT_EQ(read.sampling.dry_sequence_breakers, defaults.sampling.dry_sequence_breakers);
    EXPECT_EQ(read.sampling.mirostat_eta, defaults.sampling.mirostat_eta);
  }
  ASSERT_OK_AND_ASSIGN(const SessionOptions session, SessionOptionsOf(nullptr));
  EXPECT_EQ(session.kv_cache_type, SessionOptions().kv_cache_type);
  ASSERT_OK_AND_ASSIGN(const ModelOptions model, ModelOptionsOf(nullptr));
  EXPECT_EQ(model.prefill_chunk, ModelOptions().prefill_chunk);
}

TEST(COptionsTest, EveryFieldArrives) {
  INKLING_INIT(inkling_sampling_options, sampling);
  const inkling_logit_bias bias = {7, -1.5f};
  const inkling_string breaker = inkling_str("|");
  sampling.temperature = 0.1f;
  sampling.has_seed = 1;
  sampling.seed = 99;
  sampling.logit_bias = &bias;
  sampling.num_logit_biases = 1;
  sampling.dry_sequence_breakers = &breaker;
  sampling.num_dry_sequence_breakers = 1;
  sampling.top_n_sigma = 2;
  INKLING_INIT(inkling_generate_options, generate);
  const inkling_string stop = {"ab\0c", 4};
  const int32_t stop_token = 3;
  generate.sampling = &sampling;
  generate.stop_strings = &stop;
  generate.num_stop_strings = 1;
  generate.stop_tokens = &stop_token;
  generate.num_stop_tokens = 1;
  generate.num_top_log_probabilities = 4;
  ASSERT_OK_AND_ASSIGN(const GenerateOptions read, GenerateOptionsOf(&generate));
  EXPECT_EQ(read.sampling.temperature, 0.1f);
  EXPECT_EQ(read.sampling.seed, 99u);
  EXPECT_EQ(read.sampling.logit_bias, (std::vector<std::pair<int32_t, float>>{{7, -1.5f}}));
  EXPECT_EQ(read.sampling.dry_sequence_breakers, std::vector<std::string>{"|"});
  EXPECT_EQ(read.sampling.top_n_sigma, 2);
  EXPECT_EQ(read.stop_strings, std::vector<std::string>{std::string("ab\0c", 4)});
  EXPECT_EQ(read.stop_tokens, std::vector<int32_t>{3});
  EXPECT_EQ(read.num_top_log_probabilities, 4);
}

TEST(COptionsTest, AnOlderHeadersStructHasDefaultsForTheRest) {
  // As if the header had ended behind parse_special_tokens.
  inkling_tokenize_options options;
  const size_t older = offsetof(inkling_tokenize_options, continues_text);
  std::memset(&options, 0xff, sizeof(options));
  inkling_tokenize_options_init(&options, older);
  EXPECT_EQ(options.continues_text, -1) << "what the app doesn't know isn't written";
  options.parse_special_tokens = 1;
  ASSERT_OK_AND_ASSIGN(const TokenizeOptions read, TokenizeOptionsOf(&options));
  EXPECT_TRUE(read.parse_special_tokens);
  EXPECT_FALSE(read.continues_text);
}

TEST(COptionsTest, ANewerHeadersFieldMustBeZero) {
  struct Newer {
    inkling_prefill_options known;
    int64_t added;
  } options = {};
  inkling_prefill_options_init(&options.known, sizeof(options));
  EXPECT_EQ(options.known.struct_size, sizeof(options));
  EXPECT_OK(PrefillOptionsOf(&options.known));
  options.added = 1;
  EXPECT_THAT(PrefillOptionsOf(&options.known),
              MatchesStatus(absl::StatusCode::kUnimplemented, {"inkling_prefill_options"}));
}

TEST(COptionsTest, WhatIsWrongIsNamed) {
  inkling_generate_options forgotten = {};
  EXPECT_THAT(GenerateOptionsOf(&forgotten),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"inkling_generate_options.struct_size is 0", "_init"}));
  INKLING_INIT(inkling_generate_options, generate);
  generate.num_stop_tokens = 2;
  EXPECT_THAT(GenerateOptionsOf(&generate),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"stop_tokens is NULL", "2"}));
  INKLING_INIT(inkling_session_options, session);
  session.kv_cache_type = 3;
  EXPECT_THAT(SessionOptionsOf(&session),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"kv_cache_type is 3"}));
  INKLING_INIT(inkling_session_options, adapters);
  const inkling_adapter* none[] = {nullptr};
  adapters.adapters = none;
  adapters.num_adapters = 1;
  EXPECT_THAT(SessionOptionsOf(&adapters),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"adapters[0] is NULL"}));
}

}  // namespace
}  // namespace inkling::c_api
