// The ids that config files name: beginning and end of sequence, padding, and what ends an answer.

#ifndef INKLING_CONVERTER_TOKENIZER_TOKENIZER_IDS_H_
#define INKLING_CONVERTER_TOKENIZER_TOKENIZER_IDS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "converter/tokenizer/added_vocabulary.h"
#include "converter/tokenizer/tokenizer_import.h"

namespace inkling {

using NamedTokens = std::vector<std::pair<std::string, TokenSpec>>;

// Sets the ids: those of `named` ("bos_token" to its token), else by number those of
// generation_config.json and config.json in `folder`; every end of sequence of all three becomes a
// stop. What isn't in the vocabulary is left out with a note. Errors: InvalidArgument for a value
// that is neither an id nor a list of them, by file and key.
absl::Status ApplyConfigIds(const NamedTokens& named, const std::string& folder,
                            ImportedTokenizer& imported);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TOKENIZER_IDS_H_
