// A turn is added alone, or together with the last answer, which is then encoded again.

#include "src/session/chat_turns.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/text/past_answer.h"

namespace inkling {
namespace {

// How many tokens `a` and `b` both begin with.
int32_t SharedTokens(absl::Span<const int32_t> a, absl::Span<const int32_t> b) {
  const size_t end = std::min(a.size(), b.size());
  return static_cast<int32_t>(std::mismatch(a.begin(), a.begin() + end, b.begin()).first -
                              a.begin());
}

// Whether decoding hides the marks around thoughts, because they are special tokens.
bool MarksAreSpecial(const TokenizerData& vocabulary, const PastAnswerData& rule) {
  return rule.cut != ThoughtCut::kNone &&
         std::any_of(vocabulary.added_tokens.begin(), vocabulary.added_tokens.end(),
                     [&](const AddedToken& token) {
                       return token.special &&
                              (token.content == rule.end || token.content == rule.begin);
                     });
}

}  // namespace

ChatTurns::ChatTurns(const Tokenizer& tokenizer, PromptTemplate prompt_template,
                     std::string system_prompt)
    : tokenizer_(tokenizer),
      prompt_template_(std::move(prompt_template)),
      system_prompt_(std::move(system_prompt)) {
  if (MarksAreSpecial(tokenizer.data(), prompt_template_.data().past_answers)) {
    special_tokens_ = SpecialTokenText::kShow;
  }
  for (const AddedToken& token : tokenizer.data().added_tokens) {
    if (token.markup) markup_[token.id] = token.content;
  }
}

ChatMessage ChatTurns::Answer(absl::Span<const int32_t> tokens) const {
  ChatMessage answer = {Role::kModel, ""};
  StreamDecoder decoder(tokenizer_, {.special_tokens = special_tokens_});
  for (int32_t token : tokens) {
    absl::StatusOr<std::string> text = decoder.Add(token);
    if (!text.ok()) continue;  // a model may have more logits than its vocabulary has pieces
    answer.text += *text;
    const auto markup = markup_.find(token);
    if (markup == markup_.end() || !absl::EndsWith(*text, markup->second)) continue;
    answer.tokens.push_back({answer.text.size() - markup->second.size(), answer.text.size()});
  }
  answer.text += decoder.Flush();
  return answer;
}

// The conversation from turn `first` on, up to the last turn's user text. The answer in front of
// turn `first` stays as it was generated.
absl::StatusOr<std::vector<PromptPart>> ChatTurns::Render(const std::vector<Turn>& turns,
                                                          size_t first,
                                                          GenerationPrompt end) const {
  std::vector<ChatMessage> messages;
  if (first == 0 && !system_prompt_.empty()) messages.push_back({Role::kSystem, system_prompt_});
  for (size_t i = first; i < turns.size(); ++i) {
    messages.push_back({Role::kUser, turns[i].user});
    if (i + 1 < turns.size()) messages.push_back(turns[i].answer);
  }
  return first == 0 ? prompt_template_.Render(messages, end)
                    : prompt_template_.RenderAfterAnswer(messages, end);
}

// The template writes the beginning-of-sequence token itself where the model wants one.
absl::StatusOr<ChatTurns::Tokens> ChatTurns::Encode(const std::vector<PromptPart>& parts,
                                                    int32_t position) const {
  EncodeOptions options;
  if (position > 0) options.position = TextPosition::kContinuation;
  return tokenizer_.Encode(parts, options);
}

// The step that keeps all tokens and adds the new turn behind them.
absl::Status ChatTurns::Add(absl::Span<const int32_t> tokens, Step& step) const {
  Turn& turn = step.turns.back();
  turn.first = step.turns.size() - 1;
  turn.first_begin = static_cast<int32_t>(tokens.size());
  absl::StatusOr<std::vector<PromptPart>> parts =
      Render(step.turns, turn.first, GenerationPrompt::kAdd);
  if (!parts.ok()) return parts.status();
  absl::StatusOr<Tokens> added = Encode(*parts, turn.first_begin);
  if (!added.ok()) return added.status();
  step.kept = step.begin = turn.first_begin;
  step.added = *std::move(added);
  return absl::OkStatus();
}

// The step that encodes the last answer as the template writes it, together with the new turn. All
// text since the last answer that keeps its tokens becomes one text, because tokens at the seams of
// several would differ from those of the whole conversation.
absl::Status ChatTurns::Rewrite(absl::Span<const int32_t> tokens, Step& step) const {
  std::vector<Turn> before(step.turns.begin(), step.turns.end() - 1);
  Turn& answered = step.turns[before.size() - 1];
  Turn& turn = step.turns.back();
  turn.first = answered.first;
  turn.first_begin = answered.first_begin;
  answered.written = true;
  absl::StatusOr<std::vector<PromptPart>> whole =
      Render(step.turns, turn.first, GenerationPrompt::kAdd);
  absl::StatusOr<std::vector<PromptPart>> front =
      Render(before, turn.first, GenerationPrompt::kPastAnswer);
  if (!whole.ok()) return whole.status();
  if (!front.ok()) return front.status();
  std::vector<PromptPart> with_answer = *front;
  prompt_template_.AppendPastAnswer(answered.answer, with_answer);
  const absl::StatusOr<Tokens> all = Encode(*whole, turn.first_begin);
  const absl::StatusOr<Tokens> front_tokens = Encode(*front, turn.first_begin);
  const absl::StatusOr<Tokens> answer_tokens = Encode(with_answer, turn.first_begin);
  for (const absl::Status& status : {all.status(), front_tokens.status(), answer_tokens.status()}) {
    if (!status.ok()) return status;
  }
  const int32_t same = SharedTokens(*all, tokens.subspan(static_cast<size_t>(turn.first_begin)));
  step.kept = turn.first_begin + same;
  step.added.assign(all->begin() + same, all->end());
  step.begin = turn.first_begin + SharedTokens(*all, *answer_tokens);
  answered.answer_begin = turn.first_begin + SharedTokens(*all, *front_tokens);
  return absl::OkStatus();
}

absl::StatusOr<ChatTurns::Step> ChatTurns::Next(absl::string_view user_text,
                                                absl::Span<const int32_t> tokens) const {
  if (!prompt_template_.has_turns()) {
    return absl::FailedPreconditionError(
        absl::StrCat("this model has no prompt template, so it can't chat (",
                     prompt_template_.data().note, "); Generate continues text"));
  }
  Step step;
  step.turns = turns_;
  bool stands = true;
  if (!step.turns.empty()) {
    Turn& answered = step.turns.back();
    answered.answer = Answer(tokens.subspan(static_cast<size_t>(answered.answer_begin)));
    const std::string& text = answered.answer.text;
    stands = answered.written ? PastAnswer(text, prompt_template_.data()) == text
                              : prompt_template_.StandsAsGenerated(text);
  }
  step.turns.emplace_back();
  step.turns.back().user = std::string(user_text);
  const absl::Status status = stands ? Add(tokens, step) : Rewrite(tokens, step);
  if (!status.ok()) return status;
  step.turns.back().answer_begin = step.kept + static_cast<int32_t>(step.added.size());
  return step;
}

void ChatTurns::Take(Step step) { turns_ = std::move(step.turns); }

void ChatTurns::Truncate(int32_t length) {
  while (!turns_.empty() && turns_.back().answer_begin > length) turns_.pop_back();
}

}  // namespace inkling
