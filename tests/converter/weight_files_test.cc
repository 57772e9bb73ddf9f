// Which files of a folder hold the weights: transformers' order, what a variant's name changes, and
// what is said of files that aren't read. The files here are empty but for the indexes.

#include "converter/checkpoints/hugging_face/weight_files.h"

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class WeightFilesTest : public testing::Test {
 protected:
  void Add(const std::string& name) { WriteFileBytes(folder_.File(name), ""); }
  void AddIndex(const std::string& name, const std::vector<std::string>& shards) {
    json map = json::object();
    for (const std::string& shard : shards) map["tensor of " + shard] = shard;
    WriteFileBytes(folder_.File(name), json{{"weight_map", map}}.dump());
  }
  absl::StatusOr<WeightFiles> Find(const std::string& variant = "", const std::string& named = "") {
    return FindWeightFiles(folder_.path(), variant, named);
  }
  // The one index or file that is read.
  std::string Found(const std::string& variant = "") {
    const absl::StatusOr<WeightFiles> files = Find(variant);
    EXPECT_OK(files);
    if (!files.ok()) return "";
    return files->index.empty() ? files->names[0] : files->index;
  }

  TempDir folder_;
};

TEST_F(WeightFilesTest, OrderIsThatOfTransformers) {
  // Each comes before those that were added before it.
  AddIndex("pytorch_model.bin.index.json", {"pytorch_model-00001-of-00001.bin"});
  Add("pytorch_model-00001-of-00001.bin");
  EXPECT_EQ(Found(), "pytorch_model.bin.index.json");
  Add("pytorch_model.bin");
  EXPECT_EQ(Found(), "pytorch_model.bin");
  AddIndex("model.safetensors.index.json", {"model-00001-of-00001.safetensors"});
  Add("model-00001-of-00001.safetensors");
  EXPECT_EQ(Found(), "model.safetensors.index.json");
  Add("model.safetensors");
  EXPECT_EQ(Found(), "model.safetensors");
}

TEST_F(WeightFilesTest, AWholeFileNeedsNoShards) {
  AddIndex("model.safetensors.index.json",
           {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"});
  Add("pytorch_model.bin");  // comes behind the index, whatever that names
  EXPECT_THAT(Find(), MatchesStatus(StatusCode::kNotFound, {"model-00001-of-00002.safetensors",
                                                            "model.safetensors.index.json"}));
  Add("model.safetensors");
  EXPECT_EQ(Found(), "model.safetensors");
  WriteFileBytes(folder_.File("model.safetensors.index.json"), "{");
  EXPECT_EQ(Found(), "model.safetensors");
}

TEST_F(WeightFilesTest, FoldersAreNoFiles) {
  std::filesystem::create_directory(folder_.File("model.safetensors"));
  Add("pytorch_model.bin");
  EXPECT_EQ(Found(), "pytorch_model.bin");
}

TEST_F(WeightFilesTest, VariantsCountOnlyWhenAskedFor) {
  Add("model.fp16.safetensors");
  EXPECT_THAT(Find(), MatchesStatus(StatusCode::kNotFound,
                                    {"expected model.safetensors", "fp16", "--variant=fp16"}));
  EXPECT_FALSE(HasWeightFiles(folder_.path()));
  EXPECT_EQ(Found("fp16"), "model.fp16.safetensors");
  Add("pytorch_model.bin");
  EXPECT_EQ(Found(), "pytorch_model.bin");
  EXPECT_TRUE(HasWeightFiles(folder_.path()));
  EXPECT_THAT(Find("bf16"),
              MatchesStatus(StatusCode::kNotFound, {"model.bf16.safetensors", "--variant=fp16"}));
}

TEST_F(WeightFilesTest, VariantsHaveTheSameOrder) {
  AddIndex("pytorch_model.bin.index.ema.json", {"pytorch_model.ema-00001-of-00001.bin"});
  Add("pytorch_model.ema-00001-of-00001.bin");
  EXPECT_THAT(Find(), MatchesStatus(StatusCode::kNotFound, {"--variant=ema"}));
  EXPECT_EQ(Found("ema"), "pytorch_model.bin.index.ema.json");
  Add("pytorch_model.ema.bin");
  EXPECT_EQ(Found("ema"), "pytorch_model.ema.bin");
  AddIndex("model.safetensors.index.ema.json", {"model.ema-00001-of-00001.safetensors"});
  EXPECT_THAT(Find("ema"),
              MatchesStatus(StatusCode::kNotFound, {"model.ema-00001-of-00001.safetensors"}));
  Add("model.ema-00001-of-00001.safetensors");
  ASSERT_OK_AND_ASSIGN(const WeightFiles files, Find("ema"));
  EXPECT_EQ(files.index, "model.safetensors.index.ema.json");
  EXPECT_THAT(files.names, ElementsAre("model.ema-00001-of-00001.safetensors"));
  Add("model.ema.safetensors");
  EXPECT_EQ(Found("ema"), "model.ema.safetensors");
}

TEST_F(WeightFilesTest, AVariantIsAPartOfAName) {
  for (const char* variant : {"../x", "a/b", "..", "a\\b"}) {
    EXPECT_THAT(Find(variant), MatchesStatus(StatusCode::kInvalidArgument, {"variant", variant}));
  }
  Add("model.safetensors");
  EXPECT_THAT(Find("fp16"), MatchesStatus(StatusCode::kNotFound,
                                          {"model.fp16.safetensors", "no weights of any variant"}));
}

TEST_F(WeightFilesTest, FilesThatArentReadAreNoted) {
  Add("model.safetensors");
  ASSERT_OK_AND_ASSIGN(WeightFiles files, Find());
  EXPECT_THAT(files.notes, IsEmpty());
  AddIndex("model.safetensors.index.json", {"model-00001-of-00001.safetensors"});
  Add("model-00001-of-00001.safetensors");
  Add("tokenizer.bin");
  ASSERT_OK_AND_ASSIGN(files, Find());
  EXPECT_THAT(files.notes, ElementsAre("not read: model-00001-of-00001.safetensors, "
                                       "model.safetensors.index.json; the weights are those of "
                                       "model.safetensors"));
  Add("pytorch_model.bin");
  Add("model.fp16.safetensors");
  Add("adapter_config.json");
  ASSERT_OK_AND_ASSIGN(files, Find());
  EXPECT_THAT(files.notes, ElementsAre(HasSubstr("and 1 more; the weights are those of"),
                                       HasSubstr("a LoRA adapter")));
  std::filesystem::remove(folder_.File("model.safetensors"));
  ASSERT_OK_AND_ASSIGN(files, Find());
  EXPECT_THAT(files.notes[0], HasSubstr("not read: model.fp16.safetensors, pytorch_model.bin;"));
}

TEST_F(WeightFilesTest, ConfigsMayNameTheFile) {
  Add("model.safetensors");
  Add("other.safetensors");
  ASSERT_OK_AND_ASSIGN(const WeightFiles files, Find("", "other.safetensors"));
  EXPECT_THAT(files.names, ElementsAre("other.safetensors"));
  EXPECT_THAT(files.notes, ElementsAre(HasSubstr("not read: model.safetensors")));
  AddIndex("other.safetensors.index.json", {"model.safetensors"});
  ASSERT_OK_AND_ASSIGN(const WeightFiles shards, Find("", "other.safetensors.index.json"));
  EXPECT_THAT(shards.names, ElementsAre("model.safetensors"));
  EXPECT_THAT(Find("", "absent.safetensors"),
              MatchesStatus(StatusCode::kNotFound, {"absent.safetensors", "transformers_weights"}));
  for (const char* name : {"pytorch_model.bin", "../other.safetensors", "x/other.safetensors"}) {
    EXPECT_THAT(Find("", name), MatchesStatus(StatusCode::kInvalidArgument,
                                              {"config.json: transformers_weights", name}));
  }
}

TEST_F(WeightFilesTest, PartsHaveNumbers) {
  for (const char* name : {"model-00001-of-00002.safetensors", "pytorch_model-00003-of-00003.bin",
                           "model.fp16-00001-of-00012.safetensors"}) {
    EXPECT_TRUE(IsPartOfSeveral(name)) << name;
  }
  for (const char* name : {"model.safetensors", "model-00001-of-00001.safetensors", "model-1.bin",
                           "mine-00001-of-00002.safetensors", "model-0001-of-00002.safetensors"}) {
    EXPECT_FALSE(IsPartOfSeveral(name)) << name;
  }
}

TEST_F(WeightFilesTest, AnAdapterIsNoModel) {
  Add("adapter_model.bin");
  EXPECT_THAT(Find(), MatchesStatus(StatusCode::kUnimplemented, {"adapter_model.bin"}));
  Add("adapter_config.json");
  EXPECT_THAT(Find(), MatchesStatus(StatusCode::kNotFound, {"LoRA adapter", "merge"}));
}

TEST_F(WeightFilesTest, OneFileOfAnotherNameWillDo) {
  Add("mine.safetensors");
  EXPECT_EQ(Found(), "mine.safetensors");
  Add("model.fp16.safetensors");  // a variant is no other name
  EXPECT_EQ(Found(), "mine.safetensors");
  Add("yours.safetensors");
  EXPECT_THAT(Find(), MatchesStatus(StatusCode::kInvalidArgument,
                                    {"2 safetensors files", "model.safetensors.index.json"}));
}

}  // namespace
}  // namespace inkling
