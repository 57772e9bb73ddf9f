// pytorch_model.bin: files that PyTorch wrote and files that the tests wrote give the values that
// went in, and hostile ones are errors.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "converter/checkpoints/checkpoint.h"
#include "converter/checkpoints/pytorch/pytorch_archive.h"
#include "converter/convert.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/pytorch_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

const std::string& GoldenFolder() {
  static const std::string& folder =
      *new std::string(std::string(INKLING_TEST_DATA_DIR) + "/golden/");
  return folder;
}

// All values of the tensor `name`, read in groups of `group` rows.
std::vector<float> Values(const Checkpoint& checkpoint, const std::string& name,
                          int64_t group = 1 << 20) {
  for (size_t i = 0; i < checkpoint.tensors().size(); ++i) {
    const SourceTensor& tensor = checkpoint.tensors()[i];
    if (tensor.name != name) continue;
    const int64_t rows = tensor.shape.empty() ? 1 : tensor.shape[0];
    std::vector<float> values;
    for (int64_t row = 0; row < rows; row += group) {
      absl::StatusOr<std::vector<float>> part =
          checkpoint.ReadRows(i, row, std::min(group, rows - row));
      EXPECT_OK(part);
      if (part.ok()) values.insert(values.end(), part->begin(), part->end());
    }
    return values;
  }
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

std::vector<int64_t> ShapeOf(const Checkpoint& checkpoint, const std::string& name) {
  for (const SourceTensor& tensor : checkpoint.tensors()) {
    if (tensor.name == name) return tensor.shape;
  }
  return {-1};
}

// Columns [first, end) of a [rows, 64] matrix.
std::vector<float> Columns(const std::vector<float>& matrix, size_t first, size_t end) {
  std::vector<float> part;
  for (size_t row = 0; row < matrix.size(); row += 64) {
    part.insert(part.end(), matrix.begin() + static_cast<ptrdiff_t>(row + first),
                matrix.begin() + static_cast<ptrdiff_t>(row + end));
  }
  return part;
}

// Files saved by PyTorch 1.13 (tests/golden/torch_saved/make.py) from tests/golden/llama.
TEST(PytorchReaderTest, ReadsWhatPytorchWrote) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> saved,
                       Checkpoint::Open(GoldenFolder() + "torch_saved"));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> source,
                       Checkpoint::Open(GoldenFolder() + "llama"));
  EXPECT_EQ(saved->FormatName(), "Hugging Face PyTorch, 2 files");
  const std::string layer = "model.layers.0.";
  for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
    const std::string full = layer + "self_attn." + name + ".weight";
    EXPECT_EQ(ShapeOf(*saved, full), ShapeOf(*source, full));
    EXPECT_EQ(Values(*saved, full, 5), Values(*source, full)) << full;
  }
  const std::vector<float> norm = Values(*source, layer + "input_layernorm.weight");
  const std::vector<float> key = Values(*source, layer + "self_attn.k_proj.weight");
  EXPECT_EQ(Values(*saved, "norm.single"), norm);
  EXPECT_EQ(Values(*saved, "norm.half"), norm);  // 8 bits of mantissa fit
  EXPECT_EQ(Values(*saved, "norm.parameter"), norm);
  EXPECT_EQ(Values(*saved, "key.tied"), key);
  EXPECT_EQ(Values(*saved, "key.tied.again"), key);
  EXPECT_EQ(Values(*saved, "key.rows"),
            std::vector<float>(key.begin() + 3 * 64, key.begin() + 7 * 64));
  EXPECT_EQ(ShapeOf(*saved, "key.columns"), (std::vector<int64_t>{16, 16}));
  EXPECT_EQ(Values(*saved, "key.columns"), Columns(key, 8, 24));
  EXPECT_EQ(Values(*saved, "key.columns", 3), Columns(key, 8, 24));
  const std::vector<float> expanded = Values(*saved, "key.expanded");
  ASSERT_EQ(expanded.size(), 5 * 64);
  EXPECT_EQ(std::vector<float>(expanded.end() - 64, expanded.end()), norm);
  EXPECT_EQ(Values(*saved, "scalar"), std::vector<float>{0.5f});
  EXPECT_TRUE(Values(*saved, "empty").empty());
  for (const auto& [name, dtype] :
       {std::pair("norm.double", "F64"), std::pair("counts", "I64"), std::pair("flags", "BOOL")}) {
    for (size_t i = 0; i < saved->tensors().size(); ++i) {
      if (saved->tensors()[i].name != name) continue;
      EXPECT_EQ(saved->tensors()[i].dtype, dtype);
      EXPECT_THAT(saved->ReadRows(i, 0, 1), MatchesStatus(StatusCode::kUnimplemented, {dtype}));
    }
  }
}

TEST(PytorchReaderTest, RefusesWhatPytorchWroteInOtherForms) {
  const TempDir folder;
  WriteFileBytes(folder.File("config.json"), "{}");
  const auto copy = [&](const char* name) {
    WriteFileBytes(folder.File("pytorch_model.bin"),
                   ReadFileBytes(GoldenFolder() + "torch_saved/" + name));
  };
  copy("legacy.bin");
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kUnimplemented,
                            {"pytorch_model.bin", "before 1.6", "torch.save(torch.load("}));
  EXPECT_THAT(Checkpoint::Open(folder.File("pytorch_model.bin")),
              MatchesStatus(StatusCode::kUnimplemented, {"before 1.6"}));
  copy("transposed.bin");
  EXPECT_THAT(Checkpoint::Open(folder.path()),
              MatchesStatus(StatusCode::kUnimplemented,
                            {"key.transposed", "[64, 16]", "[1, 64]", ".contiguous()"}));
}

// The tests' own writer is worth something only if it writes what PyTorch writes.
TEST(PytorchReaderTest, TheFixturesPickleIsPytorchs) {
  const std::string file =
      ReadFileBytes(GoldenFolder() + "torch_saved/pytorch_model-00001-of-00002.bin");
  std::vector<PickledTensor> tensors;
  for (const auto& [name, rows] : {std::pair("k_proj", 16), std::pair("o_proj", 64),
                                   std::pair("q_proj", 64), std::pair("v_proj", 16)}) {
    tensors.push_back({std::string("model.layers.0.self_attn.") + name + ".weight",
                       "BFloat16Storage",
                       std::to_string(tensors.size()),
                       rows * 64,
                       0,
                       {rows, 64},
                       {64, 1}});
  }
  EXPECT_NE(file.find(StateDictPickle(tensors)), std::string::npos);
}

TEST(PytorchReaderTest, ConvertsToTheSameModelAsSafetensors) {
  const TempDir folder;
  TinyCheckpoint checkpoint;
  checkpoint.tensors[0].dtype = "F32";
  checkpoint.tensors[1].dtype = "F16";
  checkpoint.Write(folder.File("safetensors/model"));
  checkpoint.WritePytorch(folder.File("pytorch/model"));
  checkpoint.WritePytorchShards(folder.File("shards/model"), 3);
  const auto convert = [&](const std::string& path, const std::string& name) {
    EXPECT_OK(ConvertCheckpoint(folder.File(path), folder.File(name), ConvertOptions()));
    return ReadFileBytes(folder.File(name));
  };
  const std::string expected = convert("safetensors/model", "a.tflite");
  EXPECT_EQ(convert("pytorch/model", "b.tflite"), expected);
  EXPECT_EQ(convert("shards/model", "c.tflite"), expected);
  EXPECT_OK(Checkpoint::Open(folder.File("pytorch/model/pytorch_model.bin")));
  // A lone file of another name may be an adapter.
  WriteFileBytes(folder.File("pytorch/model/adapter.safetensors"), SafetensorsBytes({}));
  EXPECT_EQ(convert("pytorch/model", "b.tflite"), expected);
  std::filesystem::remove(folder.File("shards/model/pytorch_model-2.bin"));
  EXPECT_THAT(Checkpoint::Open(folder.File("shards/model")),
              MatchesStatus(StatusCode::kNotFound, {"pytorch_model-2.bin"}));
}

TEST(PytorchReaderTest, MediaPipesTestWeightsAreReadButAreNoModel) {
  const std::string file =
      std::string(INKLING_SHARED_DIR) + "/models/mediapipe-testweights/falcon_rw_1b_test_weight.pt";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
  const TempDir folder;
  WriteFileBytes(folder.File("pytorch_model.bin"), ReadFileBytes(file));
  WriteFileBytes(folder.File("config.json"), "{}");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> checkpoint,
                       Checkpoint::Open(folder.path()));
  EXPECT_EQ(checkpoint->tensors().size(), 16);
  EXPECT_EQ(Values(*checkpoint, "transformer.h.0.self_attention.query_key_value.weight").size(),
            6144);
  EXPECT_EQ(Values(*checkpoint, "transformer.ln_f.weight").size(), 1);

  // Their shapes fit no model, and that is what is said.
  const auto convert = [&](const char* family) {
    for (const char* name : {"config.json", "tokenizer.json"}) {
      WriteFileBytes(folder.File(name), ReadFileBytes(GoldenFolder() + family + "/" + name));
    }
    return ConvertCheckpoint(folder.path(), folder.File("out.tflite"), ConvertOptions());
  };
  EXPECT_THAT(convert("falcon_rw"),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"transformer.word_embeddings.weight", "expected shape", "found [1]"}));
  std::filesystem::remove(folder.File("pytorch_model.bin"));
  WriteFileBytes(
      folder.File("model.safetensors"),
      ReadFileBytes(std::string(INKLING_SHARED_DIR) + "/models/mediapipe-testweights/"
                                                      "stablelm_3b_4e1t_test_weight.safetensors"));
  EXPECT_THAT(convert("stablelm"),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"model.embed_tokens.weight", "expected shape", "found [10, 20]"}));
}

// Archives around one F32 tensor of [2, 3], each wrong in one way.
class HostileArchiveTest : public testing::Test {
 protected:
  PickledTensor tensor_ = {"w", "FloatStorage", "0", 6, 0, {2, 3}, {3, 1}};
  std::vector<Storage> storages_ = {{"0", std::string(24, '\0')}};

  absl::Status OpenBytes(const std::string& bytes) {
    WriteFileBytes(folder_.File("pytorch_model.bin"), bytes);
    absl::StatusOr<InputFile> file = InputFile::Open(folder_.File("pytorch_model.bin"));
    if (!file.ok()) return file.status();
    return ReadPytorchArchive(*file).status();
  }
  absl::Status Open() {
    return OpenBytes(ZipBytes(ArchiveParts(StateDictPickle({tensor_}), storages_)));
  }
  absl::Status OpenPickle(const std::string& pickle) {
    return OpenBytes(ZipBytes(ArchiveParts(pickle, storages_)));
  }

  TempDir folder_;
};

TEST_F(HostileArchiveTest, ViewsStayInsideTheirStorage) {
  const auto invalid = [this](const std::vector<std::string>& message) {
    EXPECT_THAT(Open(), MatchesStatus(StatusCode::kInvalidArgument, message)) << message[0];
  };
  EXPECT_OK(Open());
  tensor_.offset = 1;
  invalid({"tensor \"w\"", "reach beyond the 6 numbers"});
  tensor_.offset = INT64_MAX;
  invalid({"reach beyond"});
  tensor_.offset = -1;
  invalid({"storage offset", "found -1"});
  tensor_.offset = 0;
  tensor_.shape = {3, 3};
  invalid({"reach beyond"});
  tensor_.shape = {int64_t{1} << 32, int64_t{1} << 32};
  invalid({"overflows 63 bits"});
  tensor_.shape = {2, -3};
  invalid({"sizes", "found -3"});
  tensor_.shape = {2, 3};
  tensor_.strides = {4, 1};
  invalid({"reach beyond"});
  tensor_.strides = {INT64_MAX, 1};
  invalid({"reach beyond"});
  tensor_.strides = {3};
  invalid({"2 sizes, but 1 strides"});
  tensor_.strides = {3, 1, 1, 1, 1, 1, 1, 1, 1};
  invalid({"at most 8"});
  tensor_.strides = {0, 1};
  EXPECT_OK(Open());
  tensor_.strides = {1, 2};
  EXPECT_THAT(Open(), MatchesStatus(StatusCode::kUnimplemented, {"without gaps"}));
}

TEST_F(HostileArchiveTest, StoragesHaveTheirSizeAndType) {
  tensor_.storage_size = 7;
  EXPECT_THAT(Open(),
              MatchesStatus(StatusCode::kInvalidArgument, {"7 numbers of type F32", "24 bytes"}));
  tensor_.storage_size = INT64_MAX;
  EXPECT_THAT(Open(), MatchesStatus(StatusCode::kInvalidArgument, {"24 bytes"}));
  tensor_.storage_size = 6;
  tensor_.storage_type = "HalfStorage";
  EXPECT_THAT(Open(), MatchesStatus(StatusCode::kInvalidArgument, {"type F16"}));
  tensor_.storage_type = "QInt8Storage";
  EXPECT_THAT(Open(), MatchesStatus(StatusCode::kUnimplemented,
                                    {"data.pkl", "torch.QInt8Storage is refused"}));
  tensor_.storage_type = "FloatStorage";
  tensor_.storage = "../version";
  EXPECT_THAT(Open(), MatchesStatus(StatusCode::kInvalidArgument, {"no entry data/../version"}));
}

constexpr TensorWrapper kWrappers[] = {TensorWrapper::kType, TensorWrapper::kParameter,
                                       TensorWrapper::kParameterWithState,
                                       TensorWrapper::kParameterType};

TEST_F(HostileArchiveTest, WrappedTensorsAreRead) {
  PickledTensor other = tensor_;
  other.name = "v";
  other.offset = 3;
  other.shape = {3};
  other.strides = {1};
  for (const TensorWrapper wrapper : kWrappers) {
    tensor_.wrapper = wrapper;
    for (const TensorWrapper second : kWrappers) {
      other.wrapper = second;
      WriteFileBytes(folder_.File("pytorch_model.bin"),
                     ZipBytes(ArchiveParts(StateDictPickle({tensor_, other}), storages_)));
      ASSERT_OK_AND_ASSIGN(const InputFile file,
                           InputFile::Open(folder_.File("pytorch_model.bin")));
      ASSERT_OK_AND_ASSIGN(const std::vector<WeightEntry> entries, ReadPytorchArchive(file));
      ASSERT_EQ(entries.size(), 2);
      EXPECT_EQ(entries[0].tensor.shape, tensor_.shape);
      EXPECT_EQ(entries[0].tensor.dtype, "F32");
      EXPECT_EQ(entries[1].tensor.name, "v");
      EXPECT_EQ(entries[1].offset, entries[0].offset + 12);
    }
  }
}

// A view is checked however it is wrapped.
TEST_F(HostileArchiveTest, WrappersHideNothing) {
  for (const TensorWrapper wrapper : kWrappers) {
    tensor_.wrapper = wrapper;
    tensor_.strides = {1, 2};
    EXPECT_THAT(Open(), MatchesStatus(StatusCode::kUnimplemented, {"without gaps"}));
    tensor_.strides = {4, 1};
    EXPECT_THAT(Open(), MatchesStatus(StatusCode::kInvalidArgument, {"reach beyond"}));
    tensor_.strides = {3, 1};
  }
}

TEST_F(HostileArchiveTest, OtherWrappersAreRefused) {
  const std::string name = std::string("}X\1\0\0\0w", 7);
  const auto refused = [&](const std::string& value, StatusCode code,
                           const std::vector<std::string>& message) {
    EXPECT_THAT(OpenPickle("\x80\x02" + name + value + "s."), MatchesStatus(code, message))
        << message[0];
  };
  const std::string from_type = "ctorch._tensor\n_rebuild_from_type_v2\n";
  const std::string rebuild = "ctorch._utils\n_rebuild_tensor_v2\n";
  refused(from_type + ")R", StatusCode::kInvalidArgument, {"(function, type, arguments, state)"});
  refused(from_type + "(NNNNtR", StatusCode::kInvalidArgument, {"(function, type"});
  refused(from_type + "(" + rebuild + "ctorch\nTensor\nNNtR", StatusCode::kInvalidArgument,
          {"(function, type"});
  refused(from_type + "(" + rebuild + "c__main__\nSub\n)NtR", StatusCode::kUnimplemented,
          {"the global __main__.Sub is refused"});
  refused(from_type + "(" + rebuild + "ctorch\ndevice\n)NtR", StatusCode::kUnimplemented,
          {"a tensor of type torch.device"});
  refused(from_type + "(" + rebuild + "ctorch\nTensor\n)NtR", StatusCode::kInvalidArgument,
          {"made of 0 values"});
  refused(from_type + "(ctorch\ndevice\nctorch\nTensor\n)NtR", StatusCode::kUnimplemented,
          {"found a call of torch.device"});
  refused("ctorch._utils\n_rebuild_parameter_with_state\n)R", StatusCode::kInvalidArgument,
          {"a parameter without its tensor"});
  // A parameter of itself: parameter(parameter(...)) by the memo.
  refused("ctorch._utils\n_rebuild_parameter\n(](NNetRq\1", StatusCode::kUnimplemented,
          {"expected a tensor, found a list"});
  std::string nested = rebuild + ")R";
  for (int i = 0; i < 6; ++i) {
    nested = "ctorch._utils\n_rebuild_parameter\n(" + nested + "\x88NtR";
  }
  refused(nested, StatusCode::kUnimplemented, {"too many wrappers"});
  // The dict that somebody put into another dict.
  refused("}", StatusCode::kUnimplemented, {"tensor \"w\"", "found a dict", "torch.save"});
}

TEST_F(HostileArchiveTest, OtherObjectsAreRefused) {
  const auto refused = [this](const std::string& pickle, StatusCode code,
                              const std::vector<std::string>& message) {
    EXPECT_THAT(OpenPickle("\x80\x02" + pickle), MatchesStatus(code, message)) << message[0];
  };
  const std::string marker = folder_.File("executed");
  refused("cposix\nsystem\nX" + std::string(1, static_cast<char>(marker.size() + 6)) +
              std::string(3, '\0') + "touch " + marker + "\x85R.",
          StatusCode::kUnimplemented, {"data.pkl", "posix.system"});
  EXPECT_FALSE(std::filesystem::exists(marker));
  refused("N.", StatusCode::kUnimplemented, {"expected a dict of tensors"});
  refused(std::string("}X\1\0\0\0wK\7s.", 11), StatusCode::kUnimplemented,
          {"tensor \"w\"", "expected a tensor"});
  refused("}K\1K\1s.", StatusCode::kInvalidArgument, {"names as the dict's keys"});
  refused("}X" + std::string("\1\0\0\0w", 5) + "ctorch._utils\n_rebuild_tensor_v2\n)Rs.",
          StatusCode::kInvalidArgument, {"made of 0 values"});
  refused("}X" + std::string("\1\0\0\0w", 5) + "ctorch._utils\n_rebuild_parameter\n)Rs.",
          StatusCode::kInvalidArgument, {"a parameter without its tensor"});
  refused("}X" + std::string("\1\0\0\0w", 5) + "ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtRs.",
          StatusCode::kInvalidArgument, {"expected a storage"});
  refused(
      "}X" + std::string("\1\0\0\0w", 5) + "ctorch._utils\n_rebuild_tensor_v2\n(NNNNNN}(NNutRs.",
      StatusCode::kUnimplemented, {"metadata"});
  refused(
      "}X" + std::string("\1\0\0\0w", 5) + "ctorch._utils\n_rebuild_tensor_v2\n((NNNNNtQNNNNNtRs.",
      StatusCode::kInvalidArgument, {"as a storage's id"});
  PickledTensor again = tensor_;
  EXPECT_THAT(OpenPickle(StateDictPickle({tensor_, again})),
              MatchesStatus(StatusCode::kInvalidArgument, {"tensor \"w\"", "twice"}));
}

TEST_F(HostileArchiveTest, OtherArchivesAreRefused) {
  const std::string pickle = StateDictPickle({tensor_});
  EXPECT_THAT(OpenBytes(ZipBytes({{"model.tflite", "TFL3"}})),
              MatchesStatus(StatusCode::kInvalidArgument, {"that torch.save wrote", "found 0"}));
  EXPECT_THAT(OpenBytes(ZipBytes({{"a/data.pkl", pickle}, {"b/data.pkl", pickle}})),
              MatchesStatus(StatusCode::kInvalidArgument, {"found 2"}));
  std::vector<ZipPart> parts = ArchiveParts(pickle, storages_);
  parts.push_back({"archive/byteorder", "little"});
  EXPECT_OK(OpenBytes(ZipBytes(parts)));
  EXPECT_OK(OpenBytes(ZipBytes(parts, /*only_zip64=*/true)));
  parts.back().bytes = "big";
  EXPECT_THAT(OpenBytes(ZipBytes(parts)),
              MatchesStatus(StatusCode::kUnimplemented, {"byteorder", "found \"big\""}));
  parts.pop_back();
  parts[1].method = 8;
  EXPECT_THAT(OpenBytes(ZipBytes(parts)),
              MatchesStatus(StatusCode::kUnimplemented, {"archive/data/0", "compressed"}));
  EXPECT_THAT(OpenBytes("PK"), MatchesStatus(StatusCode::kInvalidArgument, {"torch.save"}));
  EXPECT_THAT(OpenBytes(StateDictPickle({})),
              MatchesStatus(StatusCode::kInvalidArgument, {"a pickle alone", "torch.save"}));
  EXPECT_THAT(OpenBytes("storages" + std::string(249, '\0') + "ustar" + std::string(250, '\0')),
              MatchesStatus(StatusCode::kUnimplemented, {"before 1.6", "torch.save(torch.load("}));
  EXPECT_THAT(OpenBytes("PK\3\4"), MatchesStatus(StatusCode::kDataLoss, {"truncated"}));
}

TEST_F(HostileArchiveTest, AnyDamagedByteIsSafe) {
  tensor_.wrapper = TensorWrapper::kType;
  const std::string bytes = ZipBytes(ArchiveParts(StateDictPickle({tensor_}), storages_));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    WriteFileBytes(folder_.File("pytorch_model.bin"), damaged);
    ASSERT_OK_AND_ASSIGN(const InputFile file, InputFile::Open(folder_.File("pytorch_model.bin")));
    const absl::StatusOr<std::vector<WeightEntry>> entries = ReadPytorchArchive(file);
    if (!entries.ok()) continue;
    for (const WeightEntry& entry : *entries) {
      const int64_t rows = NumRows(entry.tensor);
      if (entry.tensor.bytes == 0) continue;
      EXPECT_LE(entry.offset + (rows - 1) * entry.row_stride + RowBytes(entry.tensor),
                static_cast<int64_t>(bytes.size()));
    }
  }
}

}  // namespace
}  // namespace inkling
