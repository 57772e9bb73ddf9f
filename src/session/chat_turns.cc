// A turn is added alone, or together with earlier answers, which are then encoded again.

#include "src/session/chat_turns.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
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

TemplateMessage ChatTurns::Answer(absl::Span<const int32_t> tokens) const {
  TemplateMessage answer = {TemplateRole::kModel, ""};
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

absl::Status ChatTurns::CheckTemplate() const {
  if (prompt_template_.has_turns()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this model has no prompt template, so it can't chat (",
                   prompt_template_.data().note, "); Generate continues text"));
}

absl::Status ChatTurns::CheckMessages(const std::vector<TemplateMessage>& messages) const {
  if (messages.empty()) return absl::InvalidArgumentError("the list of messages is empty");
  const TemplateRole last = messages.back().role;
  if (last == TemplateRole::kUser) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("there is nothing to answer: message ", messages.size() - 1, ", the last, is ",
                   last == TemplateRole::kSystem ? "the system's" : "the assistant's",
                   "; expected the user's (ChatOptions::assistant_prefix gives the "
                   "beginning of an answer)"));
}

void ChatTurns::AddSystemPrompt(std::vector<TemplateMessage>& messages) const {
  const bool has_one = !messages.empty() && messages.front().role == TemplateRole::kSystem;
  if (!has_one && !system_prompt_.empty())
    messages.insert(messages.begin(), {TemplateRole::kSystem, system_prompt_});
}

// How many turns `messages` begins with, answers included, and how many messages those are.
size_t ChatTurns::NumKnown(absl::Span<const TemplateMessage> messages, size_t& num_messages) const {
  num_messages = 0;
  if (turns_.empty() || turns_.front().first_begin != 0) return 0;
  size_t known = 0;
  for (const Turn& turn : turns_) {
    const absl::Span<const TemplateMessage> left = messages.subspan(num_messages);
    // Something must be left to answer behind the answer.
    if (left.size() < turn.said.size() + 2) break;
    if (!std::equal(turn.said.begin(), turn.said.end(), left.begin())) break;
    const TemplateMessage& answer = left[turn.said.size()];
    if (answer.role != TemplateRole::kModel || answer.text != turn.shown) break;
    num_messages += turn.said.size() + 1;
    ++known;
  }
  // What was encoded as one text with later turns can't be kept alone.
  while (known < turns_.size() && known > 0 && turns_[known].first < known) {
    --known;
    num_messages -= turns_[known].said.size() + 1;
  }
  return known;
}

// The conversation from turn `first` on, up to what is said in the last turn. The answer in front
// of turn `first` stays as it was generated.
absl::StatusOr<std::vector<PromptPart>> ChatTurns::Render(const std::vector<Turn>& turns,
                                                          size_t first,
                                                          GenerationPrompt end) const {
  std::vector<TemplateMessage> messages;
  for (size_t i = first; i < turns.size(); ++i) {
    messages.insert(messages.end(), turns[i].said.begin(), turns[i].said.end());
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

// The step that keeps the tokens in front of the new turn and adds it behind them.
absl::Status ChatTurns::Add(absl::Span<const int32_t> tokens, absl::string_view prefix,
                            Step& step) const {
  Turn& turn = step.turns.back();
  turn.first = step.turns.size() - 1;
  turn.first_begin = step.begin;
  ABSL_ASSIGN_OR_RETURN(std::vector<PromptPart> parts,
                        Render(step.turns, turn.first, GenerationPrompt::kAdd));
  ABSL_ASSIGN_OR_RETURN(const Tokens front, Encode(parts, turn.first_begin));
  prompt_template_.AppendText(prefix, parts);
  ABSL_ASSIGN_OR_RETURN(const Tokens all, Encode(parts, turn.first_begin));
  const int32_t same = SharedTokens(all, tokens.subspan(static_cast<size_t>(turn.first_begin)));
  step.kept = turn.first_begin + same;
  step.added.assign(all.begin() + same, all.end());
  turn.answer_begin = turn.first_begin + SharedTokens(all, front);
  return absl::OkStatus();
}

// The step that encodes the last answer as the template writes it, together with the new turn. All
// text since the last answer that keeps its tokens becomes one text, because tokens at the seams of
// several would differ from those of the whole conversation.
absl::Status ChatTurns::Rewrite(absl::Span<const int32_t> tokens, absl::string_view prefix,
                                Step& step) const {
  std::vector<Turn> before(step.turns.begin(), step.turns.end() - 1);
  Turn& answered = step.turns[before.size() - 1];
  Turn& turn = step.turns.back();
  turn.first = answered.first;
  turn.first_begin = answered.first_begin;
  answered.written = true;
  ABSL_ASSIGN_OR_RETURN(std::vector<PromptPart> whole,
                        Render(step.turns, turn.first, GenerationPrompt::kAdd));
  ABSL_ASSIGN_OR_RETURN(const std::vector<PromptPart> front,
                        Render(before, turn.first, GenerationPrompt::kPastAnswer));
  std::vector<PromptPart> with_answer = front;
  prompt_template_.AppendPastAnswer(answered.answer, with_answer);
  ABSL_ASSIGN_OR_RETURN(const Tokens said, Encode(whole, turn.first_begin));
  prompt_template_.AppendText(prefix, whole);
  ABSL_ASSIGN_OR_RETURN(const Tokens all, Encode(whole, turn.first_begin));
  ABSL_ASSIGN_OR_RETURN(const Tokens front_tokens, Encode(front, turn.first_begin));
  ABSL_ASSIGN_OR_RETURN(const Tokens answer_tokens, Encode(with_answer, turn.first_begin));
  const int32_t same = SharedTokens(all, tokens.subspan(static_cast<size_t>(turn.first_begin)));
  step.kept = turn.first_begin + same;
  step.added.assign(all.begin() + same, all.end());
  step.begin = turn.first_begin + SharedTokens(all, answer_tokens);
  answered.answer_begin = turn.first_begin + SharedTokens(all, front_tokens);
  turn.answer_begin = turn.first_begin + SharedTokens(all, said);
  return absl::OkStatus();
}

// Adds the step's last turn, whose messages are there, behind the first `step.begin` of `tokens`,
// which are those of the turns in front of it.
absl::Status ChatTurns::Complete(absl::Span<const int32_t> tokens,
                                 absl::string_view assistant_prefix, Step& step) const {
  bool stands = true;
  if (step.turns.size() > 1) {
    Turn& answered = step.turns[step.turns.size() - 2];
    const absl::Span<const int32_t> known = tokens.first(static_cast<size_t>(step.begin));
    answered.answer = Answer(known.subspan(static_cast<size_t>(answered.answer_begin)));
    const std::string& text = answered.answer.text;
    if (!answered.cut) {
      stands = answered.written ? PastAnswer(text, prompt_template_.data()) == text
                                : prompt_template_.StandsAsGenerated(text);
    }
  }
  return stands ? Add(tokens, assistant_prefix, step) : Rewrite(tokens, assistant_prefix, step);
}

absl::StatusOr<ChatTurns::Step> ChatTurns::Next(absl::string_view user_text,
                                                absl::Span<const int32_t> tokens) const {
  ABSL_RETURN_IF_ERROR(CheckTemplate());
  Step step;
  step.turns = turns_;
  step.turns.emplace_back();
  step.turns.back().said.push_back({TemplateRole::kUser, std::string(user_text)});
  if (turns_.empty()) AddSystemPrompt(step.turns.back().said);
  step.begin = static_cast<int32_t>(tokens.size());
  ABSL_RETURN_IF_ERROR(Complete(tokens, "", step));
  return step;
}

absl::StatusOr<ChatTurns::Step> ChatTurns::Replace(std::vector<TemplateMessage> messages,
                                                   absl::string_view assistant_prefix,
                                                   absl::Span<const int32_t> tokens) const {
  ABSL_RETURN_IF_ERROR(CheckTemplate());
  ABSL_RETURN_IF_ERROR(CheckMessages(messages));
  AddSystemPrompt(messages);
  size_t num_messages = 0;
  const size_t known = NumKnown(messages, num_messages);
  Step step;
  step.turns.assign(turns_.begin(), turns_.begin() + static_cast<ptrdiff_t>(known));
  step.begin = known == 0              ? 0
               : known < turns_.size() ? turns_[known].first_begin
                                       : static_cast<int32_t>(tokens.size());
  step.turns.emplace_back();
  step.turns.back().said.assign(
      std::make_move_iterator(messages.begin() + static_cast<ptrdiff_t>(num_messages)),
      std::make_move_iterator(messages.end()));
  ABSL_RETURN_IF_ERROR(Complete(tokens, assistant_prefix, step));
  return step;
}

absl::StatusOr<std::string> ChatTurns::Text(std::vector<TemplateMessage> messages,
                                            absl::string_view assistant_prefix) const {
  ABSL_RETURN_IF_ERROR(CheckTemplate());
  ABSL_RETURN_IF_ERROR(CheckMessages(messages));
  AddSystemPrompt(messages);
  ABSL_ASSIGN_OR_RETURN(const std::vector<PromptPart> parts,
                        prompt_template_.Render(messages, GenerationPrompt::kAdd));
  std::string text;
  for (const PromptPart& part : parts) text += part.text;
  return absl::StrCat(text, assistant_prefix);
}

void ChatTurns::Take(Step step, std::string shown) {
  turns_ = std::move(step.turns);
  turns_.back().shown = std::move(shown);
}

void ChatTurns::Slide(int32_t kept, int32_t count) {
  if (count == 0) return;
  const auto move = [&](int32_t position) {
    return position > kept ? std::max(kept, position - count) : position;
  };
  for (Turn& turn : turns_) {
    turn.cut |= turn.first_begin < kept + count && turn.answer_begin > kept;
    turn.first_begin = move(turn.first_begin);
    turn.answer_begin = move(turn.answer_begin);
  }
}

void ChatTurns::Truncate(int32_t length) {
  while (!turns_.empty() && turns_.back().answer_begin > length) turns_.pop_back();
}

}  // namespace inkling
