// Files of saved sessions: every damaged byte is found, every contradiction named, and whatever
// goes wrong leaves the session and the older file as they were.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/format/content_hash.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using absl::StatusCode;

class SessionFileTest : public SessionTest {
 protected:
  static SessionOptions Options() {
    SessionOptions options;
    options.kv_cache_type = KvCacheType::kFloat32;
    return options;
  }

  static std::string Saved(const LlmSession& session) {
    std::string bytes;
    EXPECT_OK(session.Save([&](absl::Span<const std::byte> piece) {
      bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      return absl::OkStatus();
    }));
    return bytes;
  }

  // Gives `bytes` to Load in pieces of at most `piece`.
  static absl::StatusOr<std::unique_ptr<LlmSession>> Loaded(
      const std::shared_ptr<const LlmModel>& model, absl::string_view bytes,
      const SessionOptions& options, size_t piece = 1000) {
    return LlmSession::Load(
        model,
        [&](absl::Span<std::byte> to) -> absl::StatusOr<size_t> {
          const size_t size = std::min({to.size(), bytes.size(), piece});
          std::memcpy(to.data(), bytes.data(), size);
          bytes.remove_prefix(size);
          return size;
        },
        options);
  }

  // A model whose first layer has a window, and a session of it that has lost rows.
  std::shared_ptr<const LlmModel> OpenWindowed(int32_t prefill_chunk) {
    ModelConfig config = TinyConfig();
    config.layers[0].window = 16;
    ModelOptions options;
    options.num_threads = 1;
    options.prefill_chunk = prefill_chunk;
    return OpenModel(config, options);
  }

  std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(SessionFileTest, EveryDamagedByteAndEveryLengthIsAnError) {
  const auto model = OpenModel();
  const auto session = NewSession(model, 32);
  ASSERT_OK(session->Chat("Hi", GreedyOptions(3)));
  std::string bytes = Saved(*session);
  ASSERT_OK(Loaded(model, bytes, Options()));
  for (size_t i = 0; i < bytes.size(); i += i < 600 || i + 600 > bytes.size() ? 1 : 37) {
    const char old = bytes[i];
    bytes[i] = static_cast<char>(old ^ (1 << i % 8));
    const absl::Status status = Loaded(model, bytes, Options()).status();
    EXPECT_TRUE(status.code() == StatusCode::kInvalidArgument ||
                status.code() == StatusCode::kUnimplemented)
        << "byte " << i << ": " << status;
    bytes[i] = old;
  }
  for (size_t size = 0; size < bytes.size(); size += size < 600 ? 1 : 53) {
    EXPECT_THAT(Loaded(model, bytes.substr(0, size), Options()),
                MatchesStatus(StatusCode::kInvalidArgument))
        << size;
  }
}

TEST_F(SessionFileTest, TheFileAndTheWriterGetTheSameBytes) {
  const auto model = OpenModel();
  const auto session = NewSession(model);
  ASSERT_OK(session->Generate("bytes", GreedyOptions(5)));
  const std::string path = directory_.File("same.state");
  ASSERT_OK(session->Save(path));
  const std::string bytes = Saved(*session);
  EXPECT_TRUE(Read(path) == bytes);
  EXPECT_TRUE(Saved(*session) == bytes);
  ASSERT_OK_AND_ASSIGN(auto loaded, Loaded(model, bytes, Options(), 7));
  EXPECT_TRUE(Saved(*loaded) == bytes);
  // What is filled, not what could be: 10 positions of 128.
  EXPECT_LT(bytes.size(), 20000u);
  EXPECT_THAT(LlmSession::Load(model, directory_.File("none.state")),
              MatchesStatus(StatusCode::kNotFound, {"none.state"}));
  std::ofstream(path, std::ios::app) << "x";
  EXPECT_THAT(LlmSession::Load(model, path, Options()),
              MatchesStatus(StatusCode::kInvalidArgument, {"same.state", "found"}));
}

TEST_F(SessionFileTest, RewoundTextIsNotInTheFile) {
  const auto model = OpenModel();
  const auto once = NewSession(model);
  ASSERT_OK(once->Prefill("public"));
  const auto rewound = NewSession(model);
  ASSERT_OK(rewound->Prefill("public"));
  const int32_t position = rewound->position();
  ASSERT_OK(rewound->Prefill(" secret"));
  ASSERT_OK(rewound->Rewind(position));
  EXPECT_TRUE(Saved(*rewound) == Saved(*once));
}

TEST_F(SessionFileTest, ContradictionsAreNamed) {
  const auto model = OpenModel();
  SessionOptions options = Options();
  options.context_length = 64;
  options.date = "2025-01-02";
  ASSERT_OK_AND_ASSIGN(auto session, LlmSession::Create(model, options));
  ASSERT_OK(session->Prefill("twenty tokens and more"));
  const std::string bytes = Saved(*session);
  const auto load = [&](auto change) {
    SessionOptions changed = Options();
    change(changed);
    return Loaded(model, bytes, changed).status();
  };
  EXPECT_OK(load([](SessionOptions&) {}));
  EXPECT_OK(load([](SessionOptions& o) { o.context_length = 128; }));
  EXPECT_OK(load([](SessionOptions& o) { o.date = "2025-01-02"; }));
  EXPECT_THAT(load([](SessionOptions& o) { o.context_length = 5; }),
              MatchesStatus(StatusCode::kInvalidArgument, {"context_length", "found 5"}));
  EXPECT_THAT(load([](SessionOptions& o) { o.context_length = 129; }),
              MatchesStatus(StatusCode::kInvalidArgument, {"context_length", "129"}));
  EXPECT_THAT(load([](SessionOptions& o) { o.kv_cache_type = KvCacheType::kInt8; }),
              MatchesStatus(StatusCode::kInvalidArgument, {"kv_cache_type", "1", "found 2"}));
  EXPECT_THAT(load([](SessionOptions& o) { o.date = "2025-01-03"; }),
              MatchesStatus(StatusCode::kInvalidArgument, {"date", "2025-01-02", "2025-01-03"}));
  ModelConfig other = TinyConfig();
  other.hidden_dim = 16;
  const auto other_model = OpenModel(other, {.num_threads = 1});
  EXPECT_THAT(Loaded(other_model, bytes, Options()),
              MatchesStatus(StatusCode::kInvalidArgument, {"model", "saved with"}));
  EXPECT_THAT(Loaded(model, "TFL3 and other files, long enough to be one", Options()),
              MatchesStatus(StatusCode::kInvalidArgument, {"expected a session"}));
  EXPECT_THAT(LlmSession::Load(nullptr, "x"),
              MatchesStatus(StatusCode::kInvalidArgument, {"null"}));
}

TEST_F(SessionFileTest, ErrorsOfWriterAndReaderComeBackAndChangeNothing) {
  const auto model = OpenModel();
  const auto session = NewSession(model);
  ASSERT_OK(session->Generate("steps", GreedyOptions(3)));
  const std::string bytes = Saved(*session);
  EXPECT_THAT(session->Save(
                  [&](absl::Span<const std::byte>) { return absl::AbortedError("no more room"); }),
              MatchesStatus(StatusCode::kAborted, {"no more room"}));
  const std::string path = directory_.File("old.state");
  ASSERT_OK(session->Save(path));
  EXPECT_FALSE(session->Save(directory_.File("no/such/folder.state")).ok());
  EXPECT_THAT(session->Save(std::filesystem::path(path).parent_path().string()),
              MatchesStatus(StatusCode::kInvalidArgument, {"a folder"}));
  EXPECT_TRUE(Read(path) == bytes);
  EXPECT_TRUE(Saved(*session) == bytes);
  EXPECT_THAT(LlmSession::Load(
                  model,
                  [](absl::Span<std::byte>) -> absl::StatusOr<size_t> {
                    return absl::AbortedError("unplugged");
                  },
                  Options()),
              MatchesStatus(StatusCode::kAborted, {"unplugged"}));
  EXPECT_THAT(
      LlmSession::Load(
          model, [](absl::Span<std::byte> to) -> absl::StatusOr<size_t> { return to.size() + 1; },
          Options()),
      MatchesStatus(StatusCode::kInvalidArgument, {"reader"}));
}

// A file that somebody made, with checksums that are right, may say anything. It is refused, or it
// is a session like any other.
TEST_F(SessionFileTest, ForgedFilesDoNoHarm) {
  const auto model = OpenModel();
  const auto session = NewSession(model, 64);
  ASSERT_OK(session->Chat("Hi", GreedyOptions(3)));
  ASSERT_OK(session->Chat("And you?", GreedyOptions(3)));
  const std::string bytes = Saved(*session);
  constexpr size_t kHeadAt = 20;
  constexpr size_t kHashBytes = 16;
  uint64_t head_bytes = 0;
  std::memcpy(&head_bytes, bytes.data() + 12, sizeof(head_bytes));
  const size_t head_end = kHeadAt + static_cast<size_t>(head_bytes);
  const auto put_hash = [](std::string& file, size_t at) {
    ContentHash hash;
    hash.Add({reinterpret_cast<const std::byte*>(file.data()), at});
    const std::array<std::byte, kHashBytes> digest = hash.Digest();
    std::memcpy(file.data() + at, digest.data(), kHashBytes);
  };
  std::mt19937 random(1);
  int loaded = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string file = bytes;
    // In the head, and in the first numbers of the cache.
    const size_t end = head_end + kHashBytes + 12;
    for (uint32_t changes = 1 + random() % 3; changes > 0; --changes) {
      size_t at = kHeadAt + random() % (end - kHeadAt);
      if (i % 3 == 0) at = end - 1 - random() % 12;
      file[at] = static_cast<char>(random() % 2 == 0 ? random() % 256 : 255 * (random() % 2));
    }
    put_hash(file, head_end);
    put_hash(file, file.size() - kHashBytes);
    absl::StatusOr<std::unique_ptr<LlmSession>> forged = Loaded(model, file, Options(), 1 << 20);
    if (!forged.ok()) continue;
    ++loaded;
    (*forged)->Generate("", GreedyOptions(2)).IgnoreError();
    (*forged)->Chat("Well?", GreedyOptions(2)).IgnoreError();
    (*forged)->Rewind(0).IgnoreError();
    EXPECT_OK((*forged)->Prefill("still works"));
  }
  EXPECT_GT(loaded, 0);
}

// Rings depend on the chunk and on the context length.
TEST_F(SessionFileTest, RingsOfOtherSizesHoldTheSame) {
  for (const int32_t chunk : {1, 3, 16, 40}) {
    const auto saver = OpenWindowed(chunk);
    const auto session = NewSession(saver, 120);
    ASSERT_OK(session->Prefill("A text that is longer than any window and any ring of it, by far"));
    ASSERT_OK(session->Rewind(session->position() - 2));
    const std::string bytes = Saved(*session);
    for (const int32_t other_chunk : {1, 2, 16, 64}) {
      const auto loader = OpenWindowed(other_chunk);
      SCOPED_TRACE(absl::StrCat(chunk, " to ", other_chunk));
      ASSERT_OK_AND_ASSIGN(auto loaded, Loaded(loader, bytes, Options()));
      ASSERT_OK_AND_ASSIGN(auto fork, session->Fork());
      GenerateOptions options = GreedyOptions(20);
      options.return_log_probabilities = true;
      ASSERT_OK_AND_ASSIGN(const GenerateResult expected, fork->Generate("", options));
      ASSERT_OK_AND_ASSIGN(const GenerateResult found, loaded->Generate("", options));
      EXPECT_EQ(found.tokens, expected.tokens);
      EXPECT_EQ(found.log_probabilities, expected.log_probabilities);
      EXPECT_EQ(found.num_prompt_tokens, expected.num_prompt_tokens);
    }
  }
}

// LongRoPE: other frequencies, so keys are computed again, and are those of a fresh session.
TEST_F(SessionFileTest, AContextWithOtherFrequenciesIsComputedAgain) {
  ModelConfig config = TinyConfig();
  RopeTableConfig& table = config.rope_tables[0];
  table.long_frequencies = table.frequencies;
  for (float& frequency : table.long_frequencies) frequency /= 4;
  table.long_from = 64;
  const auto model = OpenModel(config, {.num_threads = 1});
  const auto session = NewSession(model, 64);
  ASSERT_OK(session->Prefill("some tokens"));
  SessionOptions options = Options();
  options.context_length = 100;
  ASSERT_OK_AND_ASSIGN(auto loaded, Loaded(model, Saved(*session), options));
  const auto fresh = NewSession(model, 100);
  ASSERT_OK(fresh->Prefill("some tokens"));
  ASSERT_OK_AND_ASSIGN(const GenerateResult expected, fresh->Generate("", GreedyOptions(9)));
  ASSERT_OK_AND_ASSIGN(const GenerateResult found, loaded->Generate("", GreedyOptions(9)));
  EXPECT_EQ(found.tokens, expected.tokens);
  EXPECT_EQ(found.num_prompt_tokens, session->position());
}

}  // namespace
}  // namespace inkling
