// The C API does what the C++ API does: held against it on the same random model.

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "inkling/inkling.h"
#include "inkling/llm_session.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

// What a status says; empty for success. Releases it.
std::string Message(inkling_status* status) {
  const std::string message = inkling_status_message(status).data;
  inkling_status_release(status);
  return message;
}
int32_t Code(inkling_status* status) {
  const int32_t code = inkling_status_code(status);
  inkling_status_release(status);
  return code;
}
#define EXPECT_C_OK(call) EXPECT_EQ(Message(call), "")
#define ASSERT_C_OK(call) ASSERT_EQ(Message(call), "")

inkling_bool Append(void* user_data, const char* text, size_t size) {
  static_cast<std::string*>(user_data)->append(text, size);
  return 1;
}
inkling_bool StopAtOnce(void*, const char*, size_t) { return 0; }

class CApiTest : public SessionTest {
 protected:
  void SetUp() override {
    ModelMetadata metadata = TinyMetadata(TinyConfig());
    metadata.prompt_template.system = {"<sys>", "</sys>\n"};
    metadata.prompt_template.system_placement = SystemPlacement::kOwnTurn;
    path_ = WriteModel("model.tflite", metadata);
    INKLING_INIT(inkling_model_options, options);
    options.num_threads = 1;
    ASSERT_C_OK(inkling_model_open(inkling_str(path_.c_str()), &options, &model_));
    ASSERT_C_OK(inkling_session_create(model_, nullptr, &session_));
    greedy_ = [] {
      INKLING_INIT(inkling_sampling_options, sampling);
      sampling.temperature = 0;
      return sampling;
    }();
    inkling_generate_options_init(&generate_, sizeof(generate_));
    generate_.sampling = &greedy_;
    generate_.max_new_tokens = 10;
    generate_.ignore_model_stop_tokens = 1;
  }
  void TearDown() override {
    inkling_session_release(session_);
    inkling_model_release(model_);
  }

  // The same session in C++.
  std::unique_ptr<LlmSession> CppSession() {
    ModelOptions options;
    options.num_threads = 1;
    absl::StatusOr<std::shared_ptr<const LlmModel>> model = LlmModel::Open(path_, options);
    EXPECT_OK(model);
    absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Create(*model);
    EXPECT_OK(session);
    return *std::move(session);
  }

  static std::vector<int32_t> TokensOf(const inkling_result* result) {
    const int32_t* tokens = inkling_result_tokens(result);
    return {tokens, tokens + inkling_result_num_tokens(result)};
  }

  std::string path_;
  inkling_model* model_ = nullptr;
  inkling_session* session_ = nullptr;
  inkling_sampling_options greedy_;
  inkling_generate_options generate_;
};

TEST_F(CApiTest, GeneratesWhatCppGenerates) {
  ASSERT_OK_AND_ASSIGN(const GenerateResult expected,
                       CppSession()->Generate("Once", GreedyOptions(10)));
  generate_.return_log_probabilities = 1;
  generate_.num_top_log_probabilities = 2;
  std::string streamed;
  inkling_result* result = nullptr;
  ASSERT_C_OK(inkling_session_generate(session_, inkling_str("Once"), &generate_, Append, &streamed,
                                       &result));
  EXPECT_EQ(streamed, expected.text);
  EXPECT_EQ(std::string(inkling_result_text(result).data, inkling_result_text(result).size),
            expected.text);
  EXPECT_EQ(TokensOf(result), expected.tokens);
  EXPECT_EQ(inkling_result_stop_reason(result), INKLING_STOP_MAX_NEW_TOKENS);
  EXPECT_EQ(inkling_result_num_top(result, 0), 2u);
  EXPECT_EQ(inkling_result_top_token(result, 0, 0), expected.tokens[0]);
  EXPECT_EQ(inkling_result_top_log_probability(result, 0, 0),
            inkling_result_log_probabilities(result)[0]);
  EXPECT_EQ(inkling_result_top_token(result, 0, 2), -1);
  EXPECT_EQ(inkling_result_num_top(result, 10), 0u);
  EXPECT_EQ(inkling_session_position(session_), inkling_result_num_prompt_tokens(result) + 10);
  inkling_result_release(result);
}

TEST_F(CApiTest, MessagesAreAnsweredAndReused) {
  inkling_messages* messages = inkling_messages_create();
  EXPECT_C_OK(inkling_messages_add(messages, INKLING_ROLE_SYSTEM, inkling_str("Kind.")));
  EXPECT_C_OK(inkling_messages_add(messages, INKLING_ROLE_USER, inkling_str("Hi")));
  EXPECT_EQ(Code(inkling_messages_add(messages, 9, inkling_str("?"))), INKLING_INVALID_ARGUMENT);
  inkling_text* text = nullptr;
  inkling_tokens* tokens = nullptr;
  ASSERT_C_OK(inkling_session_render_prompt(session_, messages, nullptr, &text, &tokens, nullptr));
  EXPECT_NE(std::string(inkling_text_get(text).data).find("<sys>Kind.</sys>"), std::string::npos);
  INKLING_INIT(inkling_chat_options, chat);
  inkling_result* result = nullptr;
  ASSERT_C_OK(inkling_session_chat_messages(session_, messages, &chat, &generate_, nullptr, nullptr,
                                            &result));
  EXPECT_EQ(inkling_result_num_prompt_tokens(result),
            static_cast<int32_t>(inkling_tokens_size(tokens)));
  inkling_result_release(result);
  int32_t reused = 0;
  ASSERT_C_OK(
      inkling_session_render_prompt(session_, messages, nullptr, nullptr, nullptr, &reused));
  EXPECT_EQ(reused, static_cast<int32_t>(inkling_tokens_size(tokens)) - 1);
  inkling_text_release(text);
  inkling_tokens_release(tokens);
  inkling_messages_release(messages);
}

TEST_F(CApiTest, ForkSaveAndLoadGoOn) {
  ASSERT_C_OK(inkling_session_prefill(session_, inkling_str("Some text"), nullptr));
  inkling_session* fork = nullptr;
  inkling_session* loaded = nullptr;
  inkling_session* read = nullptr;
  const std::string file = directory_.File("session");
  std::string written;
  const auto take = [](void* user_data, const void* bytes, size_t size) -> inkling_bool {
    static_cast<std::string*>(user_data)->append(static_cast<const char*>(bytes), size);
    return 1;
  };
  const auto give = [](void* user_data, void* bytes, size_t size) -> int64_t {
    auto* rest = static_cast<std::string*>(user_data);
    const size_t count = std::min(size, rest->size());
    std::memcpy(bytes, rest->data(), count);
    rest->erase(0, count);
    return static_cast<int64_t>(count);
  };
  ASSERT_C_OK(inkling_session_fork(session_, &fork));
  ASSERT_C_OK(inkling_session_save(session_, inkling_str(file.c_str())));
  ASSERT_C_OK(inkling_session_save_to(session_, take, &written));
  ASSERT_C_OK(inkling_session_trim(session_, inkling_str("")));
  ASSERT_C_OK(inkling_session_load(model_, inkling_str(file.c_str()), nullptr, &loaded));
  ASSERT_C_OK(inkling_session_load_from(model_, give, &written, nullptr, &read));
  std::vector<std::vector<int32_t>> found;
  for (inkling_session* session : {session_, fork, loaded, read}) {
    inkling_result* result = nullptr;
    ASSERT_C_OK(
        inkling_session_generate(session, inkling_str(""), &generate_, nullptr, nullptr, &result));
    found.push_back(TokensOf(result));
    inkling_result_release(result);
  }
  for (const auto& tokens : found) EXPECT_EQ(tokens, found[0]);
  for (inkling_session* session : {fork, loaded, read}) inkling_session_release(session);
}

TEST_F(CApiTest, ScoresAndEmbeddingsAreTheSame) {
  const auto cpp = CppSession();
  ASSERT_OK_AND_ASSIGN(const auto expected, cpp->Score("A", {"b", "cd"}));
  const inkling_string texts[] = {inkling_str("b"), inkling_str("cd")};
  inkling_scores* scores = nullptr;
  ASSERT_C_OK(inkling_session_score(session_, inkling_str("A"), texts, 2, &scores));
  ASSERT_EQ(inkling_scores_size(scores), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(inkling_scores_log_probability(scores, i), expected[i].log_probability);
    ASSERT_EQ(inkling_scores_num_tokens(scores, i), expected[i].tokens.size());
    EXPECT_EQ(inkling_scores_tokens(scores, i)[0], expected[i].tokens[0]);
  }
  EXPECT_EQ(inkling_scores_num_tokens(scores, 2), 0u);
  inkling_scores_release(scores);
  ASSERT_OK_AND_ASSIGN(const auto vectors, cpp->Embed({"b", "cd"}));
  inkling_embeddings* embeddings = nullptr;
  ASSERT_C_OK(inkling_session_embed(session_, texts, 2, nullptr, &embeddings));
  ASSERT_EQ(inkling_embeddings_dimension(embeddings), vectors[0].size());
  EXPECT_EQ(inkling_embeddings_get(embeddings, 1)[0], vectors[1][0]);
  EXPECT_EQ(inkling_embeddings_get(embeddings, 2), nullptr);
  inkling_embeddings_release(embeddings);
}

TEST_F(CApiTest, AnswersHaveTheFormOfAConstraint) {
  inkling_constraint* constraint = nullptr;
  const inkling_status* const made =
      inkling_constraint_from_regex(model_, inkling_str("ab{2}c"), &constraint);
  if (inkling_status_code(made) == INKLING_UNIMPLEMENTED)
    GTEST_SKIP() << inkling_status_message(made).data;
  ASSERT_EQ(made, nullptr);
  generate_.constraint = constraint;
  inkling_result* result = nullptr;
  ASSERT_C_OK(
      inkling_session_generate(session_, inkling_str("x"), &generate_, nullptr, nullptr, &result));
  EXPECT_STREQ(inkling_result_text(result).data, "abbc");
  EXPECT_EQ(inkling_result_stop_reason(result), INKLING_STOP_CONSTRAINT);
  inkling_result_release(result);
  inkling_constraint_release(constraint);
  generate_.constraint = nullptr;

  INKLING_INIT(inkling_json_schema_options, json);
  json.spacing = 7;
  EXPECT_EQ(
      Message(inkling_constraint_from_json_schema(model_, inkling_str("{}"), &json, &constraint)),
      "spacing is 7; expected 0 to 2");
  EXPECT_EQ(constraint, nullptr);
  json.spacing = INKLING_JSON_SPACING_NONE;
  ASSERT_C_OK(inkling_constraint_from_json_schema(model_, inkling_str("{}"), &json, &constraint));
  inkling_constraint_release(constraint);
  EXPECT_EQ(Code(inkling_constraint_from_grammar(model_, inkling_str("root ::= ("), &constraint)),
            INKLING_INVALID_ARGUMENT);
  EXPECT_EQ(Code(inkling_constraint_from_grammar(nullptr, inkling_str(""), &constraint)),
            INKLING_INVALID_ARGUMENT);
}

TEST_F(CApiTest, TheTokenizerAndFacts) {
  inkling_tokens* tokens = nullptr;
  ASSERT_C_OK(inkling_model_tokenize(model_, inkling_str("Once upon"), nullptr, &tokens));
  int32_t count = 0;
  ASSERT_C_OK(inkling_model_count_tokens(model_, inkling_str("Once upon"), nullptr, &count));
  EXPECT_EQ(static_cast<size_t>(count), inkling_tokens_size(tokens));
  inkling_text* text = nullptr;
  ASSERT_C_OK(inkling_model_detokenize(model_, inkling_tokens_data(tokens),
                                       inkling_tokens_size(tokens), &text));
  EXPECT_STREQ(inkling_text_get(text).data, "Once upon");
  inkling_text_release(text);
  inkling_tokens_release(tokens);
  for (int32_t fact = 0; fact <= INKLING_DESCRIBE_SCRATCH_BYTES; ++fact) {
    EXPECT_C_OK(inkling_model_describe(model_, fact, &text));
    inkling_text_release(text);
  }
  EXPECT_EQ(Code(inkling_model_describe(model_, 99, &text)), INKLING_INVALID_ARGUMENT);
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(inkling_model_vocab_size(model_), TinyConfig().vocab_size);
  EXPECT_C_OK(inkling_model_trim(model_, INKLING_TRIM_SCRATCH));
  EXPECT_EQ(Code(inkling_model_trim(model_, 7)), INKLING_INVALID_ARGUMENT);
}

TEST_F(CApiTest, SourcesOpenAndEstimate) {
  inkling_source* source = nullptr;
  ASSERT_C_OK(inkling_source_from_path(inkling_str(path_.c_str()), &source));
  inkling_memory_estimate estimate = {};
  EXPECT_EQ(Code(inkling_model_estimate_memory(source, nullptr, nullptr, &estimate)),
            INKLING_INVALID_ARGUMENT);
  estimate.struct_size = sizeof(estimate);
  ASSERT_C_OK(inkling_model_estimate_memory(source, nullptr, nullptr, &estimate));
  EXPECT_GT(estimate.kv_cache, 0);
  std::vector<int64_t> done;
  INKLING_INIT(inkling_model_options, options);
  options.progress_data = &done;
  options.progress = [](void* data, int64_t done_bytes, int64_t) -> inkling_bool {
    static_cast<std::vector<int64_t>*>(data)->push_back(done_bytes);
    return 1;
  };
  inkling_model* model = nullptr;
  ASSERT_C_OK(inkling_model_open_source(source, &options, &model));
  EXPECT_FALSE(done.empty());
  inkling_model_release(model);
  options.progress = [](void*, int64_t, int64_t) -> inkling_bool { return 0; };
  EXPECT_EQ(Code(inkling_model_open_source(source, &options, &model)), INKLING_CANCELLED);
  EXPECT_EQ(model, nullptr);
  inkling_source_release(source);
}

TEST_F(CApiTest, ErrorsHaveCodesAndLeaveTheSession) {
  inkling_model* model = model_;
  EXPECT_EQ(Code(inkling_model_open(inkling_str("/no/such/file"), nullptr, &model)),
            INKLING_NOT_FOUND);
  EXPECT_EQ(model, nullptr);
  inkling_session* session = session_;
  EXPECT_EQ(Message(inkling_session_create(nullptr, nullptr, &session)), "model is NULL");
  EXPECT_EQ(session, nullptr);
  EXPECT_EQ(Message(inkling_session_prefill(nullptr, inkling_str("x"), nullptr)),
            "session is NULL");
  EXPECT_EQ(Code(inkling_session_generate(session_, inkling_str(std::string(9999, 'x').c_str()),
                                          &generate_, nullptr, nullptr, nullptr)),
            INKLING_RESOURCE_EXHAUSTED);
  EXPECT_EQ(Code(inkling_session_rewind(session_, 5)), INKLING_OUT_OF_RANGE);
  EXPECT_EQ(inkling_session_position(session_), 0);
  inkling_result* result = nullptr;
  EXPECT_C_OK(inkling_session_generate(session_, inkling_str("ok"), &generate_, StopAtOnce, nullptr,
                                       &result));
  EXPECT_EQ(inkling_result_stop_reason(result), INKLING_STOP_CALLBACK);
  inkling_result_release(result);
  inkling_session_cancel(session_);
  inkling_session_cancel(nullptr);
}

TEST_F(CApiTest, ModelsMayGoBeforeSessions) {
  inkling_model_release(model_);
  model_ = nullptr;
  inkling_result* result = nullptr;
  ASSERT_C_OK(
      inkling_session_generate(session_, inkling_str("x"), &generate_, nullptr, nullptr, &result));
  EXPECT_EQ(inkling_result_num_tokens(result), 10u);
  inkling_result_release(result);
}

TEST(CApiVersionTest, HeaderAndLibraryAgree) {
  EXPECT_EQ(inkling_abi_version(), INKLING_ABI_VERSION);
  EXPECT_STREQ(inkling_version(), "0.1.0");
  EXPECT_EQ(inkling_result_num_tokens(nullptr), 0u);
  EXPECT_EQ(inkling_status_code(nullptr), INKLING_OK);
}

}  // namespace
}  // namespace inkling
