// What is added to a vocabulary once it is read: stop ids and the prompt template.

#ifndef INKLING_CONVERTER_TOKENIZER_TOKENIZER_ADDITIONS_H_
#define INKLING_CONVERTER_TOKENIZER_TOKENIZER_ADDITIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "converter/templates/chat_template.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// The id of the token or piece with this text.
std::optional<int32_t> FindToken(const TokenizerData& data, absl::string_view content);

// The text of token `id`; empty for -1.
std::string TokenContent(const TokenizerData& data, int32_t id);

// Ends generation at `id`, if the vocabulary has it.
void AddStopId(int64_t id, TokenizerData& data);

// Takes over `prompt`: marks the tokens that it writes and ends generation where its turns end
// (stop_strings).
void AddPromptTemplate(PromptTemplateData prompt, ImportedTokenizer& imported);

// What a template may write by name: the vocabulary's own beginning and end of sequence.
TemplateTokens VocabularyTokens(const TokenizerData& data);

// The same for the Jinja program `source`, as far as it can be described (empty: there is none).
void ApplyChatTemplate(const std::string& source, const TemplateTokens& tokens,
                       ImportedTokenizer& imported);

// Takes out added tokens whose ids a model of `vocab_size` rows hasn't, with a note: published
// checkpoints have such tokens (Gemma 3 1B, fine-tunes with a padding token of their own), and no
// text that the model has learned contains them. A vocabulary with other pieces beyond is left as
// it is: it isn't this model's.
void DropTokensWithoutRows(int32_t vocab_size, ImportedTokenizer& imported);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TOKENIZER_ADDITIONS_H_
