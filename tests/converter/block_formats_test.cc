// Blocks of every quantised type, bit for bit against what python3-gguf makes of them
// (gguf_blocks/make.py), and the dequantising of whole rows.

#include "converter/files/block_formats.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "converter/files/source_numbers.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

absl::Span<const std::byte> AsBytes(const std::string& text) {
  return absl::MakeSpan(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

std::string BytesOf(absl::Span<const float> values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

TEST(BlockFormatsTest, ValuesAreThoseOfTheReferenceBitForBit) {
  const std::string file =
      ReadFileBytes(INKLING_TEST_DATA_DIR "/converter/gguf_blocks/vectors.txt");
  std::map<std::string, int> counts;
  std::map<std::string, std::pair<std::string, std::string>> rows;  // all blocks of a type, in one
  for (absl::string_view line : absl::StrSplit(file, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> parts = absl::StrSplit(line, ' ');
    ASSERT_EQ(parts.size(), 3u);
    std::string block;
    std::string expected;
    ASSERT_TRUE(absl::HexStringToBytes(parts[1], &block));
    ASSERT_TRUE(absl::HexStringToBytes(parts[2], &expected));
    const BlockFormat* format = FindBlockFormat(parts[0]);
    ASSERT_NE(format, nullptr) << parts[0];
    EXPECT_EQ(block.size(), static_cast<size_t>(format->num_bytes));
    EXPECT_EQ(expected.size(), static_cast<size_t>(format->num_values) * sizeof(float));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> values, ConvertToFloat(AsBytes(block), parts[0]));
    EXPECT_EQ(absl::BytesToHexString(BytesOf(values)), parts[2]) << parts[0] << " " << parts[1];
    ++counts[parts[0]];
    rows[parts[0]].first += block;
    rows[parts[0]].second += expected;
  }
  EXPECT_EQ(counts, (std::map<std::string, int>{{"Q4_0", 5},
                                                {"Q4_1", 5},
                                                {"Q5_0", 5},
                                                {"Q5_1", 5},
                                                {"Q8_0", 5},
                                                {"Q4_K", 3},
                                                {"Q5_K", 3},
                                                {"Q6_K", 3}}));
  for (const auto& [name, row] : rows) {
    ASSERT_OK_AND_ASSIGN(const std::vector<float> values, ConvertToFloat(AsBytes(row.first), name));
    EXPECT_EQ(BytesOf(values), row.second) << name;
  }
}

TEST(BlockFormatsTest, TypesAreFoundByNumberAndByName) {
  for (const uint32_t type : {0u, 1u, 2u, 3u, 6u, 7u, 8u, 12u, 13u, 14u, 30u}) {
    const BlockFormat* format = FindBlockFormat(type);
    ASSERT_NE(format, nullptr) << type;
    EXPECT_EQ(FindBlockFormat(format->name), format);
    EXPECT_EQ(format->dequantize == nullptr, format->num_values == 1) << format->name;
  }
  EXPECT_EQ(FindBlockFormat(10u), nullptr);
  EXPECT_EQ(UnreadTypeName(10), "Q2_K");
  EXPECT_EQ(UnreadTypeName(4), "number 4");
  EXPECT_EQ(BlockFormatNames(), "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K");
}

TEST(BlockFormatsTest, OnlyWholeBlocksOfReadTypesAreDequantized) {
  const std::string bytes(35, '\0');
  EXPECT_THAT(ConvertToFloat(AsBytes(bytes), "Q8_0"),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"35", "Q8_0"}));
  EXPECT_THAT(ConvertToFloat(AsBytes(bytes), "Q2_K"),
              MatchesStatus(absl::StatusCode::kUnimplemented, {"Q2_K"}));
  ASSERT_OK_AND_ASSIGN(const std::vector<float> none, ConvertToFloat({}, "Q6_K"));
  EXPECT_TRUE(none.empty());
}

TEST(BlockFormatsTest, ScalesOfSymmetricBlocks) {
  std::string blocks(36, '\0');
  const uint16_t halves[2] = {0x3C00, 0xB800};  // 1 and -0.5
  std::memcpy(&blocks[0], &halves[0], 2);
  std::memcpy(&blocks[18], &halves[1], 2);
  EXPECT_EQ(Q4BlockScales(AsBytes(blocks)), (std::vector<float>{1.0f, -0.5f}));
}

}  // namespace
}  // namespace inkling
