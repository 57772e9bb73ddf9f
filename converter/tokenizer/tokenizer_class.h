// The tokenizer classes of transformers 5, as data: what each builds around a vocabulary, which
// special tokens it has by itself, and which of them a folder gets.
//
// tokenizer_folder.cc asks for the class of a folder; tokenizer_stages.h makes the stages of a
// tokenizer.json of it. Source: transformers 5.12.1, models/*/tokenization_*.py and
// models/auto/tokenization_auto.py.

#ifndef INKLING_CONVERTER_TOKENIZER_TOKENIZER_CLASS_H_
#define INKLING_CONVERTER_TOKENIZER_TOKENIZER_CLASS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace inkling {

// How a class cuts and writes text.
enum class ClassPipeline : uint8_t {
  kAsWritten,        // TokenizersBackend: as tokenizer.json, or the SentencePiece model, says
  kMetaspace,        // Llama: U+2581 for spaces, one in front by `add_prefix_space` and `legacy`
  kMetaspaceFirst,   // CodeLlama: the same, whatever `legacy` says
  kEscapedSpaces,    // Gemma: U+2581 for spaces, none in front
  kSpacedWords,      // GPT-2, CodeGen: bytes, GPT-2's pattern
  kSpacedWordsNfc,   // GPT-NeoX: the same of composed text
  kDigitsAndWords,   // Cohere: composed text, every digit alone, GPT-2's pattern
  kPrefixedWordsNfc  // Qwen2: composed text, the pattern of cl100k with digits alone
};

struct TokenizerClass {
  absl::string_view name;
  ClassPipeline pipeline;
  // Special tokens that it has where no file names them; empty: none.
  absl::string_view bos, eos, unk, pad;
  // Others, each followed by a space: "cls_token=<CLS> ".
  absl::string_view others;
  bool adds_bos;        // whether add_bos_token is true where no file says
  bool renews_special;  // its special tokens are added again at the end, without flags

  bool is_byte_level() const {
    return pipeline != ClassPipeline::kAsWritten && !reads_sentencepiece();
  }
  bool reads_sentencepiece() const {
    return pipeline == ClassPipeline::kMetaspace || pipeline == ClassPipeline::kMetaspaceFirst ||
           pipeline == ClassPipeline::kEscapedSpaces;
  }
};

// What AutoTokenizer finds out about a folder.
struct ClassChoice {
  const TokenizerClass* tokenizer_class = nullptr;  // never null
  std::string named;  // the class that the files name, without "Fast"; may be empty
  // Whether `named` is a class of the table (or none is named). Where tokenizer.json lies there,
  // an unknown class doesn't matter.
  bool known = true;
};

// `named` is tokenizer_config.json's tokenizer_class, else config.json's; `model_type` that of
// config.json.
ClassChoice ChooseTokenizerClass(absl::string_view model_type, absl::string_view named);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TOKENIZER_CLASS_H_
