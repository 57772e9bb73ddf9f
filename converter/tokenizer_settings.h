// What the files beside a vocabulary say about its tokens: tokenizer_config.json,
// special_tokens_map.json, added_tokens.json, and the added tokens of tokenizer.json, merged as
// transformers 5 merges them.
//
// Which file wins (source: transformers 5.12.1, tokenization_utils_base.py, _from_pretrained;
// tokenization_utils_tokenizers.py; models/auto/tokenization_auto.py):
//
//   what                    | in this order; the first that says it counts
//   tokenizer class         | tokenizer_config.json's tokenizer_class, config.json's, that of
//                           | config.json's model_type. A model_type with another class of its own
//                           | replaces it (tokenizer_class.cc)
//   vocabulary, merges      | tokenizer.json; else tokenizer.model; else vocab.json and merges.txt
//   stages around them      | tokenizer.json's; where they are of the class's kind, the class's
//                           | with tokenizer_config.json's add_prefix_space and legacy
//   added tokens, flags     | tokenizer_config.json's added_tokens_decoder, and then nothing of
//                           | the next two; else tokenizer.json's added_tokens over
//                           | added_tokens.json
//   named special tokens    | special_tokens_map.json, if there is no added_tokens_decoder; else
//                           | tokenizer_config.json; else the class's own
//   extra special tokens    | extra_special_tokens, else additional_special_tokens, else control
//                           | and user-defined pieces of tokenizer.model
//   ids of added tokens     | the vocabulary's; else the next free one (added_vocabulary.h)
//   ids around a text       | tokenizer.json's post_processor; without tokenizer.json,
//                           | add_bos_token and add_eos_token (false where nothing says)
//   chat template           | chat_template.jinja and additional_chat_templates/*.jinja, else
//                           | tokenizer_config.json's chat_template, else chat_template.json
//   ids that end an answer  | all of: eos_token, generation_config.json's eos_token_id (a number
//                           | or a list), config.json's, the template's end of turn
//
// Where transformers 4 and 5 differ: 5 builds the tokenizer of some classes anew and drops the
// stages of tokenizer.json. Where the file's stages are of another kind than the class's (a Prepend
// normalizer under LlamaTokenizer, digits cut apart under GPT2Tokenizer), the model was trained
// with the file's; they are used, as in transformers 4, and a note says so.

#ifndef INKLING_CONVERTER_TOKENIZER_SETTINGS_H_
#define INKLING_CONVERTER_TOKENIZER_SETTINGS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/added_vocabulary.h"
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

#endif  // INKLING_CONVERTER_TOKENIZER_SETTINGS_H_
