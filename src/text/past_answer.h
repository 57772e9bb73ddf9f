// An answer of the model as it stands in a conversation that has gone on: templates of models that
// think drop what the model thought.

#ifndef INKLING_SRC_TEXT_PAST_ANSWER_H_
#define INKLING_SRC_TEXT_PAST_ANSWER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"
#include "src/text/added_token_splitter.h"

namespace inkling {

// Returns what the template writes in front of later turns of `answer`, given as it was generated:
// parts of it, in order.
std::vector<TextRange> PastAnswerRanges(absl::string_view answer, const PromptTemplateData& data);

// Returns the same of an answer since which the user hasn't spoken: where the template keeps what
// was thought since then, all of it.
std::vector<TextRange> RecentAnswerRanges(absl::string_view answer, const PromptTemplateData& data);

// Returns the first as text.
std::string PastAnswer(absl::string_view answer, const PromptTemplateData& data);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_PAST_ANSWER_H_
