// Any text through vocabularies of each kind: the first byte chooses vocabulary and options.

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/fuzzed_tokenizer.h"

namespace inkling {
namespace {

using Tokenizers = std::vector<std::unique_ptr<const Tokenizer>>;

Tokenizers Load() {
  Tokenizers tokenizers;
  for (const std::string file :
       {"tokenizers/bpe_gpt2/tokenizer.json", "tokenizers/bpe_llama3/tokenizer.json",
        "tokenizers/bpe_qwen/tokenizer.json", "tokenizers/bpe_falcon/tokenizer.json",
        "gemma/tokenizer.json", "gemma/tokenizer.model", "llama/tokenizer.model",
        "stablelm/tokenizer.json"}) {
    absl::StatusOr<ImportedTokenizer> imported =
        ImportTokenizerFile(std::string(INKLING_TEST_DATA_DIR "/golden/") + file);
    Expect(imported.ok(), file.c_str());
    absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
        Tokenizer::Create(std::move(imported->tokenizer));
    Expect(tokenizer.ok(), file.c_str());
    tokenizers.push_back(*std::move(tokenizer));
  }
  return tokenizers;
}

}  // namespace

bool FuzzOne(absl::string_view bytes) {
  static const auto* const kTokenizers = new Tokenizers(Load());
  if (bytes.empty()) return false;
  const size_t choice = static_cast<unsigned char>(bytes[0]);
  EncodeOptions options;
  options.markup = choice & 0x80 ? Markup::kParse : Markup::kAsText;
  options.position = choice & 0x40 ? TextPosition::kContinuation : TextPosition::kStart;
  options.added_ids = choice & 0x20 ? AddedIds::kBos : AddedIds::kNone;
  EncodeAndDecode(*(*kTokenizers)[choice % kTokenizers->size()], bytes.substr(1), options);
  return true;
}

}  // namespace inkling
