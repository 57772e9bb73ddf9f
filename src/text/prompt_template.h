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
#include "src/text/tokenizer.h"

namespace inkling {

enum class TemplateRole : uint8_t { kSystem, kUser, kModel };

struct TemplateMessage {
  TemplateRole role = TemplateRole::kUser;
  std::string text;
  // kModel: where the model generated tokens that text from people never is. They are parsed as
  // markup is; in order, and they don't overlap.
  std::vector<TextRange> tokens = {};

  // As a person sees them.
  bool operator==(const TemplateMessage& other) const {
    return role == other.role && text == other.text;
  }
};

// What the text ends with behind the last turn.
enum class GenerationPrompt {
  kOmit,        // nothing
  kAdd,         // what makes the model speak
  kPastAnswer,  // what stands in front of an answer that was given
};

class PromptTemplate {
 public:
  // Errors: InvalidArgument if an axis has an unknown value or a string isn't UTF-8; Unimplemented
  // for the format of a date.
  static absl::StatusOr<PromptTemplate> Create(PromptTemplateData data);

  // Returns the same template, writing this date where templates write one.
  PromptTemplate OnDate(const CivilDate& date) const;

  // Returns the whole conversation. InvalidArgument if a system message isn't the first one, or if
  // the template has no place for one. Thread-safe.
  absl::StatusOr<std::vector<PromptPart>> Render(absl::Span<const TemplateMessage> messages,
                                                 GenerationPrompt generation_prompt) const;

  // Returns what follows an answer that stands as it was generated (without the token that ended
  // it): the end of its turn, then these turns, the first of them the user's. InvalidArgument for a
  // system message. Thread-safe.
  absl::StatusOr<std::vector<PromptPart>> RenderAfterAnswer(
      absl::Span<const TemplateMessage> messages, GenerationPrompt generation_prompt) const;

  // Adds to `parts` an answer as the template writes it in front of later turns, without what
  // stands around it.
  void AppendPastAnswer(const TemplateMessage& message, std::vector<PromptPart>& parts) const;

  // Adds text that is no markup: the beginning of an answer.
  static void AppendText(absl::string_view text, std::vector<PromptPart>& parts);

  // Whether the template writes `answer`, given as it was generated behind the generation prompt,
  // just so in front of later turns.
  bool StandsAsGenerated(absl::string_view answer) const;

  // Returns whether turns have any marks at all; without, a conversation is its texts joined.
  bool has_turns() const { return !data_.name.empty(); }
  const PromptTemplateData& data() const { return data_; }

 private:
  explicit PromptTemplate(PromptTemplateData data) : data_(std::move(data)) {}

  void AppendMarkup(absl::string_view text, std::vector<PromptPart>& parts) const;
  void AppendUserTurn(absl::string_view system, absl::string_view user,
                      std::vector<PromptPart>& parts) const;
  absl::Status AppendTurns(absl::Span<const TemplateMessage> messages, absl::string_view system,
                           std::vector<PromptPart>& parts) const;
  void AppendEnd(GenerationPrompt generation_prompt, std::vector<PromptPart>& parts) const;

  PromptTemplateData data_;
  CivilDate date_;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_PROMPT_TEMPLATE_H_
