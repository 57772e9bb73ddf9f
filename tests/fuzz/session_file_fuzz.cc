// Files of saved sessions: LlmSession::Load with the checksums put right, so that what the head and
// the cache claim is reached; and calls on the session that comes out.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_session.h"
#include "src/format/content_hash.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/fuzzed_session.h"

namespace inkling {
namespace {

// Of the layout that session_file.h documents.
constexpr size_t kHeadBytesAt = 12;
constexpr size_t kHeadAt = 20;
constexpr size_t kHashBytes = 16;

void PutHash(std::string& file, size_t at) {
  ContentHash hash;
  hash.Add({reinterpret_cast<const std::byte*>(file.data()), at});
  const std::array<std::byte, kHashBytes> digest = hash.Digest();
  std::memcpy(file.data() + at, digest.data(), kHashBytes);
}

std::string WithHashes(absl::string_view bytes) {
  std::string file(bytes);
  if (file.size() < kHeadAt + 2 * kHashBytes) return file;
  uint64_t head_bytes = 0;
  std::memcpy(&head_bytes, file.data() + kHeadBytesAt, sizeof(head_bytes));
  if (head_bytes > file.size() - kHeadAt - 2 * kHashBytes) return file;
  PutHash(file, kHeadAt + static_cast<size_t>(head_bytes));
  PutHash(file, file.size() - kHashBytes);
  return file;
}

}  // namespace

bool FuzzOne(absl::string_view bytes) {
  static const std::shared_ptr<const LlmModel> model = FuzzedSessionModel();
  Expect(model != nullptr, "a model");
  const std::string file = WithHashes(bytes);
  absl::string_view rest = file;
  absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Load(
      model,
      [&rest](absl::Span<std::byte> to) -> absl::StatusOr<size_t> {
        const size_t size = std::min(to.size(), rest.size());
        std::memcpy(to.data(), rest.data(), size);
        rest.remove_prefix(size);
        return size;
      },
      FuzzedSessionOptions());
  if (!session.ok()) return false;
  GenerateOptions options;
  options.max_new_tokens = 1;
  (*session)->Generate("", options).IgnoreError();
  (*session)->Chat("And now?", options).IgnoreError();
  Expect((*session)->Reset().ok() && (*session)->Prefill("text").ok(), "a session that works");
  return true;
}

}  // namespace inkling
