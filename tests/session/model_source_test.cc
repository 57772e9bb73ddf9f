// A model is the same from wherever it is opened, at any offset; and what goes wrong on the way is
// an error that says what.

#include "inkling/model_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using absl::StatusCode;

const std::vector<TensorType>& Types() {
  static const auto& types =
      *new std::vector<TensorType>{{ElementType::kF32, 0},         {ElementType::kF16, 0},
                                   {ElementType::kBf16, 0},        {ElementType::kInt8Channel, 0},
                                   {ElementType::kInt4Channel, 0}, {ElementType::kInt4Block, 32}};
  return types;
}

class ModelSourceTest : public SessionTest {
 protected:
  static ModelOptions Options() { return {.num_threads = 1, .prefill_chunk = 16}; }

  std::string Write(TensorType type, bool tied_head) {
    ModelConfig config = TinyConfig();
    config.tied_head = tied_head;
    const std::string path = directory_.File("source.tflite");
    EXPECT_OK(WriteRandomModel(path, config, type, type, 3));
    return path;
  }

  static std::string Bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // What the model says, in numbers that show every difference.
  static GenerateResult Say(const absl::StatusOr<std::shared_ptr<const LlmModel>>& model) {
    EXPECT_OK(model);
    if (!model.ok()) return {};
    GenerateOptions options = GreedyOptions(10);
    options.return_log_probabilities = true;
    absl::StatusOr<GenerateResult> result =
        NewSession(*model)->Generate("Where from does it come?", options);
    EXPECT_OK(result);
    return result.ok() ? *result : GenerateResult();
  }

  static void ExpectSame(const absl::StatusOr<std::shared_ptr<const LlmModel>>& model,
                         const GenerateResult& expected) {
    const GenerateResult found = Say(model);
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_EQ(found.log_probabilities, expected.log_probabilities);
  }

  // A reader of `bytes` that counts its calls and fails in call `failing`.
  static ModelSource Reader(const std::string& bytes, int& calls, int failing = -1) {
    return ModelSource::FromReader(
        [&bytes, &calls, failing](int64_t offset, absl::Span<std::byte> to) -> absl::Status {
          if (calls++ == failing) return absl::DataLossError("the disc is scratched");
          if (static_cast<size_t>(offset) + to.size() > bytes.size()) {
            return absl::OutOfRangeError("read behind the end");
          }
          std::memcpy(to.data(), bytes.data() + offset, to.size());
          return absl::OkStatus();
        },
        static_cast<int64_t>(bytes.size()));
  }
};

TEST_F(ModelSourceTest, SaysTheSameFromEverywhere) {
  for (const TensorType type : Types()) {
    for (const bool tied_head : {false, true}) {
      SCOPED_TRACE(absl::StrCat(TensorTypeName(type), tied_head ? ", tied" : ""));
      const std::string path = Write(type, tied_head);
      const std::string bytes = Bytes(path);
      const GenerateResult expected = Say(LlmModel::Open(path, Options()));
      ExpectSame(LlmModel::Open(ModelSource::FromPath(path), Options()), expected);
      int calls = 0;
      ExpectSame(LlmModel::Open(Reader(bytes, calls), Options()), expected);
      EXPECT_GT(calls, 1);
      for (const size_t offset : {0, 1, 2, 4, 60, 64, 4095, 4096, 4100, 70000}) {
        SCOPED_TRACE(offset);
        const std::string packed_path = directory_.File("assets.zip");
        std::ofstream(packed_path, std::ios::binary)
            << std::string(offset, 'x') << bytes << "what follows";
        const int descriptor = open(packed_path.c_str(), O_RDONLY);
        absl::StatusOr<std::shared_ptr<const LlmModel>> model =
            LlmModel::Open(ModelSource::FromDescriptor(descriptor, static_cast<int64_t>(offset),
                                                       static_cast<int64_t>(bytes.size())),
                           Options());
        close(descriptor);
        ExpectSame(model, expected);
        if (offset > 64) continue;
        std::vector<char> memory(offset + bytes.size() + 64);
        char* begin = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64);
        std::copy(bytes.begin(), bytes.end(), begin + offset);
        ExpectSame(
            LlmModel::Open(ModelSource::FromMemory(
                               {reinterpret_cast<const std::byte*>(begin) + offset, bytes.size()}),
                           Options()),
            expected);
      }
    }
  }
}

TEST_F(ModelSourceTest, RangesThatAreNotThereAreRefused) {
  const std::string path = Write({ElementType::kInt8Channel, 0}, false);
  const auto size = static_cast<int64_t>(Bytes(path).size());
  const int descriptor = open(path.c_str(), O_RDONLY);
  const absl::Cleanup close_it = [&] { close(descriptor); };
  const auto open_range = [&](int64_t offset, int64_t length) {
    return LlmModel::Open(ModelSource::FromDescriptor(descriptor, offset, length), Options())
        .status();
  };
  EXPECT_OK(open_range(0, -1));
  for (const auto& [offset, length] : std::vector<std::pair<int64_t, int64_t>>{
           {-1, 10}, {0, 0}, {0, -2}, {0, size + 1}, {size, -1}, {INT64_MAX, INT64_MAX}}) {
    EXPECT_THAT(open_range(offset, length),
                MatchesStatus(StatusCode::kInvalidArgument, {"expected a range"}));
  }
  EXPECT_THAT(open_range(0, size - 1), MatchesStatus(StatusCode::kInvalidArgument, {"descriptor"}));
  EXPECT_THAT(open_range(64, -1), MatchesStatus(StatusCode::kInvalidArgument));
  EXPECT_FALSE(LlmModel::Open(ModelSource::FromDescriptor(-1), Options()).ok());
  EXPECT_THAT(LlmModel::Open(ModelSource::FromMemory({}), Options()),
              MatchesStatus(StatusCode::kInvalidArgument, {"no bytes"}));
  EXPECT_THAT(LlmModel::Open(ModelSource::FromReader(nullptr, 10), Options()),
              MatchesStatus(StatusCode::kInvalidArgument, {"function"}));
  int calls = 0;
  const std::string text = "GGUF and so on, long enough to be looked into by whoever opens it.";
  EXPECT_THAT(LlmModel::Open(Reader(text, calls), Options()),
              MatchesStatus(StatusCode::kInvalidArgument, {"the reader's model"}));
  EXPECT_THAT(
      LlmModel::Open(ModelSource::FromReader(
                         [](int64_t, absl::Span<std::byte>) { return absl::OkStatus(); }, 0),
                     Options()),
      MatchesStatus(StatusCode::kInvalidArgument, {"at least 1 byte"}));
}

TEST_F(ModelSourceTest, EveryErrorOfAReaderComesBack) {
  const std::string bytes = Bytes(Write({ElementType::kInt4Channel, 0}, true));
  int needed = 0;
  ASSERT_OK(LlmModel::Open(Reader(bytes, needed), Options()));
  for (int failing = 0; failing < needed; ++failing) {
    int calls = 0;
    EXPECT_THAT(LlmModel::Open(Reader(bytes, calls, failing), Options()),
                MatchesStatus(StatusCode::kDataLoss, {"scratched"}))
        << failing;
    EXPECT_EQ(calls, failing + 1);
  }
}

TEST_F(ModelSourceTest, ProgressEndsWithAllBytes) {
  const std::string path = Write({ElementType::kInt8Channel, 0}, false);
  std::vector<LoadProgress> seen;
  ModelOptions options = Options();
  options.progress = [&](const LoadProgress& progress) {
    seen.push_back(progress);
    return true;
  };
  ASSERT_OK(LlmModel::Open(path, options));
  ASSERT_GT(seen.size(), 10u);  // behind each matrix
  EXPECT_EQ(seen.front().done_bytes, 0);
  for (size_t i = 1; i < seen.size(); ++i) {
    EXPECT_GT(seen[i].done_bytes, seen[i - 1].done_bytes);
    EXPECT_EQ(seen[i].total_bytes, seen[0].total_bytes);
  }
  EXPECT_EQ(seen.back().done_bytes, seen.back().total_bytes);
}

TEST_F(ModelSourceTest, EveryStepCanBeCancelled) {
  const std::string path = Write({ElementType::kInt8Channel, 0}, true);
  const std::string bytes = Bytes(path);
  for (const bool kept : {false, true}) {  // packing, and mapping what was packed
    ModelOptions options = Options();
    if (kept) {
      options.cache_dir = testing::TempDir();
      ASSERT_OK(LlmModel::Open(path, options));
    }
    int steps = 0;
    options.progress = [&](const LoadProgress&) { return ++steps > 0; };
    ASSERT_OK(LlmModel::Open(path, options));
    for (int last = 0; last < steps; ++last) {
      int step = 0;
      options.progress = [&](const LoadProgress&) { return step++ < last; };
      int calls = 0;
      EXPECT_THAT(LlmModel::Open(Reader(bytes, calls), options),
                  MatchesStatus(StatusCode::kCancelled, {"opening the model"}));
      EXPECT_EQ(step, last + 1);  // it isn't asked again
    }
  }
}

// Of this process, in bytes; 0 where the system doesn't say.
int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0;
  int64_t resident = 0;
  file >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST_F(ModelSourceTest, AReadersModelIsNeverInMemoryTwice) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have memory of their own";
#endif
  if (ResidentBytes() == 0) GTEST_SKIP() << "the system doesn't say what is resident";
  ModelConfig config = TinyConfig();
  config.hidden_dim = 512;
  config.feed_forward_dim = 2048;
  config.num_layers = 12;
  config.layers.assign(12, LayerConfig());
  const std::string path = directory_.File("large.tflite");
  ASSERT_OK(WriteRandomModel(path, config, {ElementType::kInt8Channel, 0},
                             {ElementType::kInt8Channel, 0}, 3));
  const int descriptor = open(path.c_str(), O_RDONLY);
  const absl::Cleanup close_it = [&] { close(descriptor); };
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path));
  const ModelSource source = ModelSource::FromReader(
      [&](int64_t offset, absl::Span<std::byte> to) -> absl::Status {
        if (pread(descriptor, to.data(), to.size(), offset) == static_cast<ssize_t>(to.size()))
          return absl::OkStatus();
        return absl::DataLossError("a short read");
      },
      size);
  int64_t peak = 0;
  ModelOptions options = Options();
  options.progress = [&](const LoadProgress&) {
    peak = std::max(peak, ResidentBytes());
    return true;
  };
  ASSERT_OK(LlmModel::Open(source, options));  // what is allocated once for all models
  const int64_t before = ResidentBytes();
  peak = 0;
  ASSERT_OK_AND_ASSIGN(const auto model, LlmModel::Open(source, options));
  const ModelDescription description = model->Describe();
  const int64_t expected = description.packed_weight_bytes + description.scratch_bytes;
  EXPECT_GT(size, int64_t{30} << 20);
  // One matrix is 1 MiB; pages on which two matrices meet stay until both are packed.
  EXPECT_LT(peak - before, expected + (int64_t{6} << 20));
  EXPECT_LT(ResidentBytes() - before, expected + (int64_t{6} << 20));
}

TEST_F(ModelSourceTest, EstimatesCountWhatIsKept) {
  const std::string path = Write({ElementType::kF16, 0}, false);
  const std::string bytes = Bytes(path);
  ASSERT_OK_AND_ASSIGN(const MemoryEstimate mapped, LlmModel::EstimateMemory(path, Options()));
  int calls = 0;
  ASSERT_OK_AND_ASSIGN(const MemoryEstimate read,
                       LlmModel::EstimateMemory(Reader(bytes, calls), Options()));
  const int64_t embedding = int64_t{TinyConfig().vocab_size} * TinyConfig().hidden_dim * 2;
  EXPECT_GE(read.packed_weights, mapped.packed_weights + embedding);
  EXPECT_LE(read.packed_weights, mapped.packed_weights + embedding + 4096);
  EXPECT_EQ(read.kv_cache, mapped.kv_cache);
  EXPECT_LE(calls, 2);  // the head alone
}

}  // namespace
}  // namespace inkling
