// The tokens that are added to a vocabulary, with the rules by which Hugging Face's `tokenizers`
// gives them ids and flags.
//
// tokenizer_folder.cc adds tokens in the order in which transformers does, and takes the
// "added_tokens" of a tokenizer.json from here. The rules: a token that the vocabulary has keeps
// its id; a new one gets the next id behind the vocabulary and behind the tokens added so far,
// whatever id its file writes; adding it again changes its flags, but what is special stays
// special, and a special token is looked for as it was when it came first.

#ifndef INKLING_CONVERTER_TOKENIZER_ADDED_VOCABULARY_H_
#define INKLING_CONVERTER_TOKENIZER_ADDED_VOCABULARY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace inkling {

// A token as files write it.
struct TokenSpec {
  std::string content;
  bool single_word = false;
  bool lstrip = false;
  bool rstrip = false;
  bool normalized = false;  // looked for in normalised text
  bool special = false;
  bool only_text = false;  // its file writes no flags; not compared

  bool operator==(const TokenSpec& other) const {
    return content == other.content && single_word == other.single_word && lstrip == other.lstrip &&
           rstrip == other.rstrip && normalized == other.normalized && special == other.special;
  }
};

// A token of a file: its text, or an object with a content and flags. `special` is what counts
// where the file doesn't say; without "normalized", special tokens aren't normalised and others
// are. An empty content: `value` is no token.
TokenSpec ReadTokenSpec(const nlohmann::json& value, bool special);

class AddedVocabulary {
 public:
  // `model` is a tokenizer.json's; the texts and ids of its "vocab" are copied.
  explicit AddedVocabulary(const nlohmann::json& model);

  // Adds a token or changes it.
  void Add(const TokenSpec& token);

  // The id of an added token or a piece; -1: there is none.
  int64_t Find(absl::string_view content) const;

  // The id that a token gets which the vocabulary doesn't have.
  int64_t NextId() const;

  // Whether `content` was added.
  bool Has(absl::string_view content) const { return ids_.contains(content); }

  // The added token with this id, or null.
  const TokenSpec* At(int64_t id) const;

  // The added tokens by id.
  const std::map<int64_t, TokenSpec>& tokens() const { return tokens_; }

  // tokenizer.json's "added_tokens".
  nlohmann::json ToJson() const;

 private:
  absl::flat_hash_map<std::string, int64_t> vocab_;
  absl::flat_hash_map<std::string, int64_t> ids_;  // of added tokens
  int64_t last_ = -1;                              // the highest of them
  std::map<int64_t, TokenSpec> tokens_;            // what counts now
  absl::flat_hash_set<std::string> special_;
  std::vector<TokenSpec> order_;  // as they came: where each is looked for
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_ADDED_VOCABULARY_H_
