// Safetensors through the Hugging Face reader: what it reads is what was written, and a hostile
// file is an error.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/files/safetensors_header.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

size_t IndexOf(const Checkpoint& checkpoint, const std::string& name) {
  for (size_t i = 0; i < checkpoint.tensors().size(); ++i) {
    if (checkpoint.tensors()[i].name == name) return i;
  }
  ADD_FAILURE() << "no tensor " << name;
  return 0;
}

TEST(SafetensorsReaderTest, ConvertsEveryFloatTypeExactly) {
  TempDir folder;
  // Subnormal, largest and smallest halves; signed zero; infinities.
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> halves = {0.0f,     -0.0f,     1.0f,     -2.5f, 65504.0f,
                                     0x1p-24f, -0x1p-24f, 0x1p-14f, inf,   -inf};
  TinyCheckpoint checkpoint;
  checkpoint.tensors = {{"half", "F16", {5, 2}, halves},
                        {"brain", "BF16", {3}, {1.5f, -0x1p-130f, 3.0e38f}},
                        {"single", "F32", {2, 1}, {0.1f, -1e-42f}}};
  checkpoint.tensors[1].values[2] = 0x1.FEp127f;
  checkpoint.Write(folder.path());
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Checkpoint> read, Checkpoint::Open(folder.path()));
  for (const FixtureTensor& tensor : checkpoint.tensors) {
    const size_t index = IndexOf(*read, tensor.name);
    EXPECT_EQ(read->tensors()[index].shape, tensor.shape);
    ASSERT_OK_AND_ASSIGN(std::vector<float> values, read->ReadRows(index, 0, tensor.shape[0]));
    EXPECT_EQ(values, tensor.values) << tensor.name;
  }
}

TEST(SafetensorsReaderTest, ReadsRowRanges) {
  TempDir folder;
  const TinyCheckpoint checkpoint;
  checkpoint.Write(folder.path());
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Checkpoint> read, Checkpoint::Open(folder.path()));
  const size_t index = IndexOf(*read, "lm_head.weight");
  const std::vector<float>& all = checkpoint.tensors.back().values;
  ASSERT_OK_AND_ASSIGN(std::vector<float> rows, read->ReadRows(index, 7, 2));
  EXPECT_EQ(rows, std::vector<float>(all.begin() + 7 * 32, all.begin() + 9 * 32));
  ASSERT_OK_AND_ASSIGN(std::vector<float> none, read->ReadRows(index, 320, 0));
  EXPECT_TRUE(none.empty());
  EXPECT_THAT(read->ReadRows(index, 319, 2), MatchesStatus(StatusCode::kOutOfRange));
  EXPECT_THAT(read->ReadRows(index, -1, 1), MatchesStatus(StatusCode::kOutOfRange));
}

TEST(SafetensorsReaderTest, ShardsHoldTheSameTensors) {
  TempDir folder;
  const TinyCheckpoint checkpoint;
  checkpoint.WriteShards(folder.path(), 3);
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Checkpoint> read, Checkpoint::Open(folder.path()));
  EXPECT_EQ(read->Files().size(), 3);
  ASSERT_EQ(read->tensors().size(), checkpoint.tensors.size());
  for (const FixtureTensor& tensor : checkpoint.tensors) {
    ASSERT_OK_AND_ASSIGN(std::vector<float> values,
                         read->ReadRows(IndexOf(*read, tensor.name), 0, tensor.shape[0]));
    EXPECT_EQ(values, tensor.values) << tensor.name;
  }
}

TEST(SafetensorsReaderTest, OneOfSeveralShardsIsNotTheModel) {
  TempDir folder;
  TinyCheckpoint().Write(folder.path());
  const std::string whole = folder.File("model.safetensors");
  std::filesystem::copy(whole, folder.File("model-00001-of-00001.safetensors"));
  EXPECT_OK(Checkpoint::Open(folder.File("model-00001-of-00001.safetensors")));
  std::filesystem::copy(whole, folder.File("model-00001-of-00002.safetensors"));
  EXPECT_THAT(
      Checkpoint::Open(folder.File("model-00001-of-00002.safetensors")),
      MatchesStatus(StatusCode::kInvalidArgument, {"a part of a model", "give the folder"}));
}

TEST(SafetensorsReaderTest, BrokenShardSetsAreNamed) {
  TempDir folder;
  const TinyCheckpoint checkpoint;
  const std::string index_path = folder.File("model.safetensors.index.json");
  checkpoint.WriteShards(folder.path(), 3);
  const std::string index = ReadFileBytes(index_path);

  std::filesystem::remove(folder.File("model-2.safetensors"));
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kNotFound, {"model-2.safetensors"}));

  // The same tensors again under the missing shard's name.
  std::filesystem::copy(folder.File("model-1.safetensors"), folder.File("model-2.safetensors"));
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kInvalidArgument, {"expected it once"}));

  checkpoint.WriteShards(folder.path(), 3);
  WriteFileBytes(index_path, R"({"weight_map": {"lm_head.weight": "model-1.safetensors"}})");
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kInvalidArgument, {"lm_head.weight", "in no file"}));
  for (const char* hostile : {R"({"weight_map": {"a": "../model-1.safetensors"}})",
                              R"({"weight_map": {"a": 7}})", R"({"weight_map": []})", "[]", "{"}) {
    WriteFileBytes(index_path, hostile);
    EXPECT_THAT(Checkpoint::Open(folder.path()), MatchesStatus(StatusCode::kInvalidArgument))
        << hostile;
  }
  std::filesystem::remove(index_path);
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kInvalidArgument, {"3 safetensors files"}));
}

struct HostileHeader {
  const char* name;
  std::string file;
  std::vector<std::string> message;
  StatusCode code = StatusCode::kInvalidArgument;
};

// Headers that aren't a JSON object of the length that the file says.
std::vector<HostileHeader> HostileFiles() {
  std::string past_the_end = SafetensorsWithHeader("{}", 0);
  past_the_end[0] = 9;
  const std::string huge_length("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F{}", 10);
  return {
      {"empty file", "", {"8 bytes"}},
      {"seven bytes", "1234567", {"found a file of 7"}},
      {"length over the limit", huge_length, {"header length", "expected at most"}},
      {"length past the end", past_the_end, {"truncated"}, StatusCode::kDataLoss},
      {"length zero", std::string(16, '\0'), {"begin with '{'"}},
      {"not JSON", SafetensorsWithHeader("{\"a\": ", 0), {"not valid JSON at byte"}},
      {"an array", SafetensorsWithHeader("[1]", 0), {"begin with '{'"}},
      {"nested", SafetensorsWithHeader("{\"a\":" + std::string(100000, '['), 0), {"nested deeper"}},
  };
}

// Types and shapes.
std::vector<HostileHeader> HostileEntries() {
  return {
      {"duplicate name",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                             R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                             4),
       {"\"a\"", "twice"}},
      {"entry is a number", SafetensorsWithHeader(R"({"a":1})", 0), {"expected an object"}},
      {"no dtype",
       SafetensorsWithHeader(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4),
       {"dtype"}},
      {"unknown dtype",
       SafetensorsWithHeader(R"({"a":{"dtype":"F7","shape":[1],"data_offsets":[0,4]}})", 4),
       {"\"F7\" is not known"}},
      {"no shape",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4),
       {"shape"}},
      {"negative size",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
       {"shape", "-1"}},
      {"fractional size",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4),
       {"shape", "1.5"}},
      {"overflowing shape",
       SafetensorsWithHeader(
           R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4),
       {"overflows"}},
      {"nine dimensions",
       SafetensorsWithHeader(
           R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4),
       {"at most 8"}},
  };
}

// Where the data lies.
std::vector<HostileHeader> HostileOffsets() {
  return {
      {"reversed offsets",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4),
       {"begin <= end"}},
      {"one offset",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
       {"data_offsets"}},
      {"offset beyond 63 bits",
       SafetensorsWithHeader(
           R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}})", 4),
       {"data_offsets"}},
      {"wrong byte count",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
       {"need 8 bytes, found 4"}},
      {"data past the end",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
       {"truncated"},
       StatusCode::kDataLoss},
      {"overlap",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                             12),
       {"\"b\"", "overlaps"}},
      {"hole",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                             12),
       {"\"b\"", "no tensor owns"}},
      {"bytes left over",
       SafetensorsWithHeader(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5),
       {"the tensors end at"}},
  };
}

TEST(SafetensorsReaderTest, HostileHeadersAreErrors) {
  TempDir folder;
  for (const auto& cases : {HostileFiles(), HostileEntries(), HostileOffsets()}) {
    for (const HostileHeader& hostile : cases) {
      const std::string path = folder.File("model.safetensors");
      WriteFileBytes(path, hostile.file);
      ASSERT_OK_AND_ASSIGN(const InputFile file, InputFile::Open(path));
      EXPECT_THAT(ReadSafetensorsHeader(file), MatchesStatus(hostile.code, hostile.message))
          << hostile.name;
    }
  }
}

// Every prefix of a valid file must be refused: a download that stopped.
TEST(SafetensorsReaderTest, TruncatedFilesAreErrors) {
  TempDir folder;
  const std::string whole = SafetensorsBytes({{"a", "F32", {2}, {1.0f, 2.0f}}});
  const std::string path = folder.File("model.safetensors");
  for (size_t length = 0; length < whole.size(); ++length) {
    WriteFileBytes(path, whole.substr(0, length));
    ASSERT_OK_AND_ASSIGN(const InputFile file, InputFile::Open(path));
    EXPECT_FALSE(ReadSafetensorsHeader(file).ok()) << length << " bytes";
  }
}

TEST(CheckpointOpenTest, OtherThingsAreNamed) {
  TempDir folder;
  EXPECT_THAT(Checkpoint::Open(folder.File("absent")), MatchesStatus(StatusCode::kNotFound));
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kNotFound, {"config.json"}));
  const std::vector<std::pair<std::string, std::string>> files = {
      {"", "an empty file"}, {std::string(40, '\xFF'), "something else"}};
  for (const auto& [bytes, name] : files) {
    WriteFileBytes(folder.File("model.bin"), bytes);
    EXPECT_THAT(Checkpoint::Open(folder.File("model.bin")),
                MatchesStatus(StatusCode::kUnimplemented, {"llama2.c", name}));
  }
  WriteFileBytes(folder.File("model.bin"), std::string("\0\0\0\0PK\3\4", 8));
  EXPECT_THAT(Checkpoint::Open(folder.File("model.bin")),
              MatchesStatus(StatusCode::kDataLoss, {"truncated", "MediaPipe bundle"}));
  const std::string adapter_hint =
      ", found a LoRA adapter (adapter_config.json): convert the model that it belongs to";
  WriteFileBytes(folder.File("adapter_config.json"), "{}");
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kNotFound, {"config.json", adapter_hint}));
  std::filesystem::remove(folder.File("adapter_config.json"));
  std::filesystem::create_directory(folder.File("snapshots"));
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kNotFound, {"config.json", "hub's cache"}));
  WriteFileBytes(folder.File("config.json"), "");
  WriteFileBytes(folder.File("model.safetensors"), SafetensorsBytes({}));
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kInvalidArgument, {"config.json", "an empty file"}));
  // What a clone without Git's extension for large files leaves.
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4945242264\n";
  std::filesystem::remove(folder.File("config.json"));
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kNotFound, {"no config.json next to model.safetensors"}));
  WriteFileBytes(folder.File("adapter_config.json"), "{}");
  EXPECT_THAT(Checkpoint::Open(folder.File("model.safetensors")),
              MatchesStatus(StatusCode::kNotFound,
                            {"no config.json next to model.safetensors" + adapter_hint}));
  WriteFileBytes(folder.File("config.json"), "{}");
  WriteFileBytes(folder.File("model.safetensors"), pointer);
  EXPECT_THAT(
      Checkpoint::Open(folder.path()),
      MatchesStatus(StatusCode::kFailedPrecondition, {"model.safetensors", "git lfs pull"}));
  std::filesystem::remove(folder.File("model.safetensors"));
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kNotFound, {"safetensors", "LoRA adapter"}));
  std::filesystem::remove(folder.File("adapter_config.json"));
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kUnimplemented, {"safetensors", "model.bin"}));
  WriteFileBytes(folder.File("model.safetensors"), SafetensorsBytes({}));
  WriteFileBytes(folder.File("config.json"), "[]");
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kInvalidArgument, {"config.json", "expected an object"}));
}

}  // namespace
}  // namespace inkling
