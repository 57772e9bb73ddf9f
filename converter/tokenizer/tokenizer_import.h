// Reads the tokenizer and the chat template that lie with a checkpoint into the data of a model
// file.
//
// The converter and inkling-eval call it. Of a folder's files, all that transformers 5 reads
// counts; which of them wins over which is in TOKENIZER_FILES.md. What a file asks for and
// src/text can't do exactly is an Unimplemented error that names it, never an approximation.

#ifndef INKLING_CONVERTER_TOKENIZER_TOKENIZER_IMPORT_H_
#define INKLING_CONVERTER_TOKENIZER_TOKENIZER_IMPORT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

struct ImportedTokenizer {
  TokenizerData tokenizer;
  PromptTemplateData prompt_template;
  std::string source;              // the file the vocabulary came from
  std::vector<std::string> notes;  // what a person should know, one line each
};

// Imports from a checkpoint's folder: tokenizer.json, else tokenizer.model or vocab.json with
// merges.txt (as the tokenizer class reads them), else tokenizer.bin. NotFound if there is none of
// them; Unimplemented for a class that isn't known where there is no tokenizer.json.
absl::StatusOr<ImportedTokenizer> ImportTokenizerFolder(const std::string& folder);

// Imports one file, recognised by its content (JSON, SentencePiece model, llama2.c's tokenizer.bin,
// GGUF). Config files that lie next to it are not looked at.
absl::StatusOr<ImportedTokenizer> ImportTokenizerFile(const std::string& path);

// Imports a vocabulary file (one of the above) together with the config files of `config_folder`.
absl::StatusOr<ImportedTokenizer> ImportTokenizerWithConfig(const std::string& path,
                                                            const std::string& config_folder);

// `data` as an import from `path`, with the path in front of its error. Data that src/text would
// refuse are an error, too.
absl::StatusOr<ImportedTokenizer> CheckedTokenizer(absl::StatusOr<TokenizerData> data,
                                                   const std::string& path);

// Reads the text of a tokenizer.json.
absl::StatusOr<TokenizerData> ParseTokenizerJson(absl::string_view text);

// Reads the bytes of a SentencePiece model (BPE or unigram).
absl::StatusOr<TokenizerData> ParseSentencePieceModel(absl::string_view bytes);

// Reads the bytes of a llama2.c tokenizer.bin.
absl::StatusOr<TokenizerData> ParseLlama2cTokenizer(absl::string_view bytes);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TOKENIZER_IMPORT_H_
