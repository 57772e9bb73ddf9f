// Runs prefill and decode of a small random model between marks for valgrind's callgrind, which
// counts the instructions of each, or on Arm for qemu with qemu_counter.c. check.py and
// count_arm.py start it and compare.
//
// usage: counted_passes --write FOLDER | counted_passes FOLDER [auto|int8|float]
//
// The first form writes the model files and isn't counted; the second may say what prefill
// multiplies with quantised weights. Everything goes through the public API
// with one thread, so that the count is of what an app pays and is the same in every run.

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "examples/programs/prefill_flag.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"
#include "tests/testing/random_model.h"

#if defined(INKLING_HAS_VALGRIND)
#include <valgrind/callgrind.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#define INKLING_HAS_QEMU_MARKS 1
#else
#define INKLING_HAS_QEMU_MARKS 0
#endif

namespace inkling {
namespace {

constexpr int32_t kPromptTokens = 128;
constexpr int32_t kNewTokens = 32;

struct CountedModel {
  absl::string_view name;
  TensorType type;
};

constexpr CountedModel kModels[] = {
    {"int8", {ElementType::kInt8Channel, 0}},
    {"int4", {ElementType::kInt4Channel, 0}},
    {"int4_32", {ElementType::kInt4Block, 32}},
};

// A gated decoder with grouped heads; wide enough that matmuls are most of the work, small enough
// that valgrind takes seconds.
ModelConfig CountedConfig() {
  ModelConfig config = TinyConfig();
  config.vocab_size = 2048;
  config.hidden_dim = 256;
  config.num_layers = 2;
  config.context_length = 256;
  config.num_heads = 4;
  config.num_kv_heads = 1;
  config.head_dim = 64;
  config.feed_forward_dim = 1024;
  config.rotary_dim = 64;
  config.rope_tables = {RopeTable(64, 10000.0)};
  config.attention_scale = 0.125f;
  return config;
}

std::string FileOf(const CountedModel& model, const std::string& folder) {
  return folder + "/" + std::string(model.name) + ".tflite";
}

absl::Status WriteModels(const std::string& folder) {
  constexpr TensorType kEmbedding = {ElementType::kInt8Channel, 0};
  for (const CountedModel& model : kModels) {
    ABSL_RETURN_IF_ERROR(
        WriteRandomModel(FileOf(model, folder), CountedConfig(), model.type, kEmbedding, 1)
            .status());
  }
  return absl::OkStatus();
}

// What stands around the passes in what counts them.
class InstructionCounter {
 public:
  // Forgets what was counted.
  void Start() {
#if defined(INKLING_HAS_VALGRIND)
    CALLGRIND_ZERO_STATS;
#endif
    MarkForQemu(0);
  }

  // Writes what was counted under a name that the scripts look for.
  void Write(const std::string& name) {
#if defined(INKLING_HAS_VALGRIND)
    CALLGRIND_DUMP_STATS_AT(name.c_str());
#endif
    MarkForQemu(++marks_);
    if (INKLING_HAS_QEMU_MARKS) std::cout << "mark " << marks_ << " " << name << "\n";
  }

 private:
  // A system call that fails and does nothing, which qemu_counter.c sees.
  static void MarkForQemu(int number) {
#if INKLING_HAS_QEMU_MARKS
    (void)syscall(SYS_write, -1, nullptr, number);
#else
    (void)number;
#endif
  }

  int marks_ = 0;
};

// A fresh prompt and `new_tokens` after it, as greedy text.
absl::Status Generate(LlmSession& session, int32_t new_tokens) {
  std::vector<int32_t> prompt;
  for (int32_t i = 0; i < kPromptTokens; ++i) prompt.push_back(i * 7 % 256);
  GenerateOptions options;
  options.max_new_tokens = new_tokens;
  options.sampling.temperature = 0;
  options.ignore_model_stop_tokens = true;
  options.max_draft_tokens = 0;
  ABSL_RETURN_IF_ERROR(session.Reset());
  return session.GenerateFromTokens(prompt, options).status();
}

absl::Status CountModel(const CountedModel& model, const std::string& folder, ModelOptions options,
                        InstructionCounter& counter) {
  options.num_threads = 1;
  options.prefill_chunk = kPromptTokens;
  ABSL_ASSIGN_OR_RETURN(const std::shared_ptr<const LlmModel> opened,
                        LlmModel::Open(FileOf(model, folder), options));
  SessionOptions session_options;
  session_options.context_length = kPromptTokens + kNewTokens + 2;
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<LlmSession> session,
                        LlmSession::Create(opened, session_options));
  const ModelDescription description = opened->Describe();
  std::cout << "kernels " << description.kernel_class << " " << description.simd_target << "\n";
  // The first calls load pages and symbols.
  ABSL_RETURN_IF_ERROR(Generate(*session, 2));
  counter.Start();
  ABSL_RETURN_IF_ERROR(Generate(*session, 1));
  counter.Write(std::string(model.name) + " prefill " + std::to_string(kPromptTokens));
  counter.Start();
  ABSL_RETURN_IF_ERROR(Generate(*session, 1 + kNewTokens));
  counter.Write(std::string(model.name) + " prefill_and_decode " + std::to_string(kNewTokens));
  return absl::OkStatus();
}

absl::Status Run(int argc, char** argv) {
  if (argc == 3 && absl::string_view(argv[1]) == "--write") return WriteModels(argv[2]);
  const auto choice = argc == 3 ? PrefillChoices().find(argv[2]) : PrefillChoices().find("auto");
  if (argc < 2 || argc > 3 || choice == PrefillChoices().end()) {
    return absl::InvalidArgumentError(
        "usage: counted_passes --write FOLDER | counted_passes FOLDER [auto|int8|float]");
  }
  ModelOptions options;
  options.prefill_activations = choice->second;
#if !defined(INKLING_HAS_VALGRIND)
  std::cout << "built without valgrind\n";
#endif
  InstructionCounter counter;
  for (const CountedModel& model : kModels) {
    ABSL_RETURN_IF_ERROR(CountModel(model, argv[1], options, counter));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  const absl::Status status = inkling::Run(argc, argv);
  if (status.ok()) return 0;
  std::cerr << "counted_passes: " << status << "\n";
  return 1;
}
