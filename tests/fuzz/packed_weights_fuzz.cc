// Files of packed weights: LoadPackedWeights with the ids and hashes put right, so that the list of
// tensors is reached.

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/compute/packed_weights.h"
#include "src/compute/packed_weights_file.h"
#include "src/format/content_hash.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {
namespace {

// Of the layout that packed_weights_file.cc documents.
constexpr size_t kHeadBytesAt = 12;
constexpr size_t kHeadHashAt = 40;
constexpr size_t kModelIdAt = 72;
constexpr size_t kIdBytes = 32;
constexpr size_t kFixedHeadBytes = 136;

std::string WithHash(absl::string_view bytes, const std::string& id) {
  std::string file(bytes);
  if (file.size() < kFixedHeadBytes) return file;
  file.replace(kModelIdAt, 2 * kIdBytes, id + id);
  uint32_t head_bytes = 0;
  std::memcpy(&head_bytes, file.data() + kHeadBytesAt, sizeof(head_bytes));
  if (head_bytes < kFixedHeadBytes || head_bytes > file.size()) return file;
  std::memset(file.data() + kHeadHashAt, 0, 16);
  ContentHash hash;
  hash.Add({reinterpret_cast<const std::byte*>(file.data()), head_bytes});
  const std::array<std::byte, 16> digest = hash.Digest();
  std::memcpy(file.data() + kHeadHashAt, digest.data(), digest.size());
  return file;
}

}  // namespace

bool FuzzOne(absl::string_view bytes) {
  const std::string id(kIdBytes, '0');
  const FuzzFile file(WithHash(bytes, id));
  const absl::StatusOr<std::unique_ptr<PackedWeights>> packed =
      LoadPackedWeights(file.path(), id, id);
  if (!packed.ok()) return false;
  int sum = 0;
  for (const PackedWeights::Entry& entry : (*packed)->Entries()) {
    Expect(entry.bytes > 0 && entry.offset % PackedWeights::kEntryAlignment == 0,
           "aligned tensors with bytes");
    sum += std::to_integer<int>((*packed)->data()[entry.offset + entry.bytes - 1]);
  }
  Expect(sum >= 0, "tensors inside the file");
  return true;
}

}  // namespace inkling
