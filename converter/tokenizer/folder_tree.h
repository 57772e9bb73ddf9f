// The tokenizer.json that transformers 5 would have in memory after loading a folder: vocabulary,
// stages of the class, added tokens with their ids and flags.
//
// tokenizer_folder.cc makes a tokenizer of it. Which file wins is said in TOKENIZER_FILES.md.

#ifndef INKLING_CONVERTER_TOKENIZER_FOLDER_TREE_H_
#define INKLING_CONVERTER_TOKENIZER_FOLDER_TREE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/tokenizer/added_vocabulary.h"
#include "converter/tokenizer/tokenizer_class.h"
#include "converter/tokenizer/tokenizer_settings.h"
#include "nlohmann/json.hpp"

namespace inkling {

// The vocabulary that was found.
struct VocabularyFile {
  enum class Kind : uint8_t { kTokenizerJson, kSentencePiece, kVocabAndMerges };
  Kind kind = Kind::kTokenizerJson;
  std::string path;
  nlohmann::json tokenizer;  // kTokenizerJson: the parsed file
};

struct FolderTree {
  nlohmann::json tokenizer;
  // Special tokens by name ("bos_token"), those of the class included; none is empty.
  std::vector<std::pair<std::string, TokenSpec>> named;
  bool has_post_processor = false;  // else these two count
  bool add_bos = false;
  bool add_eos = false;
  std::vector<std::string> notes;
};

// Builds the tree. `rows` is how many tokens the model has rows for, or 0: special tokens that only
// the class names, and that no vocabulary has, aren't added behind them. Errors: Unimplemented for
// a vocabulary that the class doesn't read, by the name of the class, with what to do;
// InvalidArgument for damaged files.
absl::StatusOr<FolderTree> BuildFolderTree(VocabularyFile vocabulary, const ClassChoice& choice,
                                           const TokenizerSettings& settings, int64_t rows);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_FOLDER_TREE_H_
