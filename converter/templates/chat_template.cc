// Learning a template from what it writes (see chat_template.h). With u, m and s for the texts of
// the user, the model and a system instruction, a conversation is
//   [S] U u V  M m N  U u V  G      or, with an instruction,   S P s Q  U u V  G
// where the splits that no conversation shows (V M, N U) only matter for how it reads.

#include "converter/templates/chat_template.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "converter/templates/chat_probe.h"
#include "converter/templates/chat_thoughts.h"
#include "converter/templates/chat_tools.h"
#include "converter/templates/jinja_template.h"
#include "src/text/date_text.h"
#include "src/text/prompt_template.h"

namespace inkling {
namespace {

using Strings = std::vector<std::string>;

constexpr GenerationPrompt kAdd = GenerationPrompt::kAdd;
constexpr GenerationPrompt kOmit = GenerationPrompt::kOmit;

// White space around a text, to see whether it is trimmed.
constexpr absl::string_view kBefore = " \n", kBehind = " \t\n";

std::string Padded(absl::string_view text) { return absl::StrCat(kBefore, text, kBehind); }
TemplateMessage User(absl::string_view text = ChatProbe::kUser) {
  return {TemplateRole::kUser, std::string(text)};
}
TemplateMessage Model(absl::string_view text = ChatProbe::kModel) {
  return {TemplateRole::kModel, std::string(text)};
}
TemplateMessage System(absl::string_view text = ChatProbe::kSystem) {
  return {TemplateRole::kSystem, std::string(text)};
}

size_t CommonPrefix(absl::string_view a, absl::string_view b) {
  const size_t end = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + end, b.begin()).first -
                             a.begin());
}

absl::string_view CommonSuffix(absl::string_view a, absl::string_view b) {
  size_t length = 0;
  while (length < std::min(a.size(), b.size()) &&
         a[a.size() - length - 1] == b[b.size() - length - 1]) {
    ++length;
  }
  return a.substr(a.size() - length);
}

// The common beginning, but not half of a mark like "<|user|>".
std::string SharedBeginning(absl::string_view a, absl::string_view b) {
  const absl::string_view shared = a.substr(0, CommonPrefix(a, b));
  const size_t open = shared.rfind('<');
  const size_t close = shared.rfind('>');
  const bool half = open != absl::string_view::npos &&
                    (close == absl::string_view::npos || close < open) && shared.size() < a.size();
  return std::string(half ? shared.substr(0, open) : shared);
}

// What was learned, and what people should know about it.
class Learner {
 public:
  Learner(const ChatProbe& probe, absl::string_view source, const TemplateTokens& tokens)
      : probe_(probe), source_(source), tokens_(tokens) {}

  absl::StatusOr<PromptTemplateData> Run() {
    ABSL_RETURN_IF_ERROR(LearnTurns());
    ABSL_RETURN_IF_ERROR(LearnSystem());
    LearnTrimming();
    LearnPastAnswers(probe_, source_, {first_, before_model_, behind_model_, behind_user_}, data_,
                     notes_);
    LearnStop();
    ABSL_RETURN_IF_ERROR(Check());
    data_.name = Name();
    LearnTools(probe_, tokens_, data_, notes_);
    const bool dated = absl::StrContains(data_.session_prefix, kDateMark) ||
                       absl::StrContains(data_.system.prefix, kDateMark);
    if (dated) notes_.push_back("it writes the date: that of the session's options");
    data_.note = absl::StrJoin(notes_, "; ");
    return std::move(data_);
  }

 private:
  absl::Status LearnTurns() {
    ABSL_ASSIGN_OR_RETURN(const Strings one, probe_.Around({User()}, kAdd, {ChatProbe::kUser}));
    ABSL_ASSIGN_OR_RETURN(
        const Strings two,
        probe_.Around({User(), Model(), User(ChatProbe::kNextUser)}, kAdd,
                      {ChatProbe::kUser, ChatProbe::kModel, ChatProbe::kNextUser}));
    first_ = one[0];
    behind_user_ = one[1];
    if (two[0] != first_ || two[3] != behind_user_) {
      return absl::UnimplementedError("what it writes around a turn depends on later turns");
    }
    before_model_ = two[1];
    behind_model_ = two[2];
    // Without the generation prompt the text ends where the user's (or the model's) turn does, or
    // with something of its own.
    const auto open = probe_.Around({User()}, kOmit, {ChatProbe::kUser});
    const std::string open_end = open.ok() ? (*open)[1] : behind_user_;
    data_.user.suffix = SharedBeginning(SharedBeginning(behind_user_, two[1]), open_end);
    data_.generation_prompt = behind_user_.substr(data_.user.suffix.size());
    data_.model.prefix = two[1].substr(data_.user.suffix.size());

    const auto closed =
        probe_.Around({User(), Model()}, kOmit, {ChatProbe::kUser, ChatProbe::kModel});
    const std::string end = closed.ok() ? SharedBeginning(behind_model_, (*closed)[2]) : "";
    data_.user.prefix =
        std::string(CommonSuffix(first_, absl::string_view(behind_model_).substr(end.size())));
    data_.model.suffix = behind_model_.substr(0, behind_model_.size() - data_.user.prefix.size());
    data_.session_prefix = first_.substr(0, first_.size() - data_.user.prefix.size());
    return absl::OkStatus();
  }

  absl::Status LearnSystem() {
    const absl::StatusOr<Strings> around =
        probe_.Around({System(), User()}, kAdd, {ChatProbe::kSystem, ChatProbe::kUser});
    if (!around.ok()) {
      const bool refuses = absl::IsFailedPrecondition(around.status());
      notes_.push_back(refuses ? "it refuses a system instruction"
                               : "it has no place for a system instruction");
      return absl::OkStatus();
    }
    if ((*around)[2] != behind_user_) {
      return absl::UnimplementedError("what it writes behind a turn depends on the instruction");
    }
    const std::string& before = (*around)[0];
    const std::string& between = (*around)[1];
    if (!absl::EndsWith(between, data_.user.prefix)) {
      if (!absl::StartsWith(before, first_)) return UnlikeWithoutSystem();
      data_.system_placement = SystemPlacement::kInFirstUserTurn;
      data_.system = {before.substr(first_.size()), between};
      return absl::OkStatus();
    }
    data_.system_placement = SystemPlacement::kOwnTurn;
    data_.system.suffix = between.substr(0, between.size() - data_.user.prefix.size());
    if (absl::StartsWith(before, data_.session_prefix)) {
      data_.system.prefix = before.substr(data_.session_prefix.size());
      return absl::OkStatus();
    }
    // Without an instruction it writes one of its own.
    const std::string begin = BeginToken(before);
    data_.system.prefix = before.substr(begin.size());
    const std::string frame = absl::StrCat(before, data_.system.suffix);
    const std::string& own = data_.session_prefix;
    if (own.size() < frame.size() || !absl::StartsWith(own, before) ||
        !absl::EndsWith(own, data_.system.suffix)) {
      return UnlikeWithoutSystem();
    }
    data_.default_system = own.substr(before.size(), own.size() - frame.size());
    data_.system_always = data_.default_system.empty();
    data_.session_prefix = begin;
    if (absl::StrContains(data_.default_system, kDateMark)) return UnlikeWithoutSystem();
    if (!data_.default_system.empty()) {
      notes_.push_back(
          absl::StrCat("its own system instruction: '", data_.default_system.substr(0, 120), "'"));
    }
    return absl::OkStatus();
  }

  static absl::Status UnlikeWithoutSystem() {
    return absl::UnimplementedError(
        "with a system instruction its beginning has another shape than without");
  }

  // The beginning-of-sequence token, if `text` begins with it.
  std::string BeginToken(absl::string_view text) const {
    for (const auto& [name, token] : tokens_.named) {
      if (name == "bos_token" && absl::StartsWith(text, token)) return token;
    }
    return "";
  }

  // How `padded` comes out where `before` stands in front of it and `behind` follows.
  static std::optional<TextTrim> TrimOf(absl::StatusOr<std::string> rendered,
                                        absl::string_view before, absl::string_view text) {
    if (!rendered.ok()) return std::nullopt;
    const size_t at = rendered->find(text);
    if (at == std::string::npos) return std::nullopt;
    const absl::string_view in_front = absl::string_view(*rendered).substr(0, at);
    const absl::string_view behind = absl::string_view(*rendered).substr(at + text.size());
    const bool keeps_begin = absl::EndsWith(in_front, absl::StrCat(before, kBefore));
    const bool keeps_end = absl::StartsWith(behind, kBehind);
    if (keeps_begin) return keeps_end ? TextTrim::kNothing : TextTrim::kEnd;
    return keeps_end ? TextTrim::kBegin : TextTrim::kBothEnds;
  }

  void LearnTrimming() {
    const std::string user = Padded(ChatProbe::kUser);
    const std::string model = Padded(ChatProbe::kModel);
    const std::string system = Padded(ChatProbe::kSystem);
    data_.trim_user =
        TrimOf(probe_.Render({User(user)}, kAdd), first_, ChatProbe::kUser).value_or(TextTrim());
    data_.trim_model =
        TrimOf(probe_.Render({User(), Model(model), User(ChatProbe::kNextUser)}, kAdd),
               absl::StrCat(data_.user.suffix, data_.model.prefix), ChatProbe::kModel)
            .value_or(TextTrim());
    if (data_.system_placement == SystemPlacement::kNone) return;
    data_.trim_system = TrimOf(probe_.Render({System(system), User()}, kAdd), data_.system.prefix,
                               ChatProbe::kSystem)
                            .value_or(TextTrim());
    if (data_.system_placement != SystemPlacement::kInFirstUserTurn) return;
    const auto joined =
        TrimOf(probe_.Render({System(), User(user)}, kAdd), data_.system.suffix, ChatProbe::kUser);
    data_.trim_system_with_user = joined.has_value() && *joined != data_.trim_user;
    // What the joined text loses at its beginning isn't lost by the instruction alone.
    if (data_.trim_system_with_user && data_.system.prefix.empty()) {
      data_.trim_system = TextTrim::kNothing;
    }
  }

  // What ends an answer: the added token that follows it, or else the text that does.
  void LearnStop() {
    const absl::string_view next = absl::StripLeadingAsciiWhitespace(behind_model_);
    std::string stop;
    for (const std::string& token : tokens_.added) {
      if (token.size() > stop.size() && absl::StartsWith(next, token)) stop = token;
    }
    if (stop.empty()) stop = std::string(absl::StripTrailingAsciiWhitespace(behind_model_));
    if (!stop.empty()) data_.stop_strings.push_back(stop);
  }

  // Compares with the template on conversations that nothing was learned from.
  absl::Status Check() {
    const std::string odd = "x <b>\n\n- 'y' \"z\" {{ a }} {% b %} \\n \xC3\xA9 <|im_end|> [INST] #";
    const std::vector<TemplateMessage> talk = {User(), Model(), User(odd), Model("Yes."),
                                               User("So?")};
    std::vector<std::vector<TemplateMessage>> talks = {
        {User(odd)}, {User(Padded("a"))}, {User("  ")}, talk, {User("a"), Model("b"), User("c")}};
    for (const std::vector<TemplateMessage>& messages : talks) {
      ABSL_RETURN_IF_ERROR(CheckOne(messages));
    }
    if (data_.system_placement == SystemPlacement::kNone) return absl::OkStatus();
    for (const std::vector<TemplateMessage>& messages :
         std::vector<std::vector<TemplateMessage>>{{System(odd), User(odd)},
                                                   {System(Padded("s")), User(Padded("a"))},
                                                   {System(), User(" ")}}) {
      ABSL_RETURN_IF_ERROR(CheckOne(messages));
    }
    std::vector<TemplateMessage> with_system = talk;
    with_system.insert(with_system.begin(), System());
    if (CheckOne(with_system).ok()) return absl::OkStatus();
    if (data_.system_placement == SystemPlacement::kInFirstUserTurn) {
      data_.system_placement = SystemPlacement::kInLastUserTurn;
      if (CheckOne(with_system).ok()) {
        notes_.push_back("the system instruction moves to the newest user turn, in sessions too");
        return absl::OkStatus();
      }
      data_.system_placement = SystemPlacement::kInFirstUserTurn;
    }
    notes_.push_back(
        "it moves the system instruction to the newest user turn; here it stays in the first");
    return absl::OkStatus();
  }

  absl::Status CheckOne(const std::vector<TemplateMessage>& messages) const {
    ABSL_ASSIGN_OR_RETURN(const std::string expected, probe_.Render(messages, kAdd));
    ABSL_ASSIGN_OR_RETURN(const PromptTemplate made, PromptTemplate::Create(data_));
    ABSL_ASSIGN_OR_RETURN(const std::vector<PromptPart> parts, made.Render(messages, kAdd));
    std::string found;
    for (const PromptPart& part : parts) found += part.text;
    ABSL_ASSIGN_OR_RETURN(const std::string dated, WriteDates(expected, CivilDate()));
    if (found == dated) return absl::OkStatus();
    const size_t same = CommonPrefix(found, dated);
    const size_t from = same < 20 ? 0 : same - 20;
    return absl::UnimplementedError(
        absl::StrCat("what it writes depends on the texts: '", dated.substr(from, 60),
                     "' where turns alone would give '", found.substr(from, 60), "'"));
  }

  // The usual name of a way to write turns, for people.
  std::string Name() const {
    const std::string all = absl::StrCat(first_, behind_user_, behind_model_, data_.system.prefix);
    static constexpr std::pair<absl::string_view, absl::string_view> kMarks[] = {
        {"<|im_start|>", "chatml"},
        {"<start_of_turn>", "gemma"},
        {"<|start_header_id|>", "llama-3"},
        {"<<SYS>>", "llama-2"},
        {"[INST]", "mistral"},
        {"<|end|>", "phi-3"},
        {"<|user|>", "zephyr"},
        {"USER:", "vicuna"}};
    for (const auto& [mark, name] : kMarks) {
      if (absl::StrContains(all, mark)) return std::string(name);
    }
    return "custom";
  }

  const ChatProbe& probe_;
  const absl::string_view source_;
  const TemplateTokens& tokens_;
  PromptTemplateData data_;
  Strings notes_;
  std::string first_;         // S U
  std::string before_model_;  // V M
  std::string behind_user_;   // V G
  std::string behind_model_;  // N U
};

absl::StatusOr<PromptTemplateData> Learn(absl::string_view source, const TemplateTokens& tokens,
                                         ContentForm form) {
  ABSL_ASSIGN_OR_RETURN(JinjaTemplate program, JinjaTemplate::Parse(source));
  const ChatProbe probe(std::move(program), tokens, form);
  return Learner(probe, source, tokens).Run();
}

PromptTemplateData PlainText(absl::string_view note) {
  PromptTemplateData plain;
  plain.note = std::string(note);
  return plain;
}

}  // namespace

PromptTemplateData RecognizeChatTemplate(absl::string_view source, const TemplateTokens& tokens) {
  if (source.empty()) {
    return PlainText("the checkpoint has no chat template: prompts are plain text");
  }
  const absl::StatusOr<PromptTemplateData> learned = Learn(source, tokens, ContentForm::kText);
  if (learned.ok()) return *learned;
  absl::StatusOr<PromptTemplateData> of_parts = Learn(source, tokens, ContentForm::kParts);
  if (of_parts.ok()) {
    of_parts->note = absl::StrCat("it takes texts as lists of parts, and gets them so",
                                  of_parts->note.empty() ? "" : "; ", of_parts->note);
    return *std::move(of_parts);
  }
  std::string reason(learned.status().message());
  if (of_parts.status() != learned.status()) {
    absl::StrAppend(&reason, "; given lists of parts: ", of_parts.status().message());
  }
  return PlainText(
      absl::StrCat("the chat template can't be used, so prompts are plain text: ", reason));
}

}  // namespace inkling
