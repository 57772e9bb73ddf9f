// The llama2.c reader against files written by hand and, where it is at hand, a real model in both
// forms.

#include "converter/checkpoints/llama2c/llama2c_reader.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "converter/checkpoints/checkpoint.h"
#include "converter/files/config_fields.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

struct Sizes {
  int32_t dim = 8;
  int32_t hidden_dim = 12;
  int32_t num_layers = 2;
  int32_t num_heads = 2;
  int32_t num_kv_heads = 1;
  int32_t vocab_size = 5;
  int32_t seq_len = 16;
};

// A file whose float i is i, so that every value tells its place.
std::string CountingFile(const Sizes& sizes) {
  const int64_t vocab_size = sizes.vocab_size < 0 ? -sizes.vocab_size : sizes.vocab_size;
  const int64_t dim = sizes.dim;
  const int64_t key_dim = dim / sizes.num_heads * sizes.num_kv_heads;
  int64_t count = vocab_size * dim;
  count +=
      sizes.num_layers * (2 * dim + 2 * dim * dim + 2 * key_dim * dim + 3 * sizes.hidden_dim * dim);
  count += dim + sizes.seq_len * (dim / sizes.num_heads);
  if (sizes.vocab_size < 0) count += vocab_size * dim;
  std::string file(reinterpret_cast<const char*>(&sizes), sizeof(sizes));
  for (int64_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(i);
    file.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return file;
}

std::vector<float> Rows(const Checkpoint& checkpoint, const std::string& name, int64_t first,
                        int64_t count) {
  for (size_t i = 0; i < checkpoint.tensors().size(); ++i) {
    if (checkpoint.tensors()[i].name != name) continue;
    absl::StatusOr<std::vector<float>> rows = checkpoint.ReadRows(i, first, count);
    EXPECT_OK(rows);
    return rows.ok() ? *rows : std::vector<float>();
  }
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

TEST(Llama2cReaderTest, PlacesEveryTensor) {
  TempDir folder;
  WriteFileBytes(folder.File("m.bin"), CountingFile({.vocab_size = -5}));
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Checkpoint> read, Checkpoint::Open(folder.File("m.bin")));
  EXPECT_EQ(read->config()["hidden_size"], 8);
  EXPECT_EQ(read->config()["vocab_size"], 5);
  EXPECT_EQ(read->config()["tie_word_embeddings"], false);
  EXPECT_EQ(Rows(*read, "model.embed_tokens.weight", 4, 1)[0], 32);
  EXPECT_EQ(Rows(*read, "model.layers.1.input_layernorm.weight", 0, 8)[0], 48);
  // v of layer 0 behind 40 + 2*8 + 2*64 + 2*32 floats.
  EXPECT_EQ(Rows(*read, "model.layers.0.self_attn.v_proj.weight", 0, 1)[0], 248);
  // The classifier is the last 40 floats of the file.
  const int64_t floats = (static_cast<int64_t>(CountingFile({.vocab_size = -5}).size()) - 28) / 4;
  EXPECT_EQ(Rows(*read, "lm_head.weight", 0, 1)[0], static_cast<float>(floats - 40));
}

TEST(Llama2cReaderTest, RotaryRowsComeInRotateHalfOrder) {
  TempDir folder;
  WriteFileBytes(folder.File("m.bin"), CountingFile({}));
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Checkpoint> read, Checkpoint::Open(folder.File("m.bin")));
  // q of layer 0 begins at float 40 + 2*8; heads of four rows, eight columns a row.
  const std::vector<float> q = Rows(*read, "model.layers.0.self_attn.q_proj.weight", 0, 8);
  ASSERT_EQ(q.size(), 64);
  const std::vector<int> stored_rows = {0, 2, 1, 3, 4, 6, 5, 7};
  for (int row = 0; row < 8; ++row) {
    EXPECT_EQ(q[row * 8], static_cast<float>(56 + stored_rows[row] * 8)) << "row " << row;
    EXPECT_EQ(q[row * 8 + 7], static_cast<float>(56 + stored_rows[row] * 8 + 7));
  }
  EXPECT_EQ(Rows(*read, "model.layers.0.self_attn.q_proj.weight", 5, 1)[0], 56 + 6 * 8);
}

TEST(Llama2cReaderTest, SizesThatDontAddUpAreNotRecognised) {
  TempDir folder;
  const std::string good = CountingFile({});
  std::vector<std::string> bad = {good.substr(0, good.size() - 4), good + "1234",
                                  good.substr(0, 20)};
  for (size_t field = 0; field < 7; ++field) {
    for (const int32_t value : {0, -1, 3, 1 << 30}) {
      std::string file = good;
      file.replace(field * 4, 4, reinterpret_cast<const char*>(&value), 4);
      bad.push_back(file);
    }
  }
  for (size_t i = 0; i < bad.size(); ++i) {
    WriteFileBytes(folder.File("m.bin"), bad[i]);
    EXPECT_THAT(Checkpoint::Open(folder.File("m.bin")), MatchesStatus(StatusCode::kUnimplemented))
        << "file " << i;
  }
}

TEST(Llama2cReaderTest, MessagesHaveTheHeadersNames) {
  TempDir folder;
  WriteFileBytes(folder.File("m.bin"), CountingFile({}));
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Checkpoint> read, Checkpoint::Open(folder.File("m.bin")));
  ConfigFields fields(read->config(), read->ConfigName(), read->Spelling());
  fields.Reject("num_key_value_heads", "one", "two");
  EXPECT_EQ(fields.status().message(),
            folder.File("m.bin") + ": n_kv_heads: expected one, found two");
}

TEST(Llama2cReaderTest, FindsItsTokenizer) {
  TempDir folder;
  WriteFileBytes(folder.File("m.bin"), CountingFile({}));
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Checkpoint> read, Checkpoint::Open(folder.File("m.bin")));
  EXPECT_THAT(read->ImportTokenizer(""), MatchesStatus(StatusCode::kNotFound, {"m.bin"}));
  WriteFileBytes(folder.File("tok5.bin"), TinyTokenizerFile());
  ASSERT_OK_AND_ASSIGN(ImportedTokenizer imported, read->ImportTokenizer(""));
  EXPECT_EQ(imported.source, folder.File("tok5.bin"));
  WriteFileBytes(folder.File("tokenizer.bin"), TinyTokenizerFile());
  ASSERT_OK_AND_ASSIGN(imported, read->ImportTokenizer(""));
  EXPECT_EQ(imported.source, folder.File("tokenizer.bin"));
  ASSERT_OK_AND_ASSIGN(imported, read->ImportTokenizer(folder.File("tok5.bin")));
  EXPECT_EQ(imported.source, folder.File("tok5.bin"));
}

TEST(Llama2cReaderTest, EqualsTheSameModelInHuggingFaceForm) {
  const std::string shared = INKLING_SHARED_DIR;
  const std::string bin = shared + "/models/stories260K/stories260K.bin";
  const std::string folder = shared + "/golden/stories260k";
  if (!std::filesystem::exists(bin)) GTEST_SKIP() << bin << " is not here";
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Checkpoint> llama2c, Checkpoint::Open(bin));
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Checkpoint> hugging_face, Checkpoint::Open(folder));
  ASSERT_EQ(llama2c->tensors().size(), hugging_face->tensors().size());
  for (size_t i = 0; i < hugging_face->tensors().size(); ++i) {
    const SourceTensor& tensor = hugging_face->tensors()[i];
    ASSERT_OK_AND_ASSIGN(std::vector<float> expected,
                         hugging_face->ReadRows(i, 0, tensor.shape[0]));
    EXPECT_EQ(Rows(*llama2c, tensor.name, 0, tensor.shape[0]), expected) << tensor.name;
  }
}

}  // namespace
}  // namespace inkling
