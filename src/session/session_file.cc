// One hash runs through the whole file: its value behind the head stands for the head, its value at
// the end for everything.

#include "src/session/session_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/session/session_fields.h"

namespace inkling {
namespace {

constexpr absl::string_view kMagic = "INKLSESS";
constexpr uint32_t kVersion = 2;
constexpr size_t kHashBytes = 16;
constexpr size_t kFixedBytes = 8 + sizeof(uint32_t) + sizeof(uint64_t);
// Smaller pieces are collected: a call into the system or into an app has its price.
constexpr size_t kPieceBytes = size_t{64} << 10;
// What is allocated before the file has shown that it has as many bytes.
constexpr size_t kStepBytes = size_t{1} << 20;

absl::Span<const std::byte> Bytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string EncodeHead(const SessionHead& head) {
  FieldWriter fields;
  fields.PutText(head.model_id);
  fields.Put(head.kv_cache_type);
  fields.Put(head.context_length);
  fields.PutText(head.system_prompt);
  fields.PutText(head.date);
  fields.PutText(head.adapters);
  fields.PutList(head.tokens);
  fields.PutText(head.turns);
  fields.PutText(head.cache_format);
  fields.Put(head.cache_bytes);
  return fields.bytes();
}

absl::StatusOr<SessionHead> DecodeHead(absl::string_view bytes) {
  FieldReader fields(bytes);
  SessionHead head;
  ABSL_RETURN_IF_ERROR(fields.TakeText("model id", head.model_id));
  ABSL_RETURN_IF_ERROR(fields.Take("cache type", head.kv_cache_type));
  ABSL_RETURN_IF_ERROR(fields.Take("context length", head.context_length));
  ABSL_RETURN_IF_ERROR(fields.TakeText("system prompt", head.system_prompt));
  ABSL_RETURN_IF_ERROR(fields.TakeText("date", head.date));
  ABSL_RETURN_IF_ERROR(fields.TakeText("adapters", head.adapters));
  ABSL_RETURN_IF_ERROR(fields.TakeList("tokens", head.tokens));
  ABSL_RETURN_IF_ERROR(fields.TakeText("turns", head.turns));
  ABSL_RETURN_IF_ERROR(fields.TakeText("cache format", head.cache_format));
  ABSL_RETURN_IF_ERROR(fields.Take("cache bytes", head.cache_bytes));
  ABSL_RETURN_IF_ERROR(fields.TakeEnd());
  if (head.cache_bytes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cache bytes: expected at least 0, found ", head.cache_bytes));
  }
  return head;
}

// Collects small pieces, hashes everything, passes it on.
class HashingSink {
 public:
  explicit HashingSink(ByteSink sink) : sink_(sink) { buffer_.reserve(kPieceBytes); }

  absl::Status Add(absl::Span<const std::byte> bytes) {
    hash_.Add(bytes);
    if (buffer_.size() + bytes.size() > kPieceBytes) {
      ABSL_RETURN_IF_ERROR(Flush());
    }
    if (bytes.size() >= kPieceBytes) return sink_(bytes);
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return absl::OkStatus();
  }
  absl::Status AddHash() { return Add(hash_.Digest()); }
  absl::Status Flush() {
    if (buffer_.empty()) return absl::OkStatus();
    absl::Status status = sink_(buffer_);
    buffer_.clear();
    return status;
  }

 private:
  ByteSink sink_;
  ContentHash hash_;
  std::vector<std::byte> buffer_;
};

}  // namespace

int64_t SessionFileBytes(const SessionHead& head) {
  return static_cast<int64_t>(kFixedBytes + EncodeHead(head).size() + 2 * kHashBytes) +
         head.cache_bytes;
}

absl::Status WriteSessionFile(const SessionHead& head, const KvCache& cache, ByteSink sink) {
  const std::string fields = EncodeHead(head);
  FieldWriter begin;
  begin.Put(kVersion);
  begin.Put<uint64_t>(fields.size());
  HashingSink file(sink);
  for (const absl::string_view piece :
       {kMagic, absl::string_view(begin.bytes()), absl::string_view(fields)}) {
    ABSL_RETURN_IF_ERROR(file.Add(Bytes(piece)));
  }
  ABSL_RETURN_IF_ERROR(file.AddHash());
  ABSL_RETURN_IF_ERROR(
      cache.WriteState([&](absl::Span<const std::byte> bytes) { return file.Add(bytes); }));
  ABSL_RETURN_IF_ERROR(file.AddHash());
  return file.Flush();
}

absl::Status SessionFileReader::Read(absl::Span<std::byte> bytes) {
  ABSL_RETURN_IF_ERROR(source_(bytes));
  hash_.Add(bytes);
  return absl::OkStatus();
}

absl::Status SessionFileReader::CheckHash(absl::string_view what) {
  const std::array<std::byte, kHashBytes> expected = hash_.Digest();
  std::array<std::byte, kHashBytes> found;
  ABSL_RETURN_IF_ERROR(Read(absl::MakeSpan(found)));
  if (expected == found) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("checksum of the ", what, ": expected ",
                                                 HexDigits(expected), ", found ", HexDigits(found),
                                                 ": the file is damaged"));
}

absl::StatusOr<SessionHead> SessionFileReader::ReadHead() {
  std::array<std::byte, kFixedBytes> fixed;
  ABSL_RETURN_IF_ERROR(Read(absl::MakeSpan(fixed)));
  const absl::string_view begin(reinterpret_cast<const char*>(fixed.data()), fixed.size());
  if (begin.substr(0, kMagic.size()) != kMagic) {
    return absl::InvalidArgumentError("expected a session of LlmSession::Save, found another file");
  }
  FieldReader numbers(begin.substr(kMagic.size()));
  uint32_t version = 0;
  uint64_t head_bytes = 0;
  ABSL_RETURN_IF_ERROR(numbers.Take("version", version));
  ABSL_RETURN_IF_ERROR(numbers.Take("size of the head", head_bytes));
  if (version != kVersion) {
    return absl::UnimplementedError(
        absl::StrCat("version of the session's file: expected ", kVersion, ", found ", version));
  }
  std::string fields;
  while (fields.size() < head_bytes) {
    const size_t done = fields.size();
    fields.resize(done + static_cast<size_t>(std::min<uint64_t>(head_bytes - done, kStepBytes)));
    ABSL_RETURN_IF_ERROR(
        Read({reinterpret_cast<std::byte*>(fields.data()) + done, fields.size() - done}));
  }
  ABSL_RETURN_IF_ERROR(CheckHash("head"));
  return DecodeHead(fields);
}

absl::Status SessionFileReader::ReadCache(const SessionHead& head,
                                          absl::FunctionRef<absl::Status(ByteSource)> read) {
  int64_t left = head.cache_bytes;
  ABSL_RETURN_IF_ERROR(read([&](absl::Span<std::byte> bytes) -> absl::Status {
    if (bytes.size() > static_cast<uint64_t>(left)) {
      return absl::InvalidArgumentError(
          absl::StrCat("cache: expected ", bytes.size(), " more bytes, found ", left));
    }
    left -= static_cast<int64_t>(bytes.size());
    return Read(bytes);
  }));
  if (left != 0) {
    return absl::InvalidArgumentError(absl::StrCat("cache: expected ", head.cache_bytes - left,
                                                   " bytes, found ", head.cache_bytes));
  }
  return CheckHash("file");
}

absl::Status SessionFileReader::SkipCache(const SessionHead& head) {
  return ReadCache(head, [&](ByteSource source) -> absl::Status {
    std::vector<std::byte> ignored(kStepBytes);
    for (int64_t left = head.cache_bytes; left > 0;) {
      const int64_t size = std::min<int64_t>(left, kStepBytes);
      ABSL_RETURN_IF_ERROR(source(absl::MakeSpan(ignored).first(static_cast<size_t>(size))));
      left -= size;
    }
    return absl::OkStatus();
  });
}

}  // namespace inkling
