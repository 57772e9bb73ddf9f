// Prompt templates as a model file holds them: the first byte chooses the axes, the rest are the
// strings, one a line.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "src/text/prompt_template.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {
namespace {

JsonValue EmptyObject() {
  JsonValue object;
  object.kind = JsonKind::kObject;
  return object;
}

// Fields in any place; a reader of model files would refuse most of it.
ToolTemplateData FuzzedTools(unsigned axes, const std::vector<std::string>& lines) {
  ToolTemplateData tools;
  size_t next = lines.size() / 2;
  const auto line = [&] { return next < lines.size() ? lines[next++] : std::string(); };
  tools.call.syntax = static_cast<ToolCallSyntax>(axes % 3);
  tools.placement = static_cast<ToolPlacement>(axes / 4 % 4);
  tools.call.one_call = (axes & 0x10) != 0;
  tools.results_stay_in_turn = tools.keeps_recent_thoughts = (axes & 0x20) != 0;
  tools.json_indent = lines.size() % 5;
  for (std::string* field :
       {&tools.call.prefix, &tools.call.suffix, &tools.call.name_key, &tools.call.arguments_key,
        &tools.call.text_quote, &tools.results_prefix, &tools.results_suffix}) {
    *field = line();
  }
  size_t number = axes;
  for (ToolText* text :
       {&tools.declaration, &tools.system, &tools.no_system, &tools.user, &tools.user_with_system,
        &tools.calls, &tools.calls_with_text, &tools.result}) {
    for (int i = 0; i < 2; ++i) text->push_back({line(), static_cast<ToolField>(number++ % 14)});
  }
  return tools;
}

void RenderTools(const PromptTemplate& made, const std::string& text) {
  const absl::StatusOr<JsonValue> json = ParseJson(text);
  const JsonValue object = json.ok() && json->is_object() ? *json : EmptyObject();
  TemplateMessage call = {TemplateRole::kModel, text};
  call.calls = {{"f", object, "123456789"}, {"g", EmptyObject(), ""}};
  const TemplateMessage result = {TemplateRole::kTool, text};
  const TemplateTool tool = {"f", text, object};
  const TemplateMessage said[] = {{TemplateRole::kUser, text}, call, result, result};
  (void)made.Render(said, GenerationPrompt::kAdd, {&tool, 1});
  (void)made.Write({.messages = said, .tools = {&tool, 1}, .before = TextBefore::kCalls});
  (void)made.GeneratedText(call);
}

}  // namespace

bool FuzzOne(absl::string_view bytes) {
  if (bytes.empty()) return false;
  const unsigned axes = static_cast<unsigned char>(bytes[0]);
  const std::vector<std::string> lines = absl::StrSplit(bytes.substr(1), '\n');
  size_t next = 0;
  const auto line = [&] { return next < lines.size() ? lines[next++] : std::string(); };
  PromptTemplateData data;
  data.name = "fuzzed";
  data.system_placement = static_cast<SystemPlacement>(axes % 5);
  data.trim_user = static_cast<TextTrim>(axes / 4 % 4);
  data.trim_model = static_cast<TextTrim>(axes / 16 % 4);
  data.system_always = (axes & 0x40) != 0;
  data.trim_system_with_user = (axes & 0x80) != 0;
  for (std::string* field : {&data.user.prefix, &data.user.suffix, &data.model.prefix,
                             &data.model.suffix, &data.system.prefix, &data.system.suffix,
                             &data.session_prefix, &data.default_system, &data.generation_prompt}) {
    *field = line();
  }
  data.past_answers.needs_begin = lines.size() % 2 == 1;
  data.past_answers.trim = data.trim_model;
  data.past_answers.trim_newlines = data.trim_model_newlines = data.system_always;
  data.past_answers.begin = line();
  data.past_answers.end = line();
  // Without marks there is no cut.
  const bool has_marks = !data.past_answers.begin.empty() && !data.past_answers.end.empty();
  data.past_answers.cut = static_cast<ThoughtCut>(has_marks ? lines.size() % 6 : 0);
  if (!has_marks) data.past_answers.needs_begin = false;
  data.rewrites_answers = true;
  data.tools = FuzzedTools(axes, lines);
  const absl::StatusOr<PromptTemplate> made = PromptTemplate::Create(std::move(data));
  if (!made.ok()) return false;
  const PromptTemplate dated = made->OnDate(CivilDate{2025, 1, 31});
  const std::string text = line();
  (void)dated.Render(
      {{TemplateRole::kSystem, line()}, {TemplateRole::kUser, text}, {TemplateRole::kModel, text}},
      GenerationPrompt::kOmit);
  (void)dated.Render({{TemplateRole::kUser, text}}, GenerationPrompt::kAdd);
  const TemplateMessage answer = {TemplateRole::kModel, text, {{0, text.size() / 2}}};
  const TemplateMessage said[] = {{TemplateRole::kUser, text}, answer};
  (void)dated.Write({.messages = said, .before = TextBefore::kAnswer});
  (void)dated.StandsAsGenerated(answer, true);
  RenderTools(dated, text);
  return true;
}

}  // namespace inkling
