// ChatTurns: the turns of a session's conversation, and which tokens the next one adds and removes.
//
// Most turns only add tokens. Some templates write an earlier answer otherwise than it was
// generated: they drop what the model thought. Then the next turn also removes tokens, so that the
// session has those of the whole conversation as the template writes it. An answer that the
// template leaves as it was generated keeps its tokens and is never encoded again.
//
// A list of messages is held against the turns that are known. Where it says what they say, their
// tokens stay, generated ones included; from the first difference on it is encoded, and tokens that
// come out equal stay as well.

#ifndef INKLING_SRC_SESSION_CHAT_TURNS_H_
#define INKLING_SRC_SESSION_CHAT_TURNS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/session/session_fields.h"
#include "src/text/prompt_template.h"
#include "src/text/tokenizer.h"

namespace inkling {

class ChatTurns {
 public:
  // What one side said, and what the model answered.
  struct Turn {
    std::vector<TemplateMessage> said;  // in front of the answer: the user's, and what a list has
    // As it was generated, of all turns but the last; where the app lists the calls in it, as it
    // lists them.
    TemplateMessage answer;
    std::string shown;         // the answer as the app got it
    int32_t answer_begin = 0;  // position
    int32_t answer_end = -1;   // position behind what was shown; -1: the session has another text
    bool written = false;      // the answer was encoded again, as the template writes it
    size_t first = 0;          // this turn was encoded as one text with those from `first` on
    int32_t first_begin = 0;   // position of turn `first`
    bool cut = false;          // some of the text from there to the answer isn't there any more
  };

  // `tokenizer` must outlive this.
  ChatTurns(const Tokenizer& tokenizer, PromptTemplate prompt_template, std::string system_prompt);

  // What one more turn does to the session's tokens.
  struct Step {
    int32_t kept = 0;                 // how many of them stay
    std::vector<int32_t> added;       // what comes behind those
    int32_t begin = 0;                // position of the turn, behind the answer before it
    std::vector<TemplateTool> tools;  // that the answer may call
    bool has_tools() const { return !tools.empty(); }

   private:
    friend class ChatTurns;
    std::vector<Turn> turns;
  };

  // The step of a turn that says `user_text` in a session of these `tokens`; tools stay those of
  // the last list of messages. Errors: FailedPrecondition without a template; those of rendering
  // and encoding.
  absl::StatusOr<Step> Next(absl::string_view user_text, absl::Span<const int32_t> tokens) const;

  // The step that makes the session's conversation that of `messages`, all of it, with an answer
  // that begins with `assistant_prefix`. Errors: also InvalidArgument if there is nothing to
  // answer.
  absl::StatusOr<Step> Replace(std::vector<TemplateMessage> messages,
                               std::vector<TemplateTool> tools, absl::string_view assistant_prefix,
                               absl::Span<const int32_t> tokens) const;

  // The whole prompt of `messages` as text.
  absl::StatusOr<std::string> Text(std::vector<TemplateMessage> messages,
                                   absl::Span<const TemplateTool> tools,
                                   absl::string_view assistant_prefix) const;

  // Makes a step part of the conversation, once its tokens and its answer, which the app got as
  // `shown`, are in the session, up to `answer_end`.
  void Take(Step step, std::string shown, int32_t answer_end);

  // Adds the conversation to a session's file, and takes it from there into an empty one, for a
  // session of `num_tokens` tokens. Errors, after which nothing changed: InvalidArgument.
  void Write(FieldWriter& fields) const;
  absl::Status Read(FieldReader& fields, int32_t num_tokens);

  // Follows a session that dropped `count` tokens behind its first `kept`. A turn that lost some of
  // its text keeps what is left of it, and its answer stays as it was generated.
  void Slide(int32_t kept, int32_t count);

  // Forgets the turns whose answers begin behind `length`, to which the session was cut.
  void Truncate(int32_t length);

 private:
  using Tokens = std::vector<int32_t>;

  absl::Status CheckTemplate() const;
  absl::Status CheckMessages(absl::Span<const TemplateMessage> messages,
                             absl::Span<const TemplateTool> tools) const;
  void AddSystemPrompt(std::vector<TemplateMessage>& messages) const;
  TemplateMessage Answer(absl::Span<const int32_t> tokens) const;
  size_t NumKnown(absl::Span<const TemplateMessage> messages, absl::Span<const int32_t> tokens,
                  size_t& num_messages) const;
  bool IsAnswer(const TemplateMessage& message, size_t turn,
                absl::Span<const int32_t> tokens) const;
  absl::StatusOr<WrittenPrompt> Write(const Step& step, size_t first) const;
  absl::StatusOr<int32_t> NumTokens(const WrittenPrompt& written, size_t length, int32_t position,
                                    const Tokens& all) const;
  absl::StatusOr<Tokens> Encode(const std::vector<PromptPart>& parts, int32_t position) const;
  absl::Status Complete(absl::Span<const int32_t> tokens, absl::string_view assistant_prefix,
                        Step& step) const;
  size_t FirstChanged(const Step& step) const;
  absl::Status Add(absl::Span<const int32_t> tokens, absl::string_view prefix, size_t changed,
                   Step& step) const;
  static absl::Status ReadTurn(FieldReader& fields, Turn& turn);

  const Tokenizer& tokenizer_;
  const PromptTemplate prompt_template_;
  const std::string system_prompt_;
  SpecialTokenText special_tokens_ = SpecialTokenText::kHide;
  absl::flat_hash_map<int32_t, std::string> markup_;  // texts of tokens that people can't write
  std::vector<Turn> turns_;
  std::vector<TemplateTool> tools_;  // that the turns were written with
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_CHAT_TURNS_H_
