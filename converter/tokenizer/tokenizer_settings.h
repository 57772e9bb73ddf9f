// What the files beside a vocabulary say about its tokens: tokenizer_config.json,
// special_tokens_map.json, added_tokens.json, and the added tokens of tokenizer.json, merged as
// transformers 5 merges them.
//
// Which file wins over which, and where that is decided differently: TOKENIZER_FILES.md.

#ifndef INKLING_CONVERTER_TOKENIZER_TOKENIZER_SETTINGS_H_
#define INKLING_CONVERTER_TOKENIZER_TOKENIZER_SETTINGS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/tokenizer/added_vocabulary.h"
#include "nlohmann/json.hpp"

namespace inkling {

struct TokenizerSettings {
  // tokenizer_config.json's object, where special_tokens_map.json's values have replaced those of
  // the same keys.
  nlohmann::json config = nlohmann::json::object();
  bool has_config = false;  // tokenizer_config.json is there

  // Tokens by the id that their file writes.
  std::map<int64_t, TokenSpec> added;
  bool has_decoder = false;  // they come from added_tokens_decoder alone

  // "bos_token" to its token, in the order of transformers; an empty content: null in the file.
  std::vector<std::pair<std::string, TokenSpec>> named;

  // extra_special_tokens or additional_special_tokens.
  std::vector<TokenSpec> extra;
  bool has_extra = false;
  bool extra_from_map = false;  // additional_special_tokens of special_tokens_map.json alone
};

// Reads the files of `folder`. `tokenizer_json` is the parsed tokenizer.json, or null. Errors:
// those of reading JSON; InvalidArgument for a token that is neither text nor an object with one,
// by file and key.
absl::StatusOr<TokenizerSettings> ReadTokenizerSettings(const std::string& folder,
                                                        const nlohmann::json& tokenizer_json);

// The object in the file `name` of `folder`; empty where there is no such file.
absl::StatusOr<nlohmann::json> ReadConfigFile(const std::string& folder, const std::string& name);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TOKENIZER_SETTINGS_H_
