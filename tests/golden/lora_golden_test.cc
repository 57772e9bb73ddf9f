// LoRA adapters: PEFT's own, with the numbers that peft computed for them, and made-up ones for
// every linear layer of every golden checkpoint, held against checkpoints whose weights have the
// update added.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "converter/convert.h"
#include "converter/lora/lora_conversion.h"
#include "converter/lora/peft_adapter.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "inkling/lora_adapter.h"
#include "nlohmann/json.hpp"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/golden/golden_data.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

constexpr float kTolerance = 1e-3f;
constexpr int64_t kRank = 3;

std::string GoldenFolder(const std::string& name) {
  return absl::StrCat(INKLING_TEST_DATA_DIR, "/golden/", name);
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class LoraGoldenTest : public ::testing::Test {
 protected:
  // A model file of `checkpoint`.
  std::string Convert(const std::string& checkpoint, const std::string& name,
                      ElementType weights = ElementType::kF32, const std::string& tokenizer = "") {
    const std::string path = temp_.File(name);
    ConvertOptions options;
    options.weights = {weights, 0};
    options.tokenizer_path = tokenizer;
    EXPECT_OK(ConvertCheckpoint(checkpoint, path, options));
    return path;
  }

  static std::shared_ptr<const LlmModel> Open(const std::string& path, int32_t chunk = 128) {
    ModelOptions options;
    options.num_threads = 2;
    options.prefill_chunk = chunk;
    absl::StatusOr<std::shared_ptr<const LlmModel>> model = LlmModel::Open(path, options);
    EXPECT_OK(model);
    return model.ok() ? *model : nullptr;
  }

  static std::unique_ptr<LlmSession> NewSession(const std::shared_ptr<const LlmModel>& model,
                                                std::vector<WeightedAdapter> adapters) {
    SessionOptions options;
    options.kv_cache_type = KvCacheType::kFloat32;
    options.adapters = std::move(adapters);
    absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Create(model, options);
    EXPECT_OK(session);
    return session.ok() ? *std::move(session) : nullptr;
  }

  struct Answer {
    std::vector<float> logits;  // behind the prompt
    std::vector<int32_t> tokens;
  };
  static Answer Run(LlmSession& session, const std::vector<int32_t>& prompt, size_t num_tokens) {
    Answer answer;
    GenerateOptions options;
    options.max_new_tokens = static_cast<int32_t>(num_tokens);
    options.sampling.temperature = 0;
    options.ignore_model_stop_tokens = true;
    options.logits_processor = [&](absl::Span<const int32_t>, absl::Span<float> logits) {
      if (answer.logits.empty()) answer.logits.assign(logits.begin(), logits.end());
    };
    const auto result = session.GenerateFromTokens(prompt, options);
    EXPECT_OK(result);
    if (result.ok()) answer.tokens = result->tokens;
    return answer;
  }

  static void ExpectNear(absl::Span<const float> found, absl::Span<const float> expected) {
    ASSERT_EQ(found.size(), expected.size());
    float largest = 0;
    float size = 1;
    for (size_t i = 0; i < found.size(); ++i) {
      largest = std::max(largest, std::fabs(found[i] - expected[i]));
      size = std::max(size, std::fabs(expected[i]));
    }
    EXPECT_LE(largest, kTolerance * std::max(1.0f, size / 30)) << "logits up to " << size;
  }

  TempDir temp_;
};

struct PeftCase {
  const char* adapter;
  const char* base;
};

class PeftGoldenTest : public LoraGoldenTest, public ::testing::WithParamInterface<PeftCase> {};

TEST_P(PeftGoldenTest, GivesWhatPeftComputed) {
  const std::string folder = GoldenFolder(absl::StrCat("lora/", GetParam().adapter));
  const std::string base = Convert(GoldenFolder(GetParam().base), "base.tflite");
  const std::string path = temp_.File("adapter.tflite");
  ASSERT_OK(ConvertLora(folder, path, base));
  ASSERT_OK_AND_ASSIGN(const std::vector<GoldenPrompt> prompts,
                       ReadGoldenPrompts(folder + "/golden.json"));
  for (const int32_t chunk : {1, 5, 128}) {
    const auto model = Open(base, chunk);
    ASSERT_OK_AND_ASSIGN(const auto adapter, LoraAdapter::Load(model, path));
    for (const GoldenPrompt& prompt : prompts) {
      SCOPED_TRACE(absl::StrCat(prompt.name, ", chunks of ", chunk));
      const auto session = NewSession(model, {{adapter}});
      const Answer answer = Run(*session, prompt.tokens, prompt.greedy.size());
      ExpectNear(answer.logits, prompt.last_logits);
      EXPECT_EQ(answer.tokens, prompt.greedy);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Adapters, PeftGoldenTest,
                         ::testing::Values(PeftCase{"gemma", "gemma"}, PeftCase{"llama", "llama"},
                                           PeftCase{"llama_rslora", "llama"},
                                           PeftCase{"phi", "phi"}),
                         [](const auto& param) { return std::string(param.param.adapter); });

// A made-up adapter for every matrix of the layers of a checkpoint.
struct MadeUpAdapter {
  std::vector<FixtureTensor> tensors;
  nlohmann::json config = {{"peft_type", "LORA"},
                           {"r", kRank},
                           {"lora_alpha", 6},
                           {"bias", "none"},
                           {"fan_in_fan_out", false}};

  // Adds alpha / rank * B A to the checkpoint's matrices, and A and B to the adapter.
  void AddTo(TinyCheckpoint& checkpoint) {
    for (FixtureTensor& weight : checkpoint.tensors) {
      const bool in_layer =
          absl::StrContains(weight.name, ".layers.") || absl::StrContains(weight.name, ".h.");
      if (!in_layer || weight.shape.size() != 2 || !absl::EndsWith(weight.name, ".weight"))
        continue;
      const std::string module = weight.name.substr(0, weight.name.size() - 7);
      const int64_t outputs = weight.shape[0];
      const int64_t inputs = weight.shape[1];
      const std::vector<float> down = FixtureValues(module + "A", kRank * inputs);
      const std::vector<float> up = FixtureValues(module + "B", outputs * kRank);
      tensors.push_back({absl::StrCat("base_model.model.", module, ".lora_A.weight"),
                         "F32",
                         {kRank, inputs},
                         down});
      tensors.push_back({absl::StrCat("base_model.model.", module, ".lora_B.weight"),
                         "F32",
                         {outputs, kRank},
                         up});
      weight.dtype = "F32";
      for (int64_t o = 0; o < outputs; ++o) {
        for (int64_t i = 0; i < inputs; ++i) {
          double sum = 0;
          for (int64_t j = 0; j < kRank; ++j) {
            sum += static_cast<double>(up[static_cast<size_t>(o * kRank + j)]) *
                   down[static_cast<size_t>(j * inputs + i)];
          }
          weight.values[static_cast<size_t>(o * inputs + i)] += static_cast<float>(2 * sum);
        }
      }
    }
  }

  void Write(const std::string& folder) const {
    std::filesystem::create_directories(folder);
    WriteFile(folder + "/adapter_config.json", config.dump());
    WriteFile(folder + "/adapter_model.safetensors", SafetensorsBytes(tensors));
  }
};

class MergedTest : public LoraGoldenTest, public ::testing::WithParamInterface<const char*> {
 protected:
  // Holds a model with the adapter against the model that has it inside.
  void CheckMerged(TinyCheckpoint checkpoint, const std::string& tokenizer) {
    const std::string plain_folder = temp_.File("plain");
    const std::string merged_folder = temp_.File("merged");
    std::filesystem::create_directories(plain_folder);
    std::filesystem::create_directories(merged_folder);
    checkpoint.Write(plain_folder);
    MadeUpAdapter adapter;
    adapter.AddTo(checkpoint);
    ASSERT_FALSE(adapter.tensors.empty());
    checkpoint.Write(merged_folder);
    adapter.Write(temp_.File("adapter"));
    const std::string base = Convert(plain_folder, "base.tflite", ElementType::kF32, tokenizer);
    const std::string path = temp_.File("adapter.tflite");
    ASSERT_OK_AND_ASSIGN(const LoraSummary summary, ConvertLora(temp_.File("adapter"), path, base));
    EXPECT_EQ(summary.highest_rank, kRank);
    const auto model = Open(base, 5);
    const auto merged =
        Open(Convert(merged_folder, "merged.tflite", ElementType::kF32, tokenizer), 5);
    ASSERT_OK_AND_ASSIGN(const auto loaded, LoraAdapter::Load(model, path));
    const std::vector<int32_t> prompt = {5, 17, 30, 2, 44, 8, 61, 12, 3, 9, 25, 7};
    const auto session = NewSession(model, {{loaded}});
    const Answer with_adapter = Run(*session, prompt, 8);
    ExpectNear(with_adapter.logits, Run(*NewSession(merged, {}), prompt, 8).logits);
    // Off again, half, and twice half: what fresh sessions give, to the bit.
    const Answer without = Run(*NewSession(model, {}), prompt, 8);
    EXPECT_NE(with_adapter.logits, without.logits);
    ASSERT_OK(session->SetAdapters({}));
    ASSERT_OK(session->Reset());
    EXPECT_EQ(Run(*session, prompt, 8).logits, without.logits);
    const Answer halves = Run(*NewSession(model, {{loaded, 0.5f}, {loaded, 0.5f}}), prompt, 8);
    ExpectNear(halves.logits, with_adapter.logits);
  }
};

TEST_P(MergedTest, AnAdapterIsWhatItsSumWithTheWeightsIs) {
  const std::string folder = GoldenFolder(GetParam());
  CheckMerged(TinyCheckpoint::Read(folder), folder + "/tokenizer.json");
}

INSTANTIATE_TEST_SUITE_P(Families, MergedTest,
                         ::testing::Values("falcon_rw", "gemma", "gemma2", "gemma3", "llama",
                                           "llama3", "phi", "qwen2", "qwen3", "stablelm"));

class JoinedTest : public MergedTest {};

TEST_P(JoinedTest, JoinedMatricesAreSplitAsTheRecipeSplitsThem) {
  TinyCheckpoint checkpoint;
  checkpoint.config["model_type"] = "phi3";
  checkpoint.config["architectures"] = {"Phi3ForCausalLM"};
  for (int layer = 0; layer < 2; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    checkpoint.Join({prefix + "self_attn.q_proj.weight", prefix + "self_attn.k_proj.weight",
                     prefix + "self_attn.v_proj.weight"},
                    prefix + "self_attn.qkv_proj.weight");
    checkpoint.Join({prefix + "mlp.gate_proj.weight", prefix + "mlp.up_proj.weight"},
                    prefix + "mlp.gate_up_proj.weight");
  }
  CheckMerged(checkpoint, "");
}

INSTANTIATE_TEST_SUITE_P(Families, JoinedTest, ::testing::Values("phi3"));

class LoraUseTest : public LoraGoldenTest {
 protected:
  void SetUp() override {
    base_ = Convert(GoldenFolder("llama"), "base.tflite");
    for (const char* name : {"llama", "llama_rslora"}) {
      paths_.push_back(temp_.File(absl::StrCat(name, ".tflite")));
      ASSERT_OK(ConvertLora(GoldenFolder(absl::StrCat("lora/", name)), paths_.back(), base_));
    }
  }
  std::string base_;
  std::vector<std::string> paths_;
  const std::vector<int32_t> prompt_ = {5, 17, 30, 2, 44, 8, 61, 12, 3, 9, 25, 7};
};

TEST_F(LoraUseTest, SwappedBetweenTurnsIsAsFresh) {
  const auto model = Open(base_);
  ASSERT_OK_AND_ASSIGN(const auto first, LoraAdapter::Load(model, paths_[0]));
  ASSERT_OK_AND_ASSIGN(const auto second, LoraAdapter::Load(model, paths_[1]));
  const auto session = NewSession(model, {{first}});
  Run(*session, prompt_, 6);
  ASSERT_OK(session->SetAdapters({{second}, {first, -0.5f}}));
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> tokens, session->tokens());
  const auto fresh = NewSession(model, {{second}, {first, -0.5f}});
  EXPECT_EQ(Run(*session, {9, 4}, 10).tokens, [&] {
    std::vector<int32_t> all = tokens;
    all.insert(all.end(), {9, 4});
    return Run(*fresh, all, 10).tokens;
  }());
  EXPECT_THAT(session->SetAdapters({{first}}, AdapterChange::kRefuse),
              MatchesStatus(absl::StatusCode::kFailedPrecondition, {"other adapters"}));
  ASSERT_OK(session->SetAdapters({{second}, {first, -0.5f}}, AdapterChange::kRefuse));
}

TEST_F(LoraUseTest, SessionsOfOneModelHaveTheirOwn) {
  const auto model = Open(base_);
  ASSERT_OK_AND_ASSIGN(const auto adapter, LoraAdapter::Load(model, paths_[0]));
  const auto with_adapter = NewSession(model, {{adapter}});
  const auto without = NewSession(model, {});
  const auto alone_with = Run(*NewSession(model, {{adapter}}), prompt_, 12);
  const auto alone_without = Run(*NewSession(model, {}), prompt_, 12);
  EXPECT_NE(alone_with.tokens, alone_without.tokens);
  std::vector<int32_t> found_with = Run(*with_adapter, prompt_, 4).tokens;
  std::vector<int32_t> found_without = Run(*without, prompt_, 4).tokens;
  for (int i = 0; i < 2; ++i) {
    for (const int32_t token : Run(*with_adapter, {}, 4).tokens) found_with.push_back(token);
    for (const int32_t token : Run(*without, {}, 4).tokens) found_without.push_back(token);
  }
  EXPECT_EQ(found_with, alone_with.tokens);
  EXPECT_EQ(found_without, alone_without.tokens);
}

TEST_F(LoraUseTest, ForksSavedSessionsAndDraftsComputeWithIt) {
  const auto model = Open(base_);
  ASSERT_OK_AND_ASSIGN(const auto adapter, LoraAdapter::Load(model, paths_[0]));
  const auto session = NewSession(model, {{adapter}});
  Run(*session, prompt_, 4);
  ASSERT_OK_AND_ASSIGN(const auto fork, session->Fork());
  const std::string saved = temp_.File("saved");
  ASSERT_OK(session->Save(saved));
  const std::vector<int32_t> expected = Run(*session, {}, 8).tokens;
  EXPECT_EQ(Run(*fork, {}, 8).tokens, expected);
  SessionOptions options;
  options.kv_cache_type = KvCacheType::kFloat32;
  EXPECT_THAT(LlmSession::Load(model, saved, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"adapters", "found none"}));
  options.adapters = {{adapter}};
  ASSERT_OK_AND_ASSIGN(const auto loaded, LlmSession::Load(model, saved, options));
  EXPECT_EQ(Run(*loaded, {}, 8).tokens, expected);
}

TEST_F(LoraUseTest, QuantisedModelsOfTheCheckpointTakeTheSameFile) {
  const auto model = Open(Convert(GoldenFolder("llama"), "int8.tflite", ElementType::kInt8Channel));
  ASSERT_OK_AND_ASSIGN(const auto adapter, LoraAdapter::Load(model, paths_[0]));
  const auto exact_model = Open(base_);
  ASSERT_OK_AND_ASSIGN(const auto exact, LoraAdapter::Load(exact_model, paths_[0]));
  EXPECT_LT(adapter->description().bytes, exact->description().bytes);
  const auto found = Run(*NewSession(model, {{adapter}}), prompt_, 1).logits;
  const auto expected = Run(*NewSession(exact_model, {{exact}}), prompt_, 1).logits;
  double error = 0;
  double size = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    error += (found[i] - expected[i]) * (found[i] - expected[i]);
    size += expected[i] * expected[i];
  }
  EXPECT_LT(std::sqrt(error / size), 0.08) << "int8 weights of a tiny random model";
}

TEST_F(LoraUseTest, WhatDoesntFitIsAnErrorThatSaysSo) {
  const auto model = Open(base_);
  const std::string other = Convert(GoldenFolder("phi"), "phi.tflite");
  const auto other_model = Open(other);
  EXPECT_THAT(LoraAdapter::Load(other_model, paths_[0]),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"another checkpoint"}));
  EXPECT_THAT(LoraAdapter::Load(model, base_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"expected a LoRA adapter"}));
  EXPECT_THAT(LlmModel::Open(paths_[0]),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"found a LoRA adapter"}));
  EXPECT_THAT(ConvertLora(GoldenFolder("lora/phi"), temp_.File("x"), base_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"doesn't fit the base model"}));
  ASSERT_OK_AND_ASSIGN(const auto adapter, LoraAdapter::Load(model, paths_[0]));
  const auto session = NewSession(model, {});
  EXPECT_THAT(session->SetAdapters({{nullptr}}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"adapters[0] is null"}));
  EXPECT_THAT(session->SetAdapters({{adapter, NAN}}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"adapters[0].weight"}));
  EXPECT_THAT(session->SetAdapters(std::vector<WeightedAdapter>(9, {adapter})),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"at most 8"}));
  EXPECT_THAT(NewSession(Open(base_), {})->SetAdapters({{adapter}}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"loaded for another model"}));
}

TEST_F(LoraUseTest, EveryDamagedByteIsFound) {
  const auto model = Open(base_);
  std::ifstream in(paths_[1], std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const std::string path = temp_.File("damaged.tflite");
  const size_t step = bytes.size() / 400 + 1;
  size_t accepted = 0;
  for (size_t i = 0; i < bytes.size(); i += step) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    WriteFile(path, damaged);
    if (LoraAdapter::Load(model, path).ok()) ++accepted;
  }
  // Between matrices lie bytes that nothing reads.
  EXPECT_LE(accepted, 400u / 20);
  for (const size_t size : {size_t{0}, size_t{10}, bytes.size() / 2, bytes.size() - 1}) {
    WriteFile(path, bytes.substr(0, size));
    EXPECT_FALSE(LoraAdapter::Load(model, path).ok()) << size;
  }
}

TEST(PeftConfigTest, WhatInklingCantDoIsRefusedByName) {
  const TempDir temp;
  TinyCheckpoint checkpoint;
  const std::string plain = temp.File("plain");
  std::filesystem::create_directories(plain);
  checkpoint.Write(plain);
  ASSERT_OK(ConvertCheckpoint(plain, temp.File("base.tflite"), {}));
  MadeUpAdapter adapter;
  adapter.AddTo(checkpoint);
  const auto expect = [&](const nlohmann::json& changes, absl::StatusCode code,
                          const std::string& named) {
    MadeUpAdapter changed = adapter;
    changed.config.update(changes);
    changed.Write(temp.File("adapter"));
    EXPECT_THAT(ConvertLora(temp.File("adapter"), temp.File("out"), temp.File("base.tflite")),
                MatchesStatus(code, {named}));
  };
  expect({{"use_dora", true}}, absl::StatusCode::kUnimplemented, "use_dora");
  expect({{"bias", "all"}}, absl::StatusCode::kUnimplemented, "bias");
  expect({{"modules_to_save", {"lm_head"}}}, absl::StatusCode::kUnimplemented, "modules_to_save");
  expect({{"init_lora_weights", "pissa_niter_4"}}, absl::StatusCode::kUnimplemented, "pissa");
  expect({{"peft_type", "IA3"}}, absl::StatusCode::kUnimplemented, "peft_type");
  expect({{"r", 4}}, absl::StatusCode::kInvalidArgument, "rank");
  expect({{"rank_pattern", {{"q_proj", 7}}}}, absl::StatusCode::kInvalidArgument, "q_proj");
  expect({{"rank_pattern", {{"(?=q)q_proj", 3}}}}, absl::StatusCode::kUnimplemented,
         "rank_pattern: \"(?=q)q_proj\": regular expression: '(?=' (looking around)");
  expect({{"alpha_pattern", {"q_proj"}}}, absl::StatusCode::kInvalidArgument,
         "alpha_pattern: expected an object");
  adapter.tensors.push_back(
      {"base_model.model.model.embed_tokens.lora_embedding_A", "F32", {3, 320}, {}});
  adapter.tensors.back().values.resize(960);
  expect(nlohmann::json::object(), absl::StatusCode::kUnimplemented, "lora_embedding_A");
}

// Where several keys match, the first in the file counts.
TEST(PeftConfigTest, PatternsCountInTheOrderOfTheFile) {
  const TempDir temp;
  TinyCheckpoint checkpoint;
  MadeUpAdapter adapter;
  adapter.AddTo(checkpoint);
  adapter.Write(temp.File("adapter"));
  for (const bool specific_first : {true, false}) {
    const std::string specific = R"("^model.layers.1.self_attn.q_proj": 30)";
    const std::string general = R"("[qk]_proj": 12)";
    WriteFile(temp.File("adapter") + "/adapter_config.json",
              absl::StrCat(R"({"peft_type": "LORA", "r": 3, "lora_alpha": 6, "alpha_pattern": {)",
                           specific_first ? specific : general, ", ",
                           specific_first ? general : specific, "}}"));
    ASSERT_OK_AND_ASSIGN(const SourceAdapter read, ReadPeftAdapter(temp.File("adapter")));
    for (const SourceModule& module : read.modules) {
      const bool is_specific = module.name == "model.layers.1.self_attn.q_proj";
      const bool is_general =
          absl::EndsWith(module.name, "q_proj") || absl::EndsWith(module.name, "k_proj");
      EXPECT_EQ(module.factor, is_specific && specific_first ? 10
                               : is_general                  ? 4
                                                             : 2)
          << module.name;
    }
  }
}

}  // namespace
}  // namespace inkling
