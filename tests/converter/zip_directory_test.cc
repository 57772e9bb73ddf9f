// The ZIP directory: every entry is found where it is, with and without zip64, and damage is an
// error.

#include "converter/files/zip_directory.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/converter/pytorch_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

class ZipDirectoryTest : public testing::Test {
 protected:
  absl::StatusOr<std::vector<ZipEntry>> ReadBytes(const std::string& bytes) {
    WriteFileBytes(path_, bytes);
    return ReadPath();
  }
  absl::StatusOr<std::vector<ZipEntry>> ReadPath() {
    absl::StatusOr<InputFile> file = InputFile::Open(path_);
    if (!file.ok()) return file.status();
    return ReadZipDirectory(*file);
  }

  TempDir folder_;
  const std::string path_ = folder_.File("archive.zip");
};

const std::vector<ZipPart> kParts = {
    {"a/data.pkl", "pickle"}, {"a/data/0", ""}, {"b", "0123456789"}};

TEST_F(ZipDirectoryTest, FindsEveryEntry) {
  for (const bool only_zip64 : {false, true}) {
    const std::string bytes = ZipBytes(kParts, only_zip64);
    ASSERT_OK_AND_ASSIGN(const std::vector<ZipEntry> entries, ReadBytes(bytes));
    ASSERT_EQ(entries.size(), kParts.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      EXPECT_EQ(entries[i].name, kParts[i].name);
      EXPECT_EQ(entries[i].offset % 64, 0);
      EXPECT_EQ(bytes.substr(static_cast<size_t>(entries[i].offset),
                             static_cast<size_t>(entries[i].bytes)),
                kParts[i].bytes);
    }
  }
}

TEST_F(ZipDirectoryTest, ACommentMayFollowAndMayLookLikeAnEnd) {
  std::string bytes = ZipBytes(kParts);
  const std::string comment = bytes.substr(bytes.size() - 22) + "!";  // its length field says 0
  bytes[bytes.size() - 2] = static_cast<char>(comment.size());
  ASSERT_OK_AND_ASSIGN(const std::vector<ZipEntry> entries, ReadBytes(bytes + comment));
  EXPECT_EQ(entries.size(), kParts.size());
}

// A sparse file; the data lie beyond what 32 bits can say.
TEST_F(ZipDirectoryTest, OffsetsBeyond4GiB) {
  constexpr uint64_t kStart = uint64_t{5} << 30;
  const std::string bytes = ZipBytes(kParts, true, kStart);
  WriteFileBytes(path_, "");
  std::filesystem::resize_file(path_, kStart);
  std::ofstream(path_, std::ios::binary | std::ios::app) << bytes;
  ASSERT_OK_AND_ASSIGN(const std::vector<ZipEntry> entries, ReadPath());
  ASSERT_EQ(entries.size(), kParts.size());
  EXPECT_EQ(bytes.substr(static_cast<size_t>(entries[2].offset) - kStart, 10), kParts[2].bytes);
}

TEST_F(ZipDirectoryTest, EveryPrefixIsAnError) {
  for (const bool only_zip64 : {false, true}) {
    const std::string bytes = ZipBytes(kParts, only_zip64);
    for (size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_THAT(ReadBytes(bytes.substr(0, length)),
                  MatchesStatus(StatusCode::kDataLoss, {"truncated"}))
          << length;
    }
  }
}

TEST_F(ZipDirectoryTest, WhatIsNotStoredIsRefused) {
  EXPECT_THAT(ReadBytes(ZipBytes({{"a", "xyz", 8}})),
              MatchesStatus(StatusCode::kUnimplemented, {"\"a\"", "compressed with method 8"}));
  EXPECT_THAT(ReadBytes(ZipBytes({{"a", "xyz", 0, 1}})),
              MatchesStatus(StatusCode::kUnimplemented, {"\"a\"", "encrypted"}));
  EXPECT_THAT(ReadBytes(ZipBytes({{"a", "x"}, {"a", "y"}})),
              MatchesStatus(StatusCode::kInvalidArgument, {"\"a\"", "twice"}));
}

// Changes `size` bytes at `offset` from the end.
std::string Changed(std::string bytes, size_t from_end, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    bytes[bytes.size() - from_end + i] = static_cast<char>(value >> (8 * i));
  }
  return bytes;
}

TEST_F(ZipDirectoryTest, FalseNumbersAreErrors) {
  const std::string plain = ZipBytes({{"a", "xyz"}});
  const std::string wide = ZipBytes({{"a", "xyz"}}, true);
  const struct {
    const char* name;
    std::string bytes;
    std::vector<std::string> message;
    StatusCode code = StatusCode::kInvalidArgument;
  } cases[] = {
      {"directory behind the end", Changed(plain, 6, 0xFFFFFFF0, 4), {"must end before"}},
      {"directory too long", Changed(plain, 10, 0xFFFFFF, 4), {"must end before"}},
      {"too many entries", Changed(plain, 12, 2, 2), {"expected an entry"}},
      {"too few entries", Changed(plain, 12, 0, 2), {"0 entries"}},
      {"several disks", Changed(plain, 18, 1, 2), {"several parts"}, StatusCode::kUnimplemented},
      {"locator gone", Changed(wide, 42, 0, 4), {"isn't there"}},
      {"zip64 record outside", Changed(wide, 34, UINT64_MAX - 7, 8), {"outside the file"}},
      {"zip64 record elsewhere", Changed(wide, 34, 1, 8), {"expected a zip64 record"}},
      {"zip64 offset", Changed(wide, 50, UINT64_MAX, 8), {"must end before"}},
      {"zip64 length", Changed(wide, 58, UINT64_MAX, 8), {"must end before"}},
      {"zip64 count", Changed(wide, 66, UINT64_MAX, 8), {"expected an entry"}},
      {"local offset", Changed(wide, 98 + 8, UINT64_MAX, 8), {"behind the data"}},
      {"local offset inside", Changed(wide, 98 + 8, 1, 8), {"expected its header at byte 1"}},
      {"size beyond",
       Changed(Changed(wide, 98 + 16, 1 << 20, 8), 98 + 24, 1 << 20, 8),
       {"reach beyond"}},
      {"sizes differ", Changed(wide, 98 + 16, 2, 8), {"contradict"}},
      {"zip64 field too short", Changed(wide, 98 + 26, 8, 2), {"contradict"}},
  };
  for (const auto& hostile : cases) {
    EXPECT_THAT(ReadBytes(hostile.bytes), MatchesStatus(hostile.code, hostile.message))
        << hostile.name;
  }
}

// One damaged byte anywhere: an error or another directory, but nothing outside the file.
TEST_F(ZipDirectoryTest, AnyDamagedByteIsSafe) {
  for (const bool only_zip64 : {false, true}) {
    const std::string bytes = ZipBytes({{"a", "xyz"}, {"b", "12"}}, only_zip64);
    for (size_t i = 0; i < bytes.size(); ++i) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (i % 3 == 0 ? 0xFF : 1 << i % 8));
      const absl::StatusOr<std::vector<ZipEntry>> entries = ReadBytes(damaged);
      if (!entries.ok()) continue;
      for (const ZipEntry& entry : *entries) {
        EXPECT_GE(entry.bytes, 0);
        EXPECT_GE(entry.offset, 0);
        EXPECT_LE(entry.offset + entry.bytes, static_cast<int64_t>(bytes.size()));
      }
    }
  }
}

}  // namespace
}  // namespace inkling
