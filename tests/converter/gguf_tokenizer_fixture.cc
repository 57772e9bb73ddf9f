// Tokenizers as llama.cpp's converter writes them into GGUF files.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "src/text/pieces.h"
#include "tests/converter/gguf_from_hugging_face.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using nlohmann::json;

constexpr int32_t kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6;

json ReadJson(const std::string& path) {
  if (!std::filesystem::exists(path)) return json::object();
  return json::parse(ReadFileBytes(path), nullptr, false);
}

// The number of tokens that the model has rows for.
size_t VocabularySize(const std::string& folder, size_t num_tokens) {
  const json config = ReadJson(folder + "/config.json");
  return std::max(num_tokens, config.value("vocab_size", num_tokens));
}

void AddByteLevel(const std::string& folder, const std::string& pre, GgufBuilder& builder) {
  const json tokenizer = ReadJson(folder + "/tokenizer.json");
  std::map<int64_t, std::string> texts;
  std::map<int64_t, int32_t> types;
  for (const auto& [text, id] : tokenizer["model"]["vocab"].items()) {
    texts[id.get<int64_t>()] = text;
    types[id.get<int64_t>()] = kNormal;
  }
  std::map<std::string, int64_t> added;
  for (const json& token : tokenizer["added_tokens"]) {
    const int64_t id = token["id"];
    texts[id] = token["content"];
    types[id] = token["special"].get<bool>() ? kControl : kUserDefined;
    added[token["content"]] = id;
  }
  const size_t size = VocabularySize(folder, static_cast<size_t>(texts.rbegin()->first + 1));
  std::vector<std::string> tokens;
  std::vector<int32_t> token_types;
  for (size_t i = 0; i < size; ++i) {
    const auto found = texts.find(static_cast<int64_t>(i));
    tokens.push_back(found == texts.end() ? absl::StrCat("[PAD", i, "]") : found->second);
    token_types.push_back(found == texts.end() ? kUnused : types[static_cast<int64_t>(i)]);
  }
  std::vector<std::string> merges;
  for (const json& merge : tokenizer["model"]["merges"]) {
    merges.push_back(merge.is_string() ? merge.get<std::string>()
                                       : absl::StrCat(merge[0].get<std::string>(), " ",
                                                      merge[1].get<std::string>()));
  }
  builder.Text("tokenizer.ggml.model", "gpt2");
  if (!pre.empty()) builder.Text("tokenizer.ggml.pre", pre);
  builder.Texts("tokenizer.ggml.tokens", tokens);
  builder.Int32s("tokenizer.ggml.token_type", token_types);
  builder.Texts("tokenizer.ggml.merges", merges);
  const std::string end =
      ReadJson(folder + "/tokenizer_config.json").value("eos_token", "<|endoftext|>");
  if (added.contains(end)) {
    builder.Uint32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(added[end]));
  }
  const std::string begin = "<|begin_of_text|>";
  if (added.contains(begin)) {
    builder.Uint32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(added[begin]));
    builder.Bool("tokenizer.ggml.add_bos_token", true);
  }
}

void AddSentencePiece(const std::string& folder, GgufBuilder& builder) {
  absl::StatusOr<ImportedTokenizer> imported = ImportTokenizerFile(folder + "/tokenizer.model");
  ASSERT_OK(imported);
  const TokenizerData& data = imported->tokenizer;
  const size_t size = VocabularySize(folder, static_cast<size_t>(NumPieces(data)));
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<int32_t> types;
  for (int32_t id = 0; id < NumPieces(data); ++id) {
    const absl::string_view bytes = PieceBytes(data, id);
    const bool is_byte = TypeOfPiece(data, id) == PieceType::kByte;
    tokens.push_back(is_byte ? absl::StrFormat("<0x%02X>", static_cast<unsigned char>(bytes[0]))
                             : std::string(bytes));
    scores.push_back(data.piece_scores[static_cast<size_t>(id)]);
    types.push_back(is_byte ? kByte : static_cast<int32_t>(TypeOfPiece(data, id)));
  }
  while (tokens.size() < size) {
    tokens.push_back(absl::StrCat("[PAD", tokens.size(), "]"));
    scores.push_back(-10000.0f);
    types.push_back(kUnused);
  }
  builder.Text("tokenizer.ggml.model", "llama");
  builder.Text("tokenizer.ggml.pre", "default");
  builder.Texts("tokenizer.ggml.tokens", tokens);
  builder.Floats("tokenizer.ggml.scores", scores);
  builder.Int32s("tokenizer.ggml.token_type", types);
  builder.Uint32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(data.bos_id));
  builder.Uint32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(data.eos_id));
  builder.Uint32("tokenizer.ggml.unknown_token_id", static_cast<uint32_t>(data.unk_id));
  builder.Uint32("tokenizer.ggml.padding_token_id",
                 data.pad_id < 0 ? 0xFFFFFFFFu : static_cast<uint32_t>(data.pad_id));
  builder.Bool("tokenizer.ggml.add_bos_token", true);
  builder.Bool("tokenizer.ggml.add_eos_token", false);
  if (data.normalizer.space_prefix == SpacePrefix::kNone) {
    builder.Bool("tokenizer.ggml.add_space_prefix", false);
  }
}

}  // namespace

void AddGgufTokenizer(const std::string& folder, const std::string& pre, GgufBuilder& builder) {
  if (std::filesystem::exists(folder + "/tokenizer.model")) {
    AddSentencePiece(folder, builder);
  } else {
    AddByteLevel(folder, pre, builder);
  }
}

}  // namespace inkling
