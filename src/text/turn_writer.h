// Writes the turns of a conversation, of which PromptTemplate is the front.

#ifndef INKLING_SRC_TEXT_TURN_WRITER_H_
#define INKLING_SRC_TEXT_TURN_WRITER_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/tokenizer_data.h"
#include "src/text/date_text.h"
#include "src/text/prompt_template.h"
#include "src/text/template_message.h"

namespace inkling {

// Adds the `ranges` of an answer's text, with the tokens in it.
void AppendAnswer(const TemplateMessage& message, const std::vector<TextRange>& ranges,
                  std::vector<PromptPart>& parts);

class TurnWriter {
 public:
  // All must outlive this. `written` grows.
  TurnWriter(const PromptTemplateData& data, const CivilDate& date, const PromptRequest& request,
             WrittenPrompt& written)
      : data_(data),
        tools_(data.tools),
        date_(date),
        request_(request),
        messages_(request.messages),
        written_(written) {}

  // Writes all that the request asks for. Errors: those of PromptTemplate::Write.
  absl::Status Run();

 private:
  void Markup(absl::string_view text);
  void Text(absl::string_view text);
  absl::Status Parts(const ToolText& text);

  absl::Status Beginning();
  absl::Status Turns();
  absl::Status UserTurn(size_t index);
  void UserTurnWithSystem(absl::string_view user);
  void Answer(size_t index);
  void Calls(size_t index);
  void Result(size_t index);

  bool IsTool(size_t index) const {
    return index < messages_.size() && messages_[index].role == TemplateRole::kTool;
  }
  // Whether the model goes on in a turn that is open.
  bool InOpenTurn(size_t index) const {
    return tools_.results_stay_in_turn && index > 0 && IsTool(index - 1);
  }
  bool HoldsTools(size_t index) const;
  bool HoldsSystem(size_t index) const;

  const PromptTemplateData& data_;
  const ToolTemplateData& tools_;
  const CivilDate& date_;
  const PromptRequest& request_;
  absl::Span<const TemplateMessage> messages_;  // without the system message
  WrittenPrompt& written_;
  absl::string_view system_;  // where it belongs to a turn of the user
  bool first_turn_ = false;   // the user hasn't spoken yet in the conversation
  size_t last_user_ = 0;      // one more than its index; 0: none
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_TURN_WRITER_H_
