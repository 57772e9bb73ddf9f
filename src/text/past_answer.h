// An answer of the model as it stands in a conversation that has gone on: templates of models that
// think drop what the model thought.

#ifndef INKLING_SRC_TEXT_PAST_ANSWER_H_
#define INKLING_SRC_TEXT_PAST_ANSWER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// Returns `answer`, given as it was generated, as the template writes it in front of later turns.
std::string PastAnswer(absl::string_view answer, const PromptTemplateData& data);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_PAST_ANSWER_H_
