// Learns what a chat template drops of earlier answers: what the model thought, newlines.
//
// chat_template.cc calls it when it knows how the template writes turns. The template is given
// answers with thoughts between marks that its source names; a rule that gives what it writes for
// all of them is taken, and where there is none, the note says that sessions keep thoughts.

#ifndef INKLING_CONVERTER_TEMPLATES_CHAT_THOUGHTS_H_
#define INKLING_CONVERTER_TEMPLATES_CHAT_THOUGHTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "converter/templates/chat_probe.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// What a template writes around the texts of a conversation.
struct TurnFrames {
  std::string first;          // in front of the first text of the user
  std::string before_answer;  // between a text of the user and an earlier answer
  std::string after_answer;   // between an answer and the next text of the user
  std::string end;            // behind the last text of the user
};

// Sets `data`'s past_answers, trim_model_newlines and rewrites_answers, and adds what people should
// know to `notes`. `source` is the template's; data's other fields are those learned so far.
void LearnPastAnswers(const ChatProbe& probe, absl::string_view source, const TurnFrames& frames,
                      PromptTemplateData& data, std::vector<std::string>& notes);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_CHAT_THOUGHTS_H_
