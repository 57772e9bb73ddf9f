// Turns of a conversation to the text that a model was trained on, as the template in its file
// says.
//
// A session renders turns here and gives the parts to `Tokenizer::Encode`, which parses tokens only
// in what the template wrote. Templates write their own beginning-of-sequence token, so encode
// their parts with `AddedIds::kNone`.

#ifndef INKLING_SRC_TEXT_PROMPT_TEMPLATE_H_
#define INKLING_SRC_TEXT_PROMPT_TEMPLATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/tokenizer_data.h"
#include "src/text/date_text.h"
#include "src/text/template_message.h"
#include "src/text/tokenizer.h"

namespace inkling {

// What the text ends with behind the last turn.
enum class GenerationPrompt {
  kOmit,  // nothing
  kAdd,   // what makes the model speak
};

// What stands in front of a request's messages.
enum class TextBefore {
  kNothing,  // they are the whole conversation
  kAnswer,   // an answer that stands as it was generated, without the token that ended it
  kCalls,    // such an answer that calls tools
};

struct PromptRequest {
  absl::Span<const TemplateMessage> messages;
  GenerationPrompt end = GenerationPrompt::kAdd;
  absl::Span<const TemplateTool> tools = {};
  TextBefore before = TextBefore::kNothing;
};

struct WrittenPrompt {
  std::vector<PromptPart> parts;
  std::vector<TextRange> answers;  // in the text of all parts, of each message of the model
};

class PromptTemplate {
 public:
  // Errors: InvalidArgument if an axis has an unknown value or a string isn't UTF-8; Unimplemented
  // for the format of a date.
  static absl::StatusOr<PromptTemplate> Create(PromptTemplateData data);

  // Returns the same template, writing this date where templates write one.
  PromptTemplate OnDate(const CivilDate& date) const;

  // Returns a conversation, or behind an answer the end of its turn and what was said since then.
  // InvalidArgument: a system message that isn't the first, or that the template has no place for;
  // what CheckToolUse refuses (of whole conversations); a tool's schema that it can't write.
  // Thread-safe.
  absl::StatusOr<WrittenPrompt> Write(const PromptRequest& request) const;

  // Returns the parts of a whole conversation.
  absl::StatusOr<std::vector<PromptPart>> Render(absl::Span<const TemplateMessage> messages,
                                                 GenerationPrompt generation_prompt,
                                                 absl::Span<const TemplateTool> tools = {}) const;

  // Adds to `parts` an answer as the template writes it in front of later turns, without what
  // stands around it.
  void AppendPastAnswer(const TemplateMessage& message, std::vector<PromptPart>& parts) const;

  // Adds text that is no markup: the beginning of an answer.
  static void AppendText(absl::string_view text, std::vector<PromptPart>& parts);

  // Whether the template writes `answer`, given as it was generated behind the generation prompt,
  // just so in front of later turns. `recent`: the user hasn't spoken since.
  bool StandsAsGenerated(const TemplateMessage& answer, bool recent) const;

  // Whether it writes an answer that it has written as a recent one otherwise once the user speaks.
  bool ChangesWithAge(const TemplateMessage& answer) const;

  // Returns what `message`, of the model, looks like as the model generates it.
  absl::StatusOr<std::string> GeneratedText(const TemplateMessage& message) const;

  // Returns whether turns have any marks at all; without, a conversation is its texts joined.
  bool has_turns() const { return !data_.name.empty(); }
  const PromptTemplateData& data() const { return data_; }

 private:
  explicit PromptTemplate(PromptTemplateData data) : data_(std::move(data)) {}

  std::vector<PromptPart> Kept(const TemplateMessage& answer, bool recent) const;

  PromptTemplateData data_;
  CivilDate date_;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_PROMPT_TEMPLATE_H_
