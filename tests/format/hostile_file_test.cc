// Damaged and hostile model files: truncated, bytes flipped, every field wrong. An error each time,
// with a message that says what; never a crash, and never a model that reads outside its file.

#include <cmath>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "src/format/model_metadata.h"
#include "src/format/model_metadata_generated.h"
#include "src/format/model_reader.h"
#include "src/format/stored_tensors.h"
#include "tests/format/model_parts.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

constexpr int64_t kRoom = 4096;

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kBlock32 = {ElementType::kInt4Block, 32};

// Touches everything that an opened model gives access to.
int64_t ReadEverything(const ModelReader& reader) {
  int64_t sum = static_cast<int64_t>(EncodeMetadata(reader.metadata()).size());
  for (const TensorView& view : reader.tensors()) {
    for (int64_t i = 0; i < view.value_bytes; ++i) sum += std::to_integer<int>(view.values[i]);
    for (int64_t i = 0; i < view.scale_bytes; ++i) sum += std::to_integer<int>(view.scales[i]);
  }
  return sum;
}

class HostileFileTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(WriteRandomModel(path_, TinyConfig(), kBlock32, kInt8, 1));
    good_ = ReadFileBytes(path_);
    ASSERT_OK_AND_ASSIGN(container_, DecodeContainer(AsBytes(good_)));
    ASSERT_OK_AND_ASSIGN(metadata_, DecodeMetadata(AsBytes(good_).subspan(
                                        container_.metadata.offset, container_.metadata.size)));
    // Room behind the flatbuffer, so that tests can make it longer.
    container_.metadata.offset += kRoom;
    container_.checksum.offset += kRoom;
    for (ContainerTensor& tensor : container_.tensors) tensor.extent.offset += kRoom;
    const size_t tensors = static_cast<size_t>(container_.checksum.end() - kRoom);
    good_ = AssembleHead(container_, EncodeMetadata(metadata_)) + good_.substr(tensors);
  }

  absl::Status OpenBytes(const std::string& bytes) {
    WriteFileBytes(path_, bytes);
    return OpenFile();
  }

  // `file` differs from what lies on the disk in the head only.
  absl::Status OpenWithHeadOf(const std::string& file) {
    std::fstream stream(path_, std::ios::binary | std::ios::in | std::ios::out);
    stream.write(file.data(), container_.checksum.end());
    stream.close();
    EXPECT_TRUE(stream.good());
    return OpenFile();
  }

  absl::Status OpenFile() {
    absl::StatusOr<std::unique_ptr<ModelReader>> reader = ModelReader::Open(path_);
    if (reader.ok()) ReadEverything(**reader);
    return reader.status();
  }

  // The file with another container, good metadata and a good checksum.
  absl::Status OpenWith(const Container& container) {
    std::string file = good_;
    const std::string head = AssembleHead(container, EncodeMetadata(metadata_));
    file.resize(1 << 18);  // room for what a test appends
    std::copy(head.begin(), head.end(), file.begin());
    return OpenBytes(file);
  }

  // The file with other metadata, in its place or behind the last tensor if it is longer, and a
  // good checksum.
  absl::Status OpenWith(const std::vector<std::byte>& metadata) {
    Container container = container_;
    const int64_t shift =
        (static_cast<int64_t>(metadata.size()) - container.metadata.size + 4095) / 4096 * 4096;
    container.metadata.size = static_cast<int64_t>(metadata.size());
    if (shift > 0) {
      container.checksum.offset += shift;
      for (ContainerTensor& tensor : container.tensors) tensor.extent.offset += shift;
    }
    std::string file = AssembleHead(container, metadata);
    file.resize(good_.size() + static_cast<size_t>(std::max<int64_t>(shift, 0)));
    return OpenBytes(file);
  }

  // Makes each change alone to a good container, and expects an error with these words in it.
  void ExpectNamed(
      const std::vector<std::pair<std::vector<std::string>, std::function<void(Container&)>>>&
          cases) {
    ASSERT_EQ(container_.tensors[0].name, "embedding.weight");
    ASSERT_EQ(container_.tensors[3].name, "layers.0.attention.q.weight");
    for (const auto& [fragments, change] : cases) {
      Container container = container_;
      change(container);
      const absl::Status status = OpenWith(container);
      EXPECT_THAT(status,
                  MatchesStatus(status.ok() ? absl::StatusCode::kInvalidArgument : status.code(),
                                fragments));
      EXPECT_FALSE(status.ok()) << fragments[0];
    }
  }

  const TempDir dir_;
  const std::string path_ = dir_.File("m");
  std::string good_;
  Container container_;
  ModelMetadata metadata_;
};

TEST_F(HostileFileTest, TheGoodFileOpensAndItsPartsFitTogether) {
  EXPECT_OK(OpenBytes(good_));
  EXPECT_OK(OpenWith(container_));
  EXPECT_OK(OpenWith(EncodeMetadata(metadata_)));
}

TEST_F(HostileFileTest, EveryTruncationIsAnError) {
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_FALSE(OpenBytes(good_.substr(0, good_.size() * i / 64)).ok()) << i;
  }
  for (size_t left_out : {1, 2, 63, 64, 65})
    EXPECT_FALSE(OpenBytes(good_.substr(0, good_.size() - left_out)).ok());
  for (size_t length = 0; length < 200; ++length)
    EXPECT_FALSE(OpenBytes(good_.substr(0, length)).ok()) << length;
}

TEST_F(HostileFileTest, EveryDamagedByteOfTheHeadIsNoticed) {
  std::minstd_rand random(1);
  ASSERT_OK(OpenBytes(good_));
  for (int64_t i = 0; i < container_.checksum.end(); ++i) {
    std::string file = good_;
    file[static_cast<size_t>(i)] =
        static_cast<char>(file[static_cast<size_t>(i)] ^ (1 << (random() % 8)));
    ASSERT_FALSE(OpenWithHeadOf(file).ok()) << "byte " << i;
  }
}

// With a good checksum over bad bytes the checks behind it are on their own.
TEST_F(HostileFileTest, TenThousandForgeriesNeverCrash) {
  std::minstd_rand random(2);
  ASSERT_OK(OpenBytes(good_));
  int opened = 0;
  for (int round = 0; round < 10000; ++round) {
    std::string file = good_;
    for (uint32_t count = 1 + random() % 4; count > 0; --count) {
      const size_t where = random() % static_cast<size_t>(container_.checksum.offset);
      const char values[] = {'\0', '\xff', '\x7f', static_cast<char>(random()),
                             static_cast<char>(file[where] + 1)};
      file[where] = values[random() % 5];
    }
    Seal(file, container_.checksum);
    const absl::Status status = OpenWithHeadOf(file);
    opened += status.ok() ? 1 : 0;
    ASSERT_TRUE(status.ok() || absl::StrContains(status.message(), path_)) << status;
  }
  // Scores and texts may change freely, so many open; structure may not, so many don't.
  EXPECT_GT(opened, 100);
  EXPECT_LT(opened, 9900);
}

TEST_F(HostileFileTest, WrongNamesAndShapesAreNamed) {
  ExpectNamed({
      {{"embedding.weight", "shape", "[320, 32]", "[321, 32]"},
       [](Container& c) { c.tensors[0].shape[0] = 321; }},
      {{"embedding.weight", "shape", "[10240]"},
       [](Container& c) { c.tensors[0].shape = {10240}; }},
      {{"embedding.weight", "shape", "[-320, -32]"},
       [](Container& c) {
         c.tensors[0].shape = {-320, -32};
       }},
      {{"rank"}, [](Container& c) { c.tensors[0].shape.assign(9, 1); }},
      {{"embedding.weight", "found none"}, [](Container& c) { c.tensors[0].name = "embedding"; }},
      {{"one tensor", "found two"}, [](Container& c) { c.tensors[3].name = c.tensors[0].name; }},
      {{"256 bytes"}, [](Container& c) { c.tensors[0].name = std::string(300, 'x'); }},
      {{"expected the config's"},
       [](Container& c) {
         c.tensors.push_back(c.tensors[2]), c.tensors.back().name = "more",
                                            c.tensors.back().extent = {1 << 16, 64};
       }},
  });
}

TEST_F(HostileFileTest, WrongPlacesAreNamed) {
  ExpectNamed({
      {{"embedding.weight", "bytes", "expected 10240", "found 10176"},
       [](Container& c) { c.tensors[0].extent.size -= 64; }},
      {{"embedding.weight", "found 0 bytes"}, [](Container& c) { c.tensors[0].extent.size = 0; }},
      {{"embedding.weight", "inside the file's"},
       [](Container& c) { c.tensors[0].extent.offset = 1 << 20; }},
      {{"embedding.weight", "inside the file's"},
       [](Container& c) { c.tensors[0].extent.offset = -64; }},
      {{"embedding.weight", "inside the file's"},
       [](Container& c) { c.tensors[0].extent.size = -1; }},
      {{"divisible by 64"}, [](Container& c) { c.tensors[0].extent.offset += 4; }},
      {{"don't overlap"}, [](Container& c) { c.tensors[0].extent.offset += 64; }},
      {{"don't overlap", "inside inkling.checksum"},
       [](Container& c) { c.tensors[0].extent.offset = c.checksum.offset; }},
      {{"don't overlap", "inside inkling.model"},
       [](Container& c) { c.tensors[0].extent.offset = c.metadata.offset + 64; }},
      {{"damaged"}, [](Container& c) { c.metadata.offset = 64; }},
      {{"checksum", "16 bytes"}, [](Container& c) { c.checksum.size = 32; }},
      {{"metadata, then the checksum"}, [](Container& c) { c.metadata.offset = 1 << 17; }},
  });
}

TEST_F(HostileFileTest, WrongScalesAndTypesAreNamed) {
  ExpectNamed({
      {{"embedding.weight", "scales", "found none"},
       [](Container& c) { c.tensors[0].scale_tensor = -1; }},
      {{"embedding.weight", "embedding.weight.scale", "no such"},
       [](Container& c) { c.tensors[0].scale_tensor = 999; }},
      {{"embedding.weight", "embedding.weight.scale", "norm"},
       [](Container& c) { c.tensors[0].scale_tensor = 2; }},
      {{"embedding.weight", "block size", "expected 32", "found 16"},
       [](Container& c) { c.tensors[0].block_size = 16; }},
      {{"attention.q.weight", "block size", "found 48"},
       [](Container& c) { c.tensors[3].block_size = 48; }},
      {{"attention.q.weight", "block size", "found 0"},
       [](Container& c) { c.tensors[3].block_size = 0; }},
      {{"q.weight.scale", "scales", "expected none"},
       [](Container& c) { c.tensors[4].scale_tensor = 0; }},
      {{"embedding.weight.scale", "type", "expected f32", "TFLite type 1"},
       [](Container& c) { c.tensors[1].type = wire::TensorType::FLOAT16; }},
      {{"attention_norm.weight", "type", "f16"},
       [](Container& c) { c.tensors[2].type = wire::TensorType::FLOAT16; }},
      {{"attention_norm.weight", "scales"}, [](Container& c) { c.tensors[2].scale_tensor = 1; }},
  });
}

TEST_F(HostileFileTest, UnknownTypesAreUnimplemented) {
  Container container = container_;
  container.tensors[2].type = static_cast<wire::TensorType>(2);
  EXPECT_THAT(OpenWith(container),
              MatchesStatus(absl::StatusCode::kUnimplemented,
                            {"layers.0.attention_norm.weight", "type 2", "not supported"}));
}

TEST_F(HostileFileTest, WrongMetadataIsNamed) {
  const std::vector<std::pair<std::string, std::function<void(ModelMetadata&)>>> cases = {
      {"vocab_size", [](ModelMetadata& m) { m.config.vocab_size = -1; }},
      {"feed_forward.activation 7 is not supported by this version",
       [](ModelMetadata& m) { m.config.activation = static_cast<Activation>(7); }},
      {"attention_scale", [](ModelMetadata& m) { m.config.attention_scale = std::nanf(""); }},
      {"embedding.weight: shape: expected [319, 32]",
       [](ModelMetadata& m) {
         m.config.vocab_size = 319, m.tokenizer = {}, m.prompt_template.stop_ids.clear();
       }},
      {"layers.2.attention_norm.weight",
       [](ModelMetadata& m) { m.config.num_layers = 3, m.config.layers.resize(3); }},
      {"1000 layers",
       [](ModelMetadata& m) { m.config.num_layers = 1000, m.config.layers.resize(1000); }},
      {"model_id", [](ModelMetadata& m) { m.model_id = "xyz"; }},
      {"at most vocab_size", [](ModelMetadata& m) { m.config.vocab_size = 300; }},
      {"piece_offsets[5]", [](ModelMetadata& m) { m.tokenizer.piece_offsets[5] = 0; }},
      {"piece_offsets[0]", [](ModelMetadata& m) { m.tokenizer.piece_offsets[0] = 1; }},
      {"piece_offsets", [](ModelMetadata& m) { m.tokenizer.piece_bytes.pop_back(); }},
      {"piece_types", [](ModelMetadata& m) { m.tokenizer.piece_types.pop_back(); }},
      {"piece_types 9", [](ModelMetadata& m) { m.tokenizer.piece_types[0] = 9; }},
      {"piece_scores", [](ModelMetadata& m) { m.tokenizer.piece_scores = {1.0f}; }},
      {"merges.left", [](ModelMetadata& m) { m.tokenizer.merges[0].left = 320; }},
      {"merges.right", [](ModelMetadata& m) { m.tokenizer.merges[0].right = -1; }},
      {"merges.result", [](ModelMetadata& m) { m.tokenizer.merges[0].result = 1 << 30; }},
      {"merge_priority 0",
       [](ModelMetadata& m) { m.tokenizer.merge_priority = static_cast<MergePriority>(0); }},
      {"tokenizer.kind 4",
       [](ModelMetadata& m) { m.tokenizer.kind = static_cast<TokenizerKind>(4); }},
      {"word_splits.split 12",
       [](ModelMetadata& m) { m.tokenizer.word_splits[0].split = static_cast<WordSplit>(12); }},
      {"added_tokens.id", [](ModelMetadata& m) { m.tokenizer.added_tokens[0].id = 320; }},
      {"bos_id", [](ModelMetadata& m) { m.tokenizer.bos_id = -2; }},
      {"stop_ids", [](ModelMetadata& m) { m.tokenizer.stop_ids = {-1}; }},
      {"prompt_template.stop_ids", [](ModelMetadata& m) { m.prompt_template.stop_ids = {320}; }},
      {"system_placement 0",
       [](ModelMetadata& m) {
         m.prompt_template.system_placement = static_cast<SystemPlacement>(0);
       }},
  };
  for (const auto& [fragment, change] : cases) {
    ModelMetadata metadata = metadata_;
    change(metadata);
    const absl::Status status = OpenWith(EncodeMetadata(metadata));
    EXPECT_FALSE(status.ok()) << fragment;
    EXPECT_TRUE(absl::StrContains(status.message(), fragment))
        << "expected " << fragment << ", found " << status;
  }
}

TEST_F(HostileFileTest, AnotherFormatVersionIsUnimplemented) {
  std::vector<std::byte> metadata = EncodeMetadata(metadata_);
  auto* table = reinterpret_cast<flatbuffers::Table*>(
      flatbuffers::GetMutableRoot<wire::ModelMetadata>(metadata.data()));
  uint8_t* version = table->GetAddressOf(wire::ModelMetadata::VT_FORMAT_VERSION);
  *version = 4;
  EXPECT_THAT(OpenWith(metadata),
              MatchesStatus(absl::StatusCode::kUnimplemented, {"format_version 4", "reads 3"}));
  *version = 2;
  EXPECT_THAT(OpenWith(metadata),
              MatchesStatus(absl::StatusCode::kUnimplemented,
                            {"format_version 2", "reads 3", "convert its checkpoint again"}));
}

// Files of versions 1 and 2 had another hash as their checksum.
TEST_F(HostileFileTest, AnEarlierVersionIsNotTakenForDamage) {
  std::string file = good_;
  char& checksum = file[static_cast<size_t>(container_.checksum.offset)];
  checksum = static_cast<char>(checksum ^ 1);
  EXPECT_THAT(OpenBytes(file),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"the file is damaged"}));
  auto* table = reinterpret_cast<flatbuffers::Table*>(
      flatbuffers::GetMutableRoot<wire::ModelMetadata>(file.data() + container_.metadata.offset));
  for (const uint8_t version : {1, 2}) {
    *table->GetAddressOf(wire::ModelMetadata::VT_FORMAT_VERSION) = version;
    EXPECT_THAT(OpenBytes(file),
                MatchesStatus(absl::StatusCode::kUnimplemented, {"convert its checkpoint again"}));
  }
}

// Tables may share their parts, so that a small file claims to be a huge one; the copies are
// counted.
TEST_F(HostileFileTest, SharedPartsDontMultiply) {
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<uint8_t> text(1 << 16, 'x');
  const auto shared = builder.CreateVector(text);
  std::vector<flatbuffers::Offset<wire::AddedToken>> tokens;
  for (int i = 0; i < 10000; ++i) tokens.push_back(wire::CreateAddedToken(builder, 0, shared));
  const auto added_tokens = builder.CreateVector(tokens);
  const auto normalizer = wire::CreateNormalizer(builder);
  const auto decoder = wire::CreateDecoder(builder);
  wire::TokenizerBuilder tokenizer(builder);
  tokenizer.add_normalizer(normalizer);
  tokenizer.add_decoder(decoder);
  tokenizer.add_added_tokens(added_tokens);
  const auto tokenizer_offset = tokenizer.Finish();
  const auto config = wire::CreateConfig(builder);
  const auto role = wire::CreateRoleText(builder);
  const auto prompt_template = wire::CreatePromptTemplate(builder, 0, 0, 0, role, role, role);
  const auto provenance = wire::CreateProvenance(builder);
  const auto id = builder.CreateString(std::string(32, '0'));
  wire::FinishModelMetadataBuffer(
      builder, wire::CreateModelMetadata(builder, kFormatVersion, id, config, tokenizer_offset,
                                         prompt_template, provenance));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  EXPECT_THAT(OpenWith(std::vector<std::byte>(bytes, bytes + builder.GetSize())),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"found shared ones"}));
}

TEST_F(HostileFileTest, WhatIsNoModelFileSaysSo) {
  EXPECT_THAT(ModelReader::Open(dir_.File("missing")),
              MatchesStatus(absl::StatusCode::kNotFound, {"missing"}));
  EXPECT_THAT(ModelReader::Open(dir_.path()),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"found a folder"}));
  EXPECT_THAT(ModelReader::Open("/dev/null"),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"expected a file"}));
  EXPECT_THAT(OpenBytes(""), MatchesStatus(absl::StatusCode::kInvalidArgument, {"empty"}));
  EXPECT_THAT(OpenBytes("short"),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"at least 64", "found 5"}));
  EXPECT_THAT(OpenBytes(std::string(1000, '\1')),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"TFL3"}));
  std::string foreign = good_;
  foreign.replace(foreign.find("inkling.model"), 7, "sparrow");
  EXPECT_THAT(OpenBytes(foreign),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"inkling.model", "found none"}));
}

}  // namespace
}  // namespace inkling
