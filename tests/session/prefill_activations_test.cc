// ModelOptions::prefill_activations: what is described, and that text doesn't depend on drafts.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/format/element_type.h"
#include "tests/session/session_fixture.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};

class PrefillActivationsTest : public SessionTest {
 protected:
  std::shared_ptr<const LlmModel> OpenInt8(const ModelOptions& options) {
    ModelConfig config = TinyConfig();
    config.feed_forward_dim = 64;
    config.context_length = 700;
    const std::string path = directory_.File("int8.tflite");
    EXPECT_OK(WriteRandomModel(path, config, kInt8, kInt8, 1));
    absl::StatusOr<MemoryEstimate> estimate = LlmModel::EstimateMemory(path, options);
    absl::StatusOr<std::shared_ptr<const LlmModel>> model = LlmModel::Open(path, options);
    EXPECT_OK(estimate);
    EXPECT_OK(model);
    if (!model.ok() || !estimate.ok()) return nullptr;
    EXPECT_EQ((*model)->Describe().scratch_bytes, estimate->scratch);
    return *model;
  }
};

TEST_F(PrefillActivationsTest, AreDescribed) {
  ModelOptions options;
  options.num_threads = 1;
  options.prefill_activations = ActivationPrecision::kInt8;
  const ModelDescription int8 = OpenInt8(options)->Describe();
  EXPECT_EQ(int8.prefill_activations, "int8");
  options.prefill_activations = ActivationPrecision::kFloat;
  const ModelDescription floats = OpenInt8(options)->Describe();
  EXPECT_EQ(floats.prefill_activations, "float from 9 rows on");
  EXPECT_GT(floats.scratch_bytes, int8.scratch_bytes);
  EXPECT_EQ(floats.packed_weight_bytes, int8.packed_weight_bytes);
  options.prefill_activations = ActivationPrecision::kAuto;
  EXPECT_FALSE(OpenInt8(options)->Describe().prefill_activations.empty());
}

// Drafts are checked by few rows, which have the bits of generated tokens.
TEST_F(PrefillActivationsTest, FloatsGiveTheSameTextWithAndWithoutDrafts) {
  ModelOptions options;
  options.num_threads = 1;
  options.prefill_chunk = 32;
  options.prefill_activations = ActivationPrecision::kFloat;
  const auto model = OpenInt8(options);
  GenerateOptions generate = GreedyOptions(500);
  generate.max_draft_tokens = 0;
  generate.return_log_probabilities = true;
  const std::string prompt = "one two three four, one two three four, one two three four, one";
  const auto plain_session = NewSession(model);
  ASSERT_OK_AND_ASSIGN(const GenerateResult plain,
                       plain_session->Generate(prompt, generate, IgnoreText));
  for (const int32_t drafted : {1, 3, 7}) {
    generate.max_draft_tokens = drafted;
    const auto session = NewSession(model);
    ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                         session->Generate(prompt, generate, IgnoreText));
    EXPECT_GT(result.num_draft_tokens, 0);
    EXPECT_EQ(result.tokens, plain.tokens) << drafted;
    EXPECT_EQ(result.log_probabilities, plain.log_probabilities) << drafted;
  }
}

}  // namespace
}  // namespace inkling
