// A turn is added alone, or together with earlier answers, which are then encoded again.

#include "src/session/chat_turns.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/text/prompt_parts.h"
#include "src/text/tool_checks.h"

namespace inkling {
namespace {

// How many tokens `a` and `b` both begin with.
int32_t SharedTokens(absl::Span<const int32_t> a, absl::Span<const int32_t> b) {
  const size_t end = std::min(a.size(), b.size());
  return static_cast<int32_t>(std::mismatch(a.begin(), a.begin() + end, b.begin()).first -
                              a.begin());
}

// Whether decoding hides the marks around thoughts or calls, because they are special tokens.
bool MarksAreSpecial(const TokenizerData& vocabulary, const PromptTemplateData& data) {
  const PastAnswerData& rule = data.past_answers;
  const ToolCallFormat& call = data.tools.call;
  const bool calls = call.syntax != ToolCallSyntax::kNone;
  return absl::c_any_of(vocabulary.added_tokens, [&](const AddedToken& token) {
    if (!token.special || token.content.empty()) return false;
    if (rule.cut != ThoughtCut::kNone &&
        (token.content == rule.end || token.content == rule.begin)) {
      return true;
    }
    return calls &&
           absl::c_any_of(
               std::initializer_list<absl::string_view>{call.begin, call.prefix, call.suffix,
                                                        call.separator, call.end, call.text_quote},
               [&](absl::string_view mark) { return absl::StrContains(mark, token.content); });
  });
}

bool UserSpeaks(const ChatTurns::Turn& turn) {
  return absl::c_any_of(turn.said, [](const TemplateMessage& message) {
    return message.role == TemplateRole::kUser;
  });
}

}  // namespace

ChatTurns::ChatTurns(const Tokenizer& tokenizer, PromptTemplate prompt_template,
                     std::string system_prompt)
    : tokenizer_(tokenizer),
      prompt_template_(std::move(prompt_template)),
      system_prompt_(std::move(system_prompt)) {
  if (MarksAreSpecial(tokenizer.data(), prompt_template_.data())) {
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

absl::Status ChatTurns::CheckMessages(absl::Span<const TemplateMessage> messages,
                                      absl::Span<const TemplateTool> tools) const {
  if (messages.empty()) return absl::InvalidArgumentError("the list of messages is empty");
  const TemplateRole last = messages.back().role;
  if (last != TemplateRole::kUser && last != TemplateRole::kTool) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is nothing to answer: message ", messages.size() - 1, ", the last, is ",
                     last == TemplateRole::kSystem ? "the system's" : "the assistant's",
                     "; expected the user's or a tool's (ChatOptions::assistant_prefix gives the "
                     "beginning of an answer)"));
  }
  return CheckToolUse(prompt_template_.data(), messages, tools);
}

void ChatTurns::AddSystemPrompt(std::vector<TemplateMessage>& messages) const {
  const bool has_one = !messages.empty() && messages.front().role == TemplateRole::kSystem;
  if (!has_one && !system_prompt_.empty())
    messages.insert(messages.begin(), {TemplateRole::kSystem, system_prompt_});
}

// Whether `message` is the answer of a turn in a session of these tokens. An answer that calls is
// recognised by what the template would write: it isn't shown that way.
bool ChatTurns::IsAnswer(const TemplateMessage& message, size_t turn,
                         absl::Span<const int32_t> tokens) const {
  const Turn& known = turns_[turn];
  const bool is_last = turn + 1 == turns_.size();
  const auto length = static_cast<int32_t>(tokens.size());
  if (message.role != TemplateRole::kModel || known.answer_end < 0) return false;
  if (is_last && known.answer_end != length) return false;
  const bool has_calls = !message.calls.empty() || !known.answer.calls.empty();
  if (!has_calls) return message.text == known.shown;
  if (!is_last || !known.answer.calls.empty()) return message == known.answer;
  const absl::StatusOr<std::string> text = prompt_template_.GeneratedText(message);
  return text.ok() && *text == Answer(tokens.subspan(static_cast<size_t>(known.answer_begin))).text;
}

// How many turns `messages` begins with, answers included, and how many messages those are.
size_t ChatTurns::NumKnown(absl::Span<const TemplateMessage> messages,
                           absl::Span<const int32_t> tokens, size_t& num_messages) const {
  num_messages = 0;
  if (turns_.empty() || turns_.front().first_begin != 0) return 0;
  size_t known = 0;
  for (const Turn& turn : turns_) {
    const absl::Span<const TemplateMessage> left = messages.subspan(num_messages);
    // Something must be left to answer behind the answer.
    if (left.size() < turn.said.size() + 2) break;
    if (!std::equal(turn.said.begin(), turn.said.end(), left.begin())) break;
    if (!IsAnswer(left[turn.said.size()], known, tokens)) break;
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
absl::StatusOr<WrittenPrompt> ChatTurns::Write(const Step& step, size_t first) const {
  std::vector<TemplateMessage> messages;
  std::vector<size_t> answers;  // of the turns' own, their places among the model's messages
  size_t num_answers = 0;
  for (size_t i = first; i < step.turns.size(); ++i) {
    const Turn& turn = step.turns[i];
    messages.insert(messages.end(), turn.said.begin(), turn.said.end());
    num_answers += static_cast<size_t>(absl::c_count_if(
        turn.said, [](const auto& message) { return message.role == TemplateRole::kModel; }));
    if (i + 1 == step.turns.size()) break;
    messages.push_back(turn.answer);
    answers.push_back(num_answers++);
  }
  PromptRequest request = {.messages = messages, .tools = step.tools};
  if (first > 0) {
    request.before =
        step.turns[first - 1].answer.calls.empty() ? TextBefore::kAnswer : TextBefore::kCalls;
  }
  ABSL_ASSIGN_OR_RETURN(WrittenPrompt written, prompt_template_.Write(request));
  for (size_t i = 0; i < answers.size(); ++i) written.answers[i] = written.answers[answers[i]];
  return written;
}

// The template writes the beginning-of-sequence token itself where the model wants one.
absl::StatusOr<ChatTurns::Tokens> ChatTurns::Encode(const std::vector<PromptPart>& parts,
                                                    int32_t position) const {
  EncodeOptions options;
  if (position > 0) options.position = TextPosition::kContinuation;
  return tokenizer_.Encode(parts, options);
}

// The first turn whose text isn't in the session as the template writes it now; the last turn if
// all is.
size_t ChatTurns::FirstChanged(const Step& step) const {
  const size_t last = step.turns.size() - 1;
  if (last == 0) return 0;
  const PromptTemplateData& data = prompt_template_.data();
  const bool user_speaks = UserSpeaks(step.turns[last]);
  const Turn& beginning = step.turns.front();
  const bool has_system = beginning.said.front().role == TemplateRole::kSystem;
  const bool moves =
      (has_system && data.system_placement == SystemPlacement::kInLastUserTurn) ||
      (user_speaks && step.has_tools() && data.tools.placement == ToolPlacement::kLastUserTurn);
  if (moves && !beginning.cut) return 0;
  size_t first = last;
  for (size_t i = last; i-- > 0;) {
    const Turn& turn = step.turns[i];
    if (turn.cut) break;
    bool stands = !user_speaks || !prompt_template_.ChangesWithAge(turn.answer);
    if (i + 1 == last && !turn.written) {
      stands = prompt_template_.StandsAsGenerated(turn.answer, !user_speaks);
    }
    if (!stands) first = i;
    if (UserSpeaks(turn)) break;  // older answers were those of the past already
  }
  return first;
}

// How many of the tokens `all` stand for the first `length` bytes of what was written.
absl::StatusOr<int32_t> ChatTurns::NumTokens(const WrittenPrompt& written, size_t length,
                                             int32_t position, const Tokens& all) const {
  ABSL_ASSIGN_OR_RETURN(const Tokens front, Encode(FirstParts(written.parts, length), position));
  return SharedTokens(all, front);
}

// The step that keeps the tokens in front of turn `changed` and encodes all from there on. With
// earlier turns, that is one text since the last answer that keeps its tokens, because tokens at
// the seams of several would differ from those of the whole conversation.
absl::Status ChatTurns::Add(absl::Span<const int32_t> tokens, absl::string_view prefix,
                            size_t changed, Step& step) const {
  const size_t last = step.turns.size() - 1;
  const size_t first = changed == last ? last : step.turns[changed].first;
  const int32_t begin = changed == last ? step.begin : step.turns[changed].first_begin;
  for (size_t i = changed; i < last; ++i) step.turns[i].written = true;
  ABSL_ASSIGN_OR_RETURN(WrittenPrompt written, Write(step, first));
  ABSL_ASSIGN_OR_RETURN(const Tokens said, Encode(written.parts, begin));
  Tokens all = said;
  if (!prefix.empty()) {
    std::vector<PromptPart> parts = written.parts;
    PromptTemplate::AppendText(prefix, parts);
    ABSL_ASSIGN_OR_RETURN(all, Encode(parts, begin));
  }
  const int32_t same = SharedTokens(all, tokens.subspan(static_cast<size_t>(begin)));
  step.kept = begin + same;
  step.added.assign(all.begin() + same, all.end());
  for (size_t i = changed; i < last; ++i) {
    Turn& turn = step.turns[i];
    const TextRange& answer = written.answers[i - first];
    ABSL_ASSIGN_OR_RETURN(const int32_t before, NumTokens(written, answer.begin, begin, all));
    ABSL_ASSIGN_OR_RETURN(const int32_t through, NumTokens(written, answer.end, begin, all));
    turn.answer_begin = begin + before;
    if (turn.answer_end >= 0) turn.answer_end = begin + through;
    step.begin = begin + through;
  }
  for (size_t i = std::min(changed + 1, last); i <= last; ++i) {
    step.turns[i].first = first;
    step.turns[i].first_begin = begin;
  }
  step.turns[last].answer_begin = begin + SharedTokens(all, said);
  return absl::OkStatus();
}

// Adds the step's last turn, whose messages are there, behind the first `step.begin` of `tokens`,
// which are those of the turns in front of it.
absl::Status ChatTurns::Complete(absl::Span<const int32_t> tokens,
                                 absl::string_view assistant_prefix, Step& step) const {
  if (step.turns.size() > 1) {
    Turn& answered = step.turns[step.turns.size() - 2];
    const absl::Span<const int32_t> known = tokens.first(static_cast<size_t>(step.begin));
    if (answered.answer.calls.empty()) {
      answered.answer = Answer(known.subspan(static_cast<size_t>(answered.answer_begin)));
    }
    if (answered.answer_end != step.begin) answered.answer_end = -1;
  }
  return Add(tokens, assistant_prefix, FirstChanged(step), step);
}

absl::StatusOr<ChatTurns::Step> ChatTurns::Next(absl::string_view user_text,
                                                absl::Span<const int32_t> tokens) const {
  ABSL_RETURN_IF_ERROR(CheckTemplate());
  Step step;
  step.turns = turns_;
  step.tools = tools_;
  step.turns.emplace_back();
  step.turns.back().said.push_back({TemplateRole::kUser, std::string(user_text)});
  if (turns_.empty()) AddSystemPrompt(step.turns.back().said);
  step.begin = static_cast<int32_t>(tokens.size());
  ABSL_RETURN_IF_ERROR(Complete(tokens, "", step));
  return step;
}

absl::StatusOr<ChatTurns::Step> ChatTurns::Replace(std::vector<TemplateMessage> messages,
                                                   std::vector<TemplateTool> tools,
                                                   absl::string_view assistant_prefix,
                                                   absl::Span<const int32_t> tokens) const {
  ABSL_RETURN_IF_ERROR(CheckTemplate());
  ABSL_RETURN_IF_ERROR(CheckMessages(messages, tools));
  AddSystemPrompt(messages);
  size_t num_messages = 0;
  const size_t known = tools == tools_ ? NumKnown(messages, tokens, num_messages) : 0;
  Step step;
  step.tools = std::move(tools);
  step.turns.assign(turns_.begin(), turns_.begin() + static_cast<ptrdiff_t>(known));
  step.begin = known == 0              ? 0
               : known < turns_.size() ? turns_[known].first_begin
                                       : static_cast<int32_t>(tokens.size());
  if (known > 0 && !messages[num_messages - 1].calls.empty()) {
    step.turns.back().answer = std::move(messages[num_messages - 1]);
  }
  step.turns.emplace_back();
  step.turns.back().said.assign(
      std::make_move_iterator(messages.begin() + static_cast<ptrdiff_t>(num_messages)),
      std::make_move_iterator(messages.end()));
  ABSL_RETURN_IF_ERROR(Complete(tokens, assistant_prefix, step));
  return step;
}

absl::StatusOr<std::string> ChatTurns::Text(std::vector<TemplateMessage> messages,
                                            absl::Span<const TemplateTool> tools,
                                            absl::string_view assistant_prefix) const {
  ABSL_RETURN_IF_ERROR(CheckTemplate());
  ABSL_RETURN_IF_ERROR(CheckMessages(messages, tools));
  AddSystemPrompt(messages);
  ABSL_ASSIGN_OR_RETURN(const std::vector<PromptPart> parts,
                        prompt_template_.Render(messages, GenerationPrompt::kAdd, tools));
  return absl::StrCat(JoinedText(parts), assistant_prefix);
}

void ChatTurns::Take(Step step, std::string shown, int32_t answer_end) {
  turns_ = std::move(step.turns);
  tools_ = std::move(step.tools);
  turns_.back().shown = std::move(shown);
  turns_.back().answer_end = answer_end;
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
    if (turn.answer_end >= 0) turn.answer_end = move(turn.answer_end);
  }
}

void ChatTurns::Truncate(int32_t length) {
  while (!turns_.empty() && turns_.back().answer_begin > length) turns_.pop_back();
  if (turns_.empty() || turns_.back().answer_end <= length) return;
  turns_.back().answer = {};
  turns_.back().answer_end = -1;
}

}  // namespace inkling
