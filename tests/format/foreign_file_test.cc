// What files that aren't model files are called, and what opening one says.

#include "src/format/foreign_file.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "src/format/model_reader.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using std::string_literals::operator""s;
using Use = ForeignFile::Use;

std::string ZipWith(const std::string& name) {
  std::string zip = "PK\x03\x04"s + std::string(22, '\0');
  zip += static_cast<char>(name.size());
  return zip + std::string(3, '\0') + name + std::string(100, 'x');
}

std::string LittleEndian32(std::vector<int32_t> numbers) {
  return std::string(reinterpret_cast<const char*>(numbers.data()), 4 * numbers.size());
}

std::string Tflite(const std::string& inside) {
  return "\x1c\0\0\0TFL3"s + std::string(64, '\0') + inside + std::string(64, '\0');
}

struct Known {
  const char* name;
  std::string start;
  const char* called;
  Use use;
  const char* advice;  // a part of it
};

const Known kKnown[] = {
    {"Gguf", "GGUF\x03\0\0\0"s + std::string(100, 'a'), "a GGUF file", Use::kConvert, ""},
    {"Ggml", "lmgg" + std::string(100, 'a'), "GGML", Use::kOther, "look for a GGUF file"},
    {"Safetensors", "\x20\0\0\0\0\0\0\0{\"__metadata__\":{}}"s + std::string(64, ' '),
     "a safetensors file", Use::kConvertFolder, ""},
    {"PytorchZip", ZipWith("archive/data.pkl"), "a PyTorch checkpoint", Use::kConvertFolder, ""},
    {"Task", ZipWith("TF_LITE_PREFILL_DECODE"), "a MediaPipe bundle (.task)", Use::kConvert, ""},
    {"PaddedTask", "\0\0\0\0"s + ZipWith("TOKENIZER_MODEL"), "a MediaPipe bundle (.task)",
     Use::kConvert, ""},
    {"Zip", ZipWith("readme.txt"), "a zip archive", Use::kOther, "unpack"},
    {"LitertLm", "LITERTLM" + std::string(100, '\1'), "a .litertlm bundle", Use::kOther,
     "aren't read"},
    {"Pickle", "\x80\x02}q\1(X\5"s + std::string(100, 'a'), "a pickle", Use::kOther,
     "save it again"},
    {"Llama2c", LittleEndian32({64, 172, 5, 8, 4, 512, 512}) + std::string(100, 'a'),
     "a .bin checkpoint of plain floats", Use::kConvert, ""},
    {"Llama2cLater", "24ka\1\0\0\0"s + std::string(300, '\0'), "an ak42 file", Use::kOther,
     "version 0"},
    {"Onnx",
     "\x08\x08\x12\x07pytorch\x1a\x05"
     "2.1.0"s +
         std::string(50, 'a'),
     "an ONNX graph", Use::kOther, "aren't read"},
    {"Hdf5", "\x89HDF\r\n\x1a\n"s + std::string(50, 'a'), "an HDF5 file", Use::kOther, ""},
    {"Executorch", "\x30\0\0\0ET12"s + std::string(50, 'a'), "an ExecuTorch program", Use::kOther,
     ""},
    {"Gzip", "\x1f\x8b\x08"s + std::string(50, 'a'), "a gzip archive", Use::kOther, "unpack"},
    {"Tar", "model/config.json" + std::string(240, '\0') + "ustar  " + std::string(250, '\0'),
     "a tar archive", Use::kOther, "unpack"},
    {"LfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
     "a Git LFS pointer", Use::kOther, "git lfs pull"},
    {"WebPage", "\n<!DOCTYPE html>\n<html lang=\"en\"><head><title>Sign in</title>", "a web page",
     Use::kOther, "signed in"},
    {"WebPageInCapitals", "\xEF\xBB\xBF<HTML><BODY>", "a web page", Use::kOther, "download"},
    {"Json", "{\n  \"architectures\": [\"X\"]\n}", "a JSON file", Use::kOther, "give the folder"},
    {"Text", "# A model\n" + std::string(80, '-') + "\nfor \xC3\xA9tudes", "a text file",
     Use::kOther, ""},
    {"SentencePiece", "\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02"s + std::string(50, '\2'),
     "a SentencePiece vocabulary", Use::kOther, "--tokenizer"},
    {"Zeros", std::string(5000, '\0'), "nothing but zero bytes", Use::kOther, "interrupted"},
    {"Empty", "", "an empty file", Use::kOther, ""},
    {"MediapipeLlm", Tflite("odml.infra.proto.LlmParameters"), "an LLM file of MediaPipe",
     Use::kConvert, ""},
    {"TfliteGraph", Tflite("min_runtime_version"), "a TensorFlow Lite graph", Use::kOther,
     "aren't read"},
    {"PackedWeights", "INKLPACK" + std::string(60, 'a'), "packed weights", Use::kOther,
     "give the model file"},
};

class ForeignFileTest : public testing::TestWithParam<Known> {};

TEST_P(ForeignFileTest, IsNamedWithWhatToDo) {
  const Known& known = GetParam();
  // A weight file is larger than what is looked at.
  const int64_t size =
      static_cast<int64_t>(known.start.size()) + (known.use == Use::kOther ? 0 : 1 << 24);
  const ForeignFile found = RecognizeForeignFile(known.start, size);
  EXPECT_NE(found.name.find(known.called), std::string::npos) << found.name;
  EXPECT_EQ(found.use, known.use);
  EXPECT_NE(found.advice.find(known.advice), std::string::npos) << found.advice;
  EXPECT_FALSE(IsModelFile(known.start));
}

TEST_P(ForeignFileTest, OpenRefusesItByName) {
  const Known& known = GetParam();
  TempDir directory;
  std::string content = known.start;
  if (known.use != Use::kOther) content.resize(content.size() + (1 << 18));
  const std::string path = directory.File("model.tflite");
  WriteFileBytes(path, content);
  const absl::Status status = ModelReader::Open(path).status();
  EXPECT_THAT(status, MatchesStatus(absl::StatusCode::kInvalidArgument, {path, known.called}));
  const bool converts = known.use != Use::kOther;
  EXPECT_EQ(status.message().find("inkling-convert " + path) != std::string::npos, converts)
      << status;
}

INSTANTIATE_TEST_SUITE_P(All, ForeignFileTest, testing::ValuesIn(kKnown),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ForeignFile, ModelFilesAreNoneAndTheUnknownHasNoName) {
  EXPECT_TRUE(IsModelFile(Tflite("inkling.model")));
  EXPECT_EQ(RecognizeForeignFile(Tflite("inkling.model"), 1000).name, "");
  EXPECT_EQ(RecognizeForeignFile("\x01\x02\x03" + std::string(90, '\xFE'), 93).name, "");
  for (size_t size = 1; size < 40; ++size) {  // nothing is read behind the end
    for (const Known& known : kKnown) RecognizeForeignFile(known.start.substr(0, size), 40);
  }
}

TEST(ForeignFile, AFolderIsToldTheCommand) {
  TempDir directory;
  EXPECT_THAT(ModelReader::Open(directory.path()),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"found a folder", "inkling-convert " + directory.path()}));
}

}  // namespace
}  // namespace inkling
