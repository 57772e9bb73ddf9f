// The GGUF header: what was written is read, and a hostile or truncated file is an error.

#include "converter/files/gguf_header.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/converter/gguf_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

class GgufHeaderTest : public testing::Test {
 protected:
  absl::StatusOr<GgufHeader> Read(const std::string& bytes,
                                  GgufParts parts = GgufParts::kModel) const {
    WriteFileBytes(folder_.File("model.gguf"), bytes);
    absl::StatusOr<InputFile> file = InputFile::Open(folder_.File("model.gguf"));
    EXPECT_OK(file);
    return ReadGgufHeader(*file, parts);
  }

  TempDir folder_;
};

GgufBuilder SmallFile() {
  GgufBuilder builder;
  builder.Text("general.architecture", "llama");
  builder.Uint32("llama.block_count", 2);
  builder.Float32("llama.rope.freq_base", 0.5f);
  builder.Bool("tokenizer.ggml.add_bos_token", true);
  builder.Texts("tokenizer.ggml.tokens", {"a", "", "\xE2\x96\x81"});
  builder.Floats("tokenizer.ggml.scores", {0.0f, -1.0f, 2.0f});
  builder.Int32s("numbers", {-1, 7});
  builder.Bools("switches", {true, false});
  builder.Tensor("matrix", {2, 3}, kGgufF32, GgufValues({1, 2, 3, 4, 5, 6}, kGgufF32));
  builder.Tensor("vector", {5}, kGgufF16, GgufValues({1, 2, 3, 4, 5}, kGgufF16));
  builder.Tensor("blocks", {1, 64}, kGgufQ8, std::string(68, '\1'));
  return builder;
}

TEST_F(GgufHeaderTest, EntriesAndTensorsAreRead) {
  for (const uint32_t version : {2u, 3u}) {
    for (const uint32_t alignment : {8u, 32u, 4096u}) {
      GgufBuilder builder = SmallFile();
      builder.version = version;
      builder.alignment = alignment;
      const std::string bytes = builder.Bytes();
      ASSERT_OK_AND_ASSIGN(const GgufHeader header, Read(bytes));
      EXPECT_EQ(header.metadata["general.architecture"], "llama");
      EXPECT_EQ(header.metadata["llama.block_count"], 2);
      EXPECT_EQ(header.metadata["llama.rope.freq_base"], 0.5);
      EXPECT_EQ(header.metadata["tokenizer.ggml.add_bos_token"], true);
      EXPECT_EQ(header.metadata["numbers"], (std::vector<int>{-1, 7}));
      EXPECT_EQ(header.metadata["switches"], (std::vector<bool>{true, false}));
      ASSERT_EQ(header.tensors.size(), 3u);
      const GgufTensor& matrix = header.tensors[0];
      EXPECT_EQ(matrix.tensor.name, "matrix");
      EXPECT_EQ(matrix.tensor.dtype, "F32");
      EXPECT_EQ(matrix.tensor.shape, (std::vector<int64_t>{2, 3}));
      EXPECT_EQ(matrix.tensor.bytes, 24);
      EXPECT_EQ(matrix.tensor.file, folder_.File("model.gguf"));
      EXPECT_EQ(matrix.offset % alignment, 0);
      EXPECT_EQ(bytes.substr(static_cast<size_t>(matrix.offset), 24),
                GgufValues({1, 2, 3, 4, 5, 6}, kGgufF32));
      EXPECT_EQ(header.tensors[1].tensor.bytes, 10);
      EXPECT_EQ(header.tensors[2].tensor.dtype, "Q8_0");
      EXPECT_EQ(header.tensors[2].tensor.bytes, 68);
    }
  }
}

TEST_F(GgufHeaderTest, TheVocabularyIsReadOnlyWhereItIsWanted) {
  const std::string bytes = SmallFile().Bytes();
  ASSERT_OK_AND_ASSIGN(const GgufHeader model, Read(bytes));
  EXPECT_TRUE(model.metadata["tokenizer.ggml.tokens"].empty());
  EXPECT_TRUE(model.metadata["tokenizer.ggml.scores"].empty());
  ASSERT_OK_AND_ASSIGN(const GgufHeader metadata, Read(bytes, GgufParts::kMetadata));
  EXPECT_EQ(metadata.metadata["tokenizer.ggml.tokens"],
            (std::vector<std::string>{"a", "", "\xE2\x96\x81"}));
  EXPECT_EQ(metadata.metadata["tokenizer.ggml.scores"], (std::vector<float>{0, -1, 2}));
  EXPECT_TRUE(metadata.tensors.empty());
}

// Every prefix is a download that stopped.
TEST_F(GgufHeaderTest, TruncatedFilesAreErrors) {
  ASSERT_OK_AND_ASSIGN(const GgufHeader header, Read(SmallFile().Bytes()));
  // The last tensor's own bytes end before the padding does.
  const std::string path = folder_.File("model.gguf");
  const int64_t end = header.tensors[2].offset + header.tensors[2].tensor.bytes;
  for (int64_t length = end; length >= 0; --length) {
    std::filesystem::resize_file(path, static_cast<uintmax_t>(length));
    ASSERT_OK_AND_ASSIGN(const InputFile file, InputFile::Open(path));
    const absl::Status status = ReadGgufHeader(file, GgufParts::kModel).status();
    const bool is_error = absl::IsDataLoss(status) || absl::IsInvalidArgument(status);
    EXPECT_EQ(is_error, length < end) << length << " bytes: " << status;
  }
}

// Every byte of the header set to values that turn counts, lengths and types around: an error or a
// header, and nothing that a sanitizer would find.
TEST_F(GgufHeaderTest, DamagedBytesDoNoHarm) {
  const std::string bytes = SmallFile().Bytes();
  ASSERT_OK_AND_ASSIGN(const GgufHeader header, Read(bytes));
  ASSERT_OK_AND_ASSIGN(const InputFile file, InputFile::Open(folder_.File("model.gguf")));
  std::fstream writer(folder_.File("model.gguf"), std::ios::binary | std::ios::in | std::ios::out);
  const auto set = [&](int64_t offset, char byte) {
    writer.seekp(offset);
    writer.put(byte);
    writer.flush();
  };
  int errors = 0;
  for (int64_t i = 0; i < header.tensors[0].offset; ++i) {
    for (const unsigned char value : {0x00, 0x09, 0x7F, 0xFF}) {
      set(i, static_cast<char>(value));
      errors += !ReadGgufHeader(file, GgufParts::kModel).ok();
      errors += !ReadGgufHeader(file, GgufParts::kMetadata).ok();
    }
    set(i, bytes[static_cast<size_t>(i)]);
  }
  EXPECT_GT(errors, 500);
  EXPECT_OK(ReadGgufHeader(file, GgufParts::kModel));
}

struct Hostile {
  const char* name;
  std::string file;
  std::vector<std::string> message;
  StatusCode code = StatusCode::kInvalidArgument;
};

// One tensor with this description, and `data_bytes` behind it.
std::string OneTensor(const std::string& info, size_t data_bytes) {
  std::string file = GgufStart(3, 1, 0) + info;
  file.resize((file.size() + 31) / 32 * 32, '\0');
  return file + std::string(data_bytes, '\0');
}

std::string OneEntry(const std::string& entry) {
  return GgufStart(3, 0, 1) + entry + std::string(64, '\0');
}

const std::string kRoom(200, '\0');  // bytes enough behind a header, so that nothing is truncated

std::string U32(uint32_t value) { return GgufNumber(value); }
std::string U64(uint64_t value) { return GgufNumber(value); }

// The magic, the version and the counts.
std::vector<Hostile> HostileStarts() {
  return {
      {"another magic", "GGML" + kRoom, {"begins with GGUF"}},
      {"version 1", "GGUF" + U32(1) + kRoom, {"2 or 3", "found 1"}, StatusCode::kUnimplemented},
      {"version 4", GgufStart(4, 0, 0), {"found 4"}, StatusCode::kUnimplemented},
      {"big-endian", "GGUF" + U32(3u << 24) + kRoom, {"big-endian"}, StatusCode::kUnimplemented},
      {"huge tensor count", GgufStart(3, ~uint64_t{0}, 0) + kRoom, {"number of tensors", "fit"}},
      {"tensor count past the end", GgufStart(3, 8, 0) + kRoom, {"number of tensors", "found 8"}},
      {"huge entry count", GgufStart(3, 0, uint64_t{1} << 62) + kRoom, {"metadata entries"}},
  };
}

// Keys and values of the metadata.
std::vector<Hostile> HostileEntries() {
  return {
      {"key past the end",
       OneEntry(U64(1000) + "k"),
       {"truncated", "a key"},
       StatusCode::kDataLoss},
      {"key too long", OneEntry(U64(uint64_t{1} << 40)), {"a key", "65535"}},
      {"unknown value type", OneEntry(GgufEntry("k", 13, "")), {"k", "0 to 12", "found 13"}},
      {"boolean 2", OneEntry(GgufEntry("k", 7, "\2")), {"0 or 1", "found 2"}},
      {"string past the end",
       OneEntry(GgufEntry("k", 8, U64(10000))),
       {"truncated", "10000"},
       StatusCode::kDataLoss},
      {"string too long", OneEntry(GgufEntry("k", 8, U64(~uint64_t{0}))), {"k", "at most"}},
      {"array of arrays", OneEntry(GgufEntry("k", 9, U32(9) + U64(1))), {"one of arrays"}},
      {"array of an unknown type", OneEntry(GgufEntry("k", 9, U32(99) + U64(1))), {"type 99"}},
      {"huge array", OneEntry(GgufEntry("k", 9, U32(0) + U64(~uint64_t{0}))), {"k", "fit"}},
      {"array past the end", OneEntry(GgufEntry("k", 9, U32(8) + U64(9))), {"found 9"}},
      {"array item past the end",
       OneEntry(GgufEntry("k", 9, U32(8) + U64(1) + U64(5000))),
       {"truncated"},
       StatusCode::kDataLoss},
      {"skipped array item past the end",
       OneEntry(GgufEntry("tokenizer.k", 9, U32(8) + U64(1) + U64(~uint64_t{0}))),
       {"truncated"},
       StatusCode::kDataLoss},
      {"key twice",
       GgufStart(3, 0, 2) + GgufEntry("k", 0, "\1") + GgufEntry("k", 0, "\1") + kRoom,
       {"\"k\"", "twice"}},
  };
}

// Shapes and types of tensors.
std::vector<Hostile> HostileShapes() {
  return {
      {"no dimensions", OneTensor(GgufTensorInfo("a", {}, 0, 0), 64), {"\"a\"", "found 0"}},
      {"five dimensions", OneTensor(GgufTensorInfo("a", {1, 1, 1, 1, 1}, 0, 0), 64), {"found 5"}},
      {"a size of zero", OneTensor(GgufTensorInfo("a", {4, 0}, 0, 0), 64), {"size of 0"}},
      {"a size beyond 63 bits",
       OneTensor(GgufTensorInfo("a", {~uint64_t{0}}, 0, 0), 64),
       {"size of 18446744073709551615"}},
      {"overflowing sizes",
       OneTensor(GgufTensorInfo("a", {uint64_t{1} << 31, uint64_t{1} << 31, 4}, 0, 0), 64),
       {"overflows"}},
      {"a row that overflows",
       OneTensor(GgufTensorInfo("a", {uint64_t{1} << 62}, 0, 0), 64),
       {"overflows"}},
      {"a type that isn't read",
       OneTensor(GgufTensorInfo("a", {256}, 10, 0), 84),
       {"\"a\"", "Q2_K", "Q4_K"},
       StatusCode::kUnimplemented},
      {"a type that isn't known",
       OneTensor(GgufTensorInfo("a", {256}, 1000, 0), 84),
       {"number 1000"},
       StatusCode::kUnimplemented},
      {"half a block", OneTensor(GgufTensorInfo("a", {48, 2}, 2, 0), 64), {"blocks of 32", "48"}},
      {"a vector of blocks", OneTensor(GgufTensorInfo("a", {32}, 2, 0), 64), {"plain numbers"}},
  };
}

// Where tensors lie.
std::vector<Hostile> HostileOffsets() {
  const std::string small = GgufTensorInfo("a", {4}, kGgufF32, 0);
  return {
      {"offset not aligned", OneTensor(GgufTensorInfo("a", {4}, 0, 4), 64), {"multiple of 32"}},
      {"data past the end",
       OneTensor(GgufTensorInfo("a", {4}, 0, 64), 64),
       {"\"a\"", "truncated"},
       StatusCode::kDataLoss},
      {"offset beyond 63 bits",
       OneTensor(GgufTensorInfo("a", {4}, 0, ~uint64_t{31}), 64),
       {"truncated"},
       StatusCode::kDataLoss},
      {"a size beyond the file",
       OneTensor(GgufTensorInfo("a", {uint64_t{1} << 40}, 0, 0), 64),
       {"truncated"},
       StatusCode::kDataLoss},
      {"overlap",
       GgufStart(3, 2, 0) + GgufTensorInfo("a", {16}, 0, 0) + GgufTensorInfo("b", {4}, 0, 32) +
           kRoom,
       {"\"b\"", "overlaps", "\"a\""}},
      {"name twice", GgufStart(3, 2, 0) + small + small + kRoom, {"\"a\"", "twice"}},
  };
}

// The entry that says how tensors are aligned.
std::vector<Hostile> HostileAlignments() {
  const std::string small = GgufTensorInfo("a", {4}, kGgufF32, 0);
  return {
      {"alignment of zero",
       GgufStart(3, 1, 1) + GgufEntry("general.alignment", 4, U32(0)) + small + kRoom,
       {"general.alignment", "power of two", "found 0"}},
      {"alignment of 24",
       GgufStart(3, 1, 1) + GgufEntry("general.alignment", 4, U32(24)) + small + kRoom,
       {"found 24"}},
      {"alignment that is ill-formed text",
       GgufStart(3, 1, 1) + GgufEntry("general.alignment", 8, GgufText("\xFF")) + small + kRoom,
       {"general.alignment: expected uint32, found string"}},
      {"alignment of another type",
       GgufStart(3, 1, 1) + GgufEntry("general.alignment", 5, U32(32)) + small + kRoom,
       {"general.alignment: expected uint32, found int32"}},
      {"alignment of 64 bits",
       GgufStart(3, 1, 1) + GgufEntry("general.alignment", 10, U64(32)) + small + kRoom,
       {"general.alignment: expected uint32, found uint64"}},
  };
}

TEST_F(GgufHeaderTest, HostileFilesAreErrors) {
  for (const auto& cases : {HostileStarts(), HostileEntries(), HostileShapes(), HostileOffsets(),
                            HostileAlignments()}) {
    for (const Hostile& hostile : cases) {
      EXPECT_THAT(Read(hostile.file), MatchesStatus(hostile.code, hostile.message)) << hostile.name;
    }
  }
}

TEST_F(GgufHeaderTest, OnlyGgufIsRecognised) {
  WriteFileBytes(folder_.File("a"), "GGUF");
  WriteFileBytes(folder_.File("b"), "GGU");
  WriteFileBytes(folder_.File("c"), "{\"GGUF\"}");
  ASSERT_OK_AND_ASSIGN(const InputFile a, InputFile::Open(folder_.File("a")));
  ASSERT_OK_AND_ASSIGN(const InputFile b, InputFile::Open(folder_.File("b")));
  ASSERT_OK_AND_ASSIGN(const InputFile c, InputFile::Open(folder_.File("c")));
  EXPECT_TRUE(IsGguf(a));
  EXPECT_FALSE(IsGguf(b));
  EXPECT_FALSE(IsGguf(c));
}

}  // namespace
}  // namespace inkling
