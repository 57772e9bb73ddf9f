// The file of a saved session: what it is made of, and a cache's bytes.
//
//   8 bytes   "INKLSESS"
//   u32       version, 2
//   u64       bytes of the head
//   head      SessionHead's fields (session_fields.h)
//   16 bytes  XXH3-128 of all before it
//   cache     SessionHead::cache_bytes bytes, as KvCache::WriteState has them
//   16 bytes  XXH3-128 of all before it
//
// All numbers are little-endian. The file's size is that of what is filled, not of the capacity.
// Nothing in the head is believed before its hash was compared, and no cache before the last one
// was, so every damaged byte is an error.

#ifndef INKLING_SRC_SESSION_SESSION_FILE_H_
#define INKLING_SRC_SESSION_SESSION_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/decoder/kv_cache.h"
#include "src/format/byte_stream.h"
#include "src/format/content_hash.h"

namespace inkling {

struct SessionHead {
  std::string model_id;
  uint8_t kv_cache_type = 0;   // KvCacheType
  int32_t context_length = 0;  // of the session that was saved
  std::string system_prompt;
  std::string date;
  std::string adapters;  // AdapterSet::names
  std::vector<int32_t> tokens;
  std::string turns;         // ChatTurns::Write
  std::string cache_format;  // KvCache::StateFormat
  int64_t cache_bytes = 0;
};

// How long the file will be.
int64_t SessionFileBytes(const SessionHead& head);

// Writes the file of `head` and of its `cache` in pieces of at least 64 KiB, but for the last and
// those in front of larger ones. Errors: those of `sink`.
absl::Status WriteSessionFile(const SessionHead& head, const KvCache& cache, ByteSink sink);

// Reads a file from its beginning to its end and not a byte further.
class SessionFileReader {
 public:
  explicit SessionFileReader(ByteSource source) : source_(source) {}

  // First. Errors: InvalidArgument (another kind of file, damage), Unimplemented (a later version),
  // those of the source.
  absl::StatusOr<SessionHead> ReadHead();

  // Then, with what ReadHead returned: the cache, through `read`, which takes all of its bytes or
  // fails; or, where `read` isn't wanted, nothing but the comparison of the hash. Errors: as
  // ReadHead, and those of `read`.
  absl::Status ReadCache(const SessionHead& head, absl::FunctionRef<absl::Status(ByteSource)> read);
  absl::Status SkipCache(const SessionHead& head);

 private:
  absl::Status Read(absl::Span<std::byte> bytes);
  absl::Status CheckHash(absl::string_view what);

  ByteSource source_;
  ContentHash hash_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SESSION_FILE_H_
