// ChatTurns: the turns of a session's conversation, and which tokens the next one adds and removes.
//
// Most turns only add tokens. Some templates write an earlier answer otherwise than it was
// generated: they drop what the model thought. Then the next turn also removes tokens, so that the
// session has those of the whole conversation as the template writes it. An answer that the
// template leaves as it was generated keeps its tokens and is never encoded again.

#ifndef INKLING_SRC_SESSION_CHAT_TURNS_H_
#define INKLING_SRC_SESSION_CHAT_TURNS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/text/prompt_template.h"
#include "src/text/tokenizer.h"

namespace inkling {

class ChatTurns {
 private:
  struct Turn {
    std::string user;
    ChatMessage answer;        // as it was generated; only of turns that are `written`
    int32_t answer_begin = 0;  // position
    bool written = false;      // the answer was encoded again, as the template writes it
    size_t first = 0;          // this turn was encoded as one text with those from `first` on
    int32_t first_begin = 0;   // position of turn `first`
  };

 public:
  // `tokenizer` must outlive this.
  ChatTurns(const Tokenizer& tokenizer, PromptTemplate prompt_template, std::string system_prompt);

  // What one more turn of the user does to the session's tokens.
  struct Step {
    int32_t kept = 0;            // how many of them stay
    std::vector<int32_t> added;  // what comes behind those
    int32_t begin = 0;           // position of the turn, behind the answer before it

   private:
    friend class ChatTurns;
    std::vector<Turn> turns;
  };

  // The step of a turn that says `user_text` in a session of these `tokens`. Errors:
  // FailedPrecondition without a template; those of rendering and encoding.
  absl::StatusOr<Step> Next(absl::string_view user_text, absl::Span<const int32_t> tokens) const;

  // Makes a step part of the conversation, once its tokens are in the session.
  void Take(Step step);

  // Forgets the turns whose answers begin behind `length`, to which the session was cut.
  void Truncate(int32_t length);

 private:
  using Tokens = std::vector<int32_t>;

  ChatMessage Answer(absl::Span<const int32_t> tokens) const;
  absl::StatusOr<std::vector<PromptPart>> Render(const std::vector<Turn>& turns, size_t first,
                                                 GenerationPrompt end) const;
  absl::StatusOr<Tokens> Encode(const std::vector<PromptPart>& parts, int32_t position) const;
  absl::Status Add(absl::Span<const int32_t> tokens, Step& step) const;
  absl::Status Rewrite(absl::Span<const int32_t> tokens, Step& step) const;

  const Tokenizer& tokenizer_;
  const PromptTemplate prompt_template_;
  const std::string system_prompt_;
  SpecialTokenText special_tokens_ = SpecialTokenText::kHide;
  absl::flat_hash_map<int32_t, std::string> markup_;  // texts of tokens that people can't write
  std::vector<Turn> turns_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_CHAT_TURNS_H_
