// Rules are tried, not read: of all that past_answer.cc can do, the one that agrees with the
// template on answers of every shape (see chat_thoughts.h).

#include "converter/templates/chat_thoughts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "converter/templates/jinja_lexer.h"
#include "src/text/past_answer.h"

namespace inkling {
namespace {

using Strings = std::vector<std::string>;

constexpr absl::string_view kThought = "the thought.";
constexpr absl::string_view kThirdUser = "third question?";
// How many are looked at; sources are by strangers.
constexpr size_t kMaxMarks = 48;
constexpr size_t kMaxSearchedMarks = 12;
constexpr size_t kMaxMarkBytes = 40;

TemplateMessage User(absl::string_view text) { return {TemplateRole::kUser, std::string(text)}; }
TemplateMessage Model(absl::string_view text) { return {TemplateRole::kModel, std::string(text)}; }

struct Marks {
  std::string begin;
  std::string end;
};

bool IsMark(absl::string_view text) {
  return text.size() >= 3 && text.size() <= kMaxMarkBytes &&
         !absl::ascii_isalnum(static_cast<unsigned char>(text[0])) &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return absl::ascii_isspace(c); });
}

// The strings of a template's source that may mark the end of a thought, the usual one first.
// `searched` are those that it seems to look for in texts.
struct SourceMarks {
  Strings all = {"</think>"};
  Strings searched;
};

SourceMarks MarksOf(absl::string_view source) {
  SourceMarks marks;
  const absl::StatusOr<std::vector<JinjaToken>> tokens = LexJinja(source);
  if (!tokens.ok()) return marks;
  const auto add = [](absl::string_view mark, size_t most, Strings& list) {
    if (list.size() < most && std::find(list.begin(), list.end(), mark) == list.end()) {
      list.emplace_back(mark);
    }
  };
  for (size_t i = 1; i + 1 < tokens->size(); ++i) {
    if ((*tokens)[i].kind != JinjaToken::Kind::kString) continue;
    const absl::string_view text = (*tokens)[i].text;
    const absl::string_view mark = absl::StripAsciiWhitespace(text);
    if (!IsMark(mark)) continue;
    add(mark, kMaxMarks, marks.all);
    add(text, kMaxMarks, marks.all);  // newlines may be part of it
    const bool is_searched = (*tokens)[i - 1].text == "(" || (*tokens)[i + 1].text == "in";
    if (is_searched) add(mark, kMaxSearchedMarks, marks.searched);
  }
  return marks;
}

// What may begin a thought that `end` ends, by its look: "<think>" for "</think>".
std::string BeginFor(absl::string_view end) {
  const size_t slash = end.find('/');
  if (slash == absl::string_view::npos) return "<think>";
  return absl::StrCat(end.substr(0, slash), end.substr(slash + 1));
}

class ThoughtLearner {
 public:
  ThoughtLearner(const ChatProbe& probe, const TurnFrames& frames, PromptTemplateData& data)
      : probe_(probe), frames_(frames), data_(data) {}

  void LearnNewlines();
  std::optional<Marks> FindMarks(absl::string_view source) const;
  bool LearnCut(const Marks& marks);
  std::string ChangedMark(absl::string_view source) const;

  // Whether answers of unlikely shapes come out otherwise than by the rule.
  bool odd_answers_differ() const { return odd_answers_differ_; }

 private:
  std::optional<std::string> Written(absl::string_view answer) const;
  std::optional<std::string> Between(const std::vector<TemplateMessage>& messages,
                                     absl::string_view before, absl::string_view behind) const;

  const ChatProbe& probe_;
  const TurnFrames& frames_;
  PromptTemplateData& data_;
  bool odd_answers_differ_ = false;
};

// What the template writes between these texts; nothing if they don't stand at the ends.
std::optional<std::string> ThoughtLearner::Between(const std::vector<TemplateMessage>& messages,
                                                   absl::string_view before,
                                                   absl::string_view behind) const {
  const absl::StatusOr<std::string> rendered = probe_.Render(messages, GenerationPrompt::kAdd);
  if (!rendered.ok()) return std::nullopt;
  absl::string_view text = *rendered;
  if (!absl::ConsumePrefix(&text, before) || !absl::ConsumeSuffix(&text, behind)) {
    return std::nullopt;
  }
  return std::string(text);
}

// `answer` as the template writes it in front of later turns; nothing if that depends on the place
// or can't be told from what stands around it.
std::optional<std::string> ThoughtLearner::Written(absl::string_view answer) const {
  const TurnFrames& f = frames_;
  const std::string before = absl::StrCat(f.first, ChatProbe::kUser, f.before_answer);
  const std::string behind = absl::StrCat(f.after_answer, ChatProbe::kNextUser, f.end);
  const std::string plain = absl::StrCat(f.before_answer, ChatProbe::kModel, f.after_answer);
  std::optional<std::string> only =
      Between({User(ChatProbe::kUser), Model(answer), User(ChatProbe::kNextUser)}, before, behind);
  const std::optional<std::string> older =
      Between({User(ChatProbe::kUser), Model(answer), User(ChatProbe::kNextUser),
               Model(ChatProbe::kModel), User(kThirdUser)},
              before, absl::StrCat(f.after_answer, ChatProbe::kNextUser, plain, kThirdUser, f.end));
  const std::optional<std::string> newer =
      Between({User(ChatProbe::kUser), Model(ChatProbe::kModel), User(ChatProbe::kNextUser),
               Model(answer), User(kThirdUser)},
              absl::StrCat(f.first, ChatProbe::kUser, plain, ChatProbe::kNextUser, f.before_answer),
              absl::StrCat(f.after_answer, kThirdUser, f.end));
  if (only != older || only != newer) return std::nullopt;
  return only;
}

// Where white space stays at the ends of an answer, newlines may be trimmed all the same.
void ThoughtLearner::LearnNewlines() {
  if (data_.trim_model != TextTrim::kNothing) return;
  const std::optional<std::string> written =
      Written(absl::StrCat("\n\n", ChatProbe::kModel, "\n\n"));
  if (!written.has_value()) return;
  const bool begin = !absl::StartsWith(*written, "\n");
  const bool end = !absl::EndsWith(*written, "\n");
  data_.trim_model_newlines = begin || end;
  if (begin) data_.trim_model = end ? TextTrim::kBothEnds : TextTrim::kBegin;
  if (end && !begin) data_.trim_model = TextTrim::kEnd;
}

// The marks between which an answer loses its text.
std::optional<Marks> ThoughtLearner::FindMarks(absl::string_view source) const {
  const SourceMarks marks = MarksOf(source);
  const auto drops = [&](absl::string_view begin, absl::string_view end) {
    const absl::StatusOr<std::string> rendered = probe_.Render(
        {User(ChatProbe::kUser), Model(absl::StrCat(begin, kThought, end, ChatProbe::kModel)),
         User(ChatProbe::kNextUser)},
        GenerationPrompt::kAdd);
    return rendered.ok() && !absl::StrContains(*rendered, kThought) &&
           absl::StrContains(*rendered, ChatProbe::kModel);
  };
  for (const std::string& end : marks.all) {
    const std::string begin = BeginFor(end);
    if (drops("", end) || drops(begin, end)) return Marks{begin, end};
  }
  for (const std::string& end : marks.searched) {
    for (const std::string& begin : marks.searched) {
      const bool closes = absl::StrContains(begin, "</") || absl::StrContains(begin, "[/");
      if (begin != end && !closes && drops(begin, end)) return Marks{begin, end};
    }
  }
  return std::nullopt;
}

// A mark that makes the template write an answer otherwise than the rule does; empty if none does.
std::string ThoughtLearner::ChangedMark(absl::string_view source) const {
  const auto agrees = [&](absl::string_view answer) {
    return Written(answer) == PastAnswer(answer, data_);
  };
  const std::string thought = absl::StrCat("<think>\n", kThought, "\n</think>\n");
  if (!agrees(absl::StrCat(thought, "\n", ChatProbe::kModel))) return "</think>";
  if (!agrees(absl::StrCat(thought, "<answer>\n", ChatProbe::kModel, "\n</answer>"))) {
    return "<answer>";
  }
  for (const std::string& mark : MarksOf(source).searched) {
    if (!agrees(absl::StrCat(BeginFor(mark), kThought, mark, ChatProbe::kModel))) return mark;
  }
  return "";
}

bool ThoughtLearner::LearnCut(const Marks& marks) {
  const auto& [b, e] = marks;
  const std::string text(ChatProbe::kModel);
  // Answers as models give them, also those that ran out of tokens; then such as they hardly give.
  const Strings usual = {absl::StrCat(b, "\n", kThought, "\n", e, "\n\n", text),
                         absl::StrCat(b, kThought, e, text),
                         absl::StrCat(kThought, "\n", e, "\n\n", text),
                         absl::StrCat(b, "\n\n", e, "\n\n", text),
                         absl::StrCat(b, kThought, e, " \n\t", text, " \n"),
                         absl::StrCat(b, kThought, e, "\n", text, "\n"),
                         absl::StrCat(b, "\nHm. <b>\n", e, "\n\nYes.\n- "),
                         absl::StrCat(b, "\n", kThought),
                         text,
                         absl::StrCat("\n", text, "\n"),
                         absl::StrCat(" ", text, " ")};
  const Strings odd = {absl::StrCat("said", b, kThought, e, text),
                       absl::StrCat(b, kThought, e, text, e, "more"),
                       absl::StrCat(b, kThought, e, "mid", b, kThought, e, text),
                       absl::StrCat(kThought, e, "mid", b, text), absl::StrCat(b, kThought, e)};
  const auto written = [&](const Strings& answers) {
    std::vector<std::optional<std::string>> texts;
    for (const std::string& answer : answers) texts.push_back(Written(answer));
    return texts;
  };
  const std::vector<std::optional<std::string>> usual_texts = written(usual);
  const std::vector<std::optional<std::string>> odd_texts = written(odd);
  std::optional<PastAnswerData> best;
  size_t most = 0;
  for (int i = 0; i < 5 * 2 * 7; ++i) {
    PastAnswerData& rule = data_.past_answers;
    rule = {.cut = static_cast<ThoughtCut>(1 + i % 5),
            .begin = b,
            .end = e,
            .needs_begin = i / 5 % 2 == 1,
            .trim = static_cast<TextTrim>((i / 10 + 1) / 2),
            .trim_newlines = i / 10 > 0 && i / 10 % 2 == 0};
    const auto count = [&](const Strings& answers,
                           const std::vector<std::optional<std::string>>& texts) {
      size_t same = 0;
      for (size_t k = 0; k < answers.size(); ++k) same += PastAnswer(answers[k], data_) == texts[k];
      return same;
    };
    if (count(usual, usual_texts) < usual.size()) continue;
    const size_t same = 1 + count(odd, odd_texts);
    if (same <= most) continue;
    most = same;
    best = rule;
  }
  data_.past_answers = best.value_or(PastAnswerData());
  odd_answers_differ_ = most < 1 + odd.size();
  return best.has_value();
}

// Whether what stands in front of an earlier answer is another text than what the model continues,
// not just another white space.
bool FrontsDiffer(const PromptTemplateData& data) {
  return absl::StripTrailingAsciiWhitespace(data.model.prefix) !=
         absl::StripTrailingAsciiWhitespace(data.generation_prompt);
}

}  // namespace

void LearnPastAnswers(const ChatProbe& probe, absl::string_view source, const TurnFrames& frames,
                      PromptTemplateData& data, std::vector<std::string>& notes) {
  ThoughtLearner learner(probe, frames, data);
  learner.LearnNewlines();
  const std::optional<Marks> marks = learner.FindMarks(source);
  const bool cuts = marks.has_value() && learner.LearnCut(*marks);
  data.rewrites_answers = cuts || data.trim_model_newlines || FrontsDiffer(data);
  if (cuts) {
    notes.push_back(absl::StrCat("it drops what the model thought, up to '", marks->end,
                                 "', from earlier turns, and so do sessions"));
    if (learner.odd_answers_differ() || !learner.ChangedMark(source).empty()) {
      notes.push_back("of answers with other or several marks it may drop something else");
    }
    return;
  }
  const std::string changed = marks.has_value() ? marks->end : learner.ChangedMark(source);
  if (!changed.empty()) {
    notes.push_back(absl::StrCat("it changes earlier answers with '", changed,
                                 "' in them (what the model thought) in a way of its own; sessions "
                                 "keep them as they were generated"));
  }
}

}  // namespace inkling
