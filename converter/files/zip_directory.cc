// Walks a ZIP archive from its end, as the format wants it: end record, its zip64 form, directory,
// and for each entry the local header, whose length decides where the data begins.
//
// Source: PKWARE's APPNOTE.TXT 6.3, sections 4.3 and 4.5. Field offsets are the APPNOTE's.

#include "converter/files/zip_directory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace inkling {
namespace {

constexpr uint32_t kLocalSignature = 0x04034B50;
constexpr uint32_t kEntrySignature = 0x02014B50;
constexpr uint32_t kEndSignature = 0x06054B50;
constexpr uint32_t kEnd64Signature = 0x06064B50;
constexpr uint32_t kEnd64LocatorSignature = 0x07064B50;

constexpr int64_t kLocalBytes = 30;
constexpr int64_t kEntryBytes = 46;
constexpr int64_t kEndBytes = 22;
constexpr int64_t kEnd64Bytes = 56;
constexpr int64_t kEnd64LocatorBytes = 20;
constexpr int64_t kMaxCommentBytes = 0xFFFF;

// A checkpoint has one entry for each tensor, of about 100 bytes.
constexpr int64_t kMaxDirectoryBytes = int64_t{64} << 20;

// These say "see the zip64 record".
constexpr uint64_t kSee64In16Bits = 0xFFFF;
constexpr uint64_t kSee64In32Bits = 0xFFFFFFFF;

// The little-endian number of `size` bytes at `offset`; the caller has checked the length.
uint64_t Number(absl::string_view bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + offset, size);
  return value;
}

class DirectoryReader {
 public:
  explicit DirectoryReader(const InputFile& file) : file_(file) {}

  absl::StatusOr<std::vector<ZipEntry>> Read() {
    ABSL_RETURN_IF_ERROR(FindDirectory());
    ABSL_ASSIGN_OR_RETURN(const std::string directory, ReadText(begin_, bytes_));
    std::vector<ZipEntry> entries;
    absl::flat_hash_set<std::string> names;
    absl::string_view rest = directory;
    for (uint64_t i = 0; i < count_; ++i) {
      ABSL_ASSIGN_OR_RETURN(ZipEntry entry, TakeEntry(rest));
      if (!names.insert(entry.name).second) {
        return Invalid(absl::StrCat("entry \"", entry.name, "\" is there twice"));
      }
      entries.push_back(std::move(entry));
    }
    if (!rest.empty()) {
      return Invalid(absl::StrCat("the directory says ", count_, " entries and has ", rest.size(),
                                  " bytes behind them"));
    }
    return entries;
  }

 private:
  absl::Status Invalid(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_.path(), ": ZIP archive: ", what));
  }

  absl::StatusOr<std::string> ReadText(int64_t offset, int64_t bytes) const {
    std::string text(static_cast<size_t>(bytes), '\0');
    ABSL_RETURN_IF_ERROR(file_.ReadAt(
        offset, absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size())));
    return text;
  }

  // Sets begin_, bytes_ and count_ from the end record: the last one whose comment ends with the
  // file.
  absl::Status FindDirectory() {
    const int64_t tail_bytes = std::min(file_.size(), kEndBytes + kMaxCommentBytes);
    const int64_t tail_start = file_.size() - tail_bytes;
    ABSL_ASSIGN_OR_RETURN(const std::string tail, ReadText(tail_start, tail_bytes));
    for (int64_t at = tail_bytes - kEndBytes; at >= 0; --at) {
      const absl::string_view end = absl::string_view(tail).substr(static_cast<size_t>(at));
      if (Number(end, 0, 4) != kEndSignature) continue;
      if (Number(end, 20, 2) != end.size() - kEndBytes) continue;
      return ReadEnd(end, tail_start + at);
    }
    return absl::DataLossError(absl::StrCat(
        file_.path(), ": truncated: a ZIP archive ends with its directory, found none in the last ",
        tail_bytes, " of ", file_.size(), " bytes"));
  }

  absl::Status ReadEnd(absl::string_view end, int64_t end_offset) {
    uint64_t disk = Number(end, 4, 2);
    count_ = Number(end, 10, 2);
    uint64_t bytes = Number(end, 12, 4);
    uint64_t begin = Number(end, 16, 4);
    int64_t limit = end_offset;  // where the directory must have ended
    const bool see64 = count_ == kSee64In16Bits || bytes == kSee64In32Bits ||
                       begin == kSee64In32Bits || disk == kSee64In16Bits;
    if (see64) {
      ABSL_ASSIGN_OR_RETURN(const std::string record, ReadEnd64(end_offset, limit));
      disk = Number(record, 16, 4);
      count_ = Number(record, 32, 8);
      bytes = Number(record, 40, 8);
      begin = Number(record, 48, 8);
    }
    if (disk != 0) {
      return absl::UnimplementedError(
          absl::StrCat(file_.path(), ": a ZIP archive in several parts: expected one part"));
    }
    const uint64_t size = static_cast<uint64_t>(limit);
    if (begin > size || bytes > size - begin) {
      return Invalid(absl::StrCat("the directory (", bytes, " bytes at ", begin,
                                  ") must end before byte ", limit));
    }
    if (bytes > static_cast<uint64_t>(kMaxDirectoryBytes)) {
      return Invalid(
          absl::StrCat("a directory of ", bytes, " bytes, expected at most ", kMaxDirectoryBytes));
    }
    begin_ = static_cast<int64_t>(begin);
    bytes_ = static_cast<int64_t>(bytes);
    return absl::OkStatus();
  }

  // The zip64 end record, named by the locator in front of the end record.
  absl::StatusOr<std::string> ReadEnd64(int64_t end_offset, int64_t& limit) const {
    if (end_offset < kEnd64LocatorBytes + kEnd64Bytes) return Invalid("no room for zip64 records");
    ABSL_ASSIGN_OR_RETURN(const std::string locator,
                          ReadText(end_offset - kEnd64LocatorBytes, kEnd64LocatorBytes));
    if (Number(locator, 0, 4) != kEnd64LocatorSignature) {
      return Invalid("the end record refers to a zip64 record that isn't there");
    }
    const uint64_t offset = Number(locator, 8, 8);
    if (offset > static_cast<uint64_t>(end_offset - kEnd64LocatorBytes - kEnd64Bytes)) {
      return Invalid(absl::StrCat("the zip64 record lies outside the file, at ", offset));
    }
    limit = static_cast<int64_t>(offset);
    ABSL_ASSIGN_OR_RETURN(std::string record, ReadText(limit, kEnd64Bytes));
    if (Number(record, 0, 4) != kEnd64Signature) {
      return Invalid(absl::StrCat("expected a zip64 record at byte ", offset));
    }
    return record;
  }

  // The first entry of `rest`, which moves on behind it.
  absl::StatusOr<ZipEntry> TakeEntry(absl::string_view& rest) const {
    if (rest.size() < kEntryBytes || Number(rest, 0, 4) != kEntrySignature) {
      return Invalid(absl::StrCat("expected an entry of the directory at byte ",
                                  begin_ + bytes_ - static_cast<int64_t>(rest.size())));
    }
    const absl::string_view entry = rest;
    const size_t name_bytes = Number(entry, 28, 2);
    const size_t extra_bytes = Number(entry, 30, 2);
    const size_t total = kEntryBytes + name_bytes + extra_bytes + Number(entry, 32, 2);
    if (total > rest.size()) return Invalid("an entry reaches beyond the directory");
    rest.remove_prefix(total);

    ZipEntry result;
    result.name = std::string(entry.substr(kEntryBytes, name_bytes));
    const uint64_t flags = Number(entry, 8, 2);
    const uint64_t method = Number(entry, 10, 2);
    if ((flags & 1) != 0 || method != 0) {
      return absl::UnimplementedError(
          absl::StrCat(file_.path(), ": ZIP archive: entry \"", result.name,
                       "\": expected a stored entry, found ",
                       (flags & 1) != 0 ? "an encrypted one"
                                        : absl::StrCat("one compressed with method ", method)));
    }
    uint64_t stored = Number(entry, 20, 4);
    uint64_t bytes = Number(entry, 24, 4);
    uint64_t local = Number(entry, 42, 4);
    if (!ReadZip64(entry.substr(kEntryBytes + name_bytes, extra_bytes), bytes, stored, local) ||
        stored != bytes) {
      return Invalid(absl::StrCat("entry \"", result.name, "\": its sizes contradict each other"));
    }
    ABSL_RETURN_IF_ERROR(Locate(local, bytes, result));
    return result;
  }

  // Replaces the fields that refer to the zip64 extra field (id 1), which holds them in this order.
  static bool ReadZip64(absl::string_view extra, uint64_t& bytes, uint64_t& stored,
                        uint64_t& local) {
    absl::string_view wide;
    while (extra.size() >= 4) {
      const uint64_t id = Number(extra, 0, 2);
      const size_t size = Number(extra, 2, 2);
      extra.remove_prefix(4);
      if (size > extra.size()) return false;
      if (id == 1) wide = extra.substr(0, size);
      extra.remove_prefix(size);
    }
    for (uint64_t* field : {&bytes, &stored, &local}) {
      if (*field != kSee64In32Bits) continue;
      if (wide.size() < 8) return false;
      *field = Number(wide, 0, 8);
      wide.remove_prefix(8);
    }
    return true;
  }

  // Sets where the entry's data lies. The local header repeats the name; its sizes may be zero
  // (they follow the data where the writer didn't know them before).
  absl::Status Locate(uint64_t local, uint64_t bytes, ZipEntry& entry) const {
    const uint64_t limit = static_cast<uint64_t>(begin_);
    if (limit < kLocalBytes || local > limit - kLocalBytes) {
      return Invalid(absl::StrCat("entry \"", entry.name, "\": its header would lie at byte ",
                                  local, ", behind the data"));
    }
    ABSL_ASSIGN_OR_RETURN(const std::string header,
                          ReadText(static_cast<int64_t>(local), kLocalBytes));
    const uint64_t name_bytes = Number(header, 26, 2);
    if (Number(header, 0, 4) != kLocalSignature || name_bytes != entry.name.size()) {
      return Invalid(
          absl::StrCat("entry \"", entry.name, "\": expected its header at byte ", local));
    }
    const uint64_t data = local + kLocalBytes + name_bytes + Number(header, 28, 2);
    if (data > limit || bytes > limit - data) {
      return Invalid(absl::StrCat("entry \"", entry.name, "\": ", bytes, " bytes at ", data,
                                  " reach beyond the data, which ends at ", limit));
    }
    entry.offset = static_cast<int64_t>(data);
    entry.bytes = static_cast<int64_t>(bytes);
    return absl::OkStatus();
  }

  const InputFile& file_;
  int64_t begin_ = 0;  // of the directory
  int64_t bytes_ = 0;
  uint64_t count_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<ZipEntry>> ReadZipDirectory(const InputFile& file) {
  return DirectoryReader(file).Read();
}

}  // namespace inkling
