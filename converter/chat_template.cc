// The well-known templates (see chat_template.h). Each function answers for one of them and refuses
// what it can't be sure about: a template that only looks alike falls through to "not recognised".

#include "converter/chat_template.h"

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace inkling {
namespace {

using Result = std::optional<PromptTemplateData>;

bool Has(absl::string_view source, absl::string_view part) {
  return absl::StrContains(source, part);
}

// Returns whether the template writes the beginning-of-sequence token itself.
bool WritesBos(absl::string_view source, const TemplateTokens& tokens) {
  return Has(source, "bos_token") || (!tokens.bos.empty() && Has(source, tokens.bos));
}

PromptTemplateData Turns(absl::string_view name, RoleText user, RoleText model) {
  PromptTemplateData data;
  data.name = std::string(name);
  data.note = absl::StrCat("recognised as ", name);
  data.generation_prompt = model.prefix;
  data.user = std::move(user);
  data.model = std::move(model);
  return data;
}

// Returns the text that the template writes between two marks, if it is literal text and nothing
// else.
std::string LiteralBetween(absl::string_view source, absl::string_view begin,
                           absl::string_view end) {
  for (size_t from = source.find(begin); from != absl::string_view::npos;
       from = source.find(begin, from + 1)) {
    const size_t start = from + begin.size();
    const size_t stop = source.find(end, start);
    if (stop == absl::string_view::npos) return "";
    const absl::string_view text = source.substr(start, stop - start);
    if (text.empty() || text.find_first_of("'\"{}+") != absl::string_view::npos) continue;
    return absl::StrReplaceAll(text, {{"\\n", "\n"}});
  }
  return "";
}

Result Gemma(absl::string_view source, const TemplateTokens& tokens) {
  if (!Has(source, "<start_of_turn>") || !Has(source, "<end_of_turn>")) return std::nullopt;
  PromptTemplateData data = Turns("gemma", {"<start_of_turn>user\n", "<end_of_turn>\n"},
                                  {"<start_of_turn>model\n", "<end_of_turn>\n"});
  data.session_prefix = WritesBos(source, tokens) ? tokens.bos : "";
  data.trim_user = data.trim_model = Has(source, "trim");
  if (Has(source, "first_user_prefix")) {
    data.system_placement = SystemPlacement::kInFirstUserTurn;
    data.system.suffix = "\n\n";
  }
  data.stop_strings = {"<end_of_turn>"};
  return data;
}

Result Llama3(absl::string_view source, const TemplateTokens& tokens) {
  if (!Has(source, "<|start_header_id|>") || !Has(source, "<|eot_id|>")) return std::nullopt;
  const auto header = [](absl::string_view role) {
    return absl::StrCat("<|start_header_id|>", role, "<|end_header_id|>\n\n");
  };
  PromptTemplateData data =
      Turns("llama-3", {header("user"), "<|eot_id|>"}, {header("assistant"), "<|eot_id|>"});
  data.session_prefix = WritesBos(source, tokens) ? tokens.bos : "";
  data.system = {header("system"), "<|eot_id|>"};
  data.system_placement = SystemPlacement::kOwnTurn;
  data.trim_user = data.trim_model = data.trim_system = Has(source, "trim");
  if (Has(source, "Cutting Knowledge Date")) {
    data.name = "llama-3.1";
    data.system_always = true;
    data.system.prefix += "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
    data.note =
        "recognised as llama-3.1; without tools, today's date is the template's own default";
  }
  data.stop_strings = {"<|eot_id|>"};
  return data;
}

Result ChatMl(absl::string_view source, const TemplateTokens& tokens) {
  if (!Has(source, "<|im_start|>") || !Has(source, "<|im_end|>")) return std::nullopt;
  PromptTemplateData data = Turns("chatml", {"<|im_start|>user\n", "<|im_end|>\n"},
                                  {"<|im_start|>assistant\n", "<|im_end|>\n"});
  data.session_prefix = WritesBos(source, tokens) ? tokens.bos : "";
  data.system = {"<|im_start|>system\n", "<|im_end|>\n"};
  data.system_placement = SystemPlacement::kOwnTurn;
  data.default_system = LiteralBetween(source, "<|im_start|>system\\n", "<|im_end|>");
  if (data.default_system.empty()) {
    data.default_system = LiteralBetween(source, "<|im_start|>system\n", "<|im_end|>");
  }
  if (Has(source, "tools")) data.note = "recognised as chatml; without tools";
  if (Has(source, "<think>")) absl::StrAppend(&data.note, ", thinking is left to the model");
  data.stop_strings = {"<|im_end|>"};
  return data;
}

// <|user|> turns that end with <|end|>, as Phi-3 has, or with the end of sequence, as Zephyr has.
Result BarRoles(absl::string_view source, const TemplateTokens& tokens) {
  const bool named = Has(source, "<|user|>") && Has(source, "<|assistant|>");
  const bool composed = Has(source, "'<|' + message['role'] + '|>'");
  if (!named && !composed) return std::nullopt;
  const bool has_end = Has(source, "<|end|>");
  const bool newline = Has(source, "<|user|>\\n") || Has(source, "<|user|>\n") ||
                       Has(source, "'<|user|>' + '\\n'") || Has(source, "'|>' + '\\n'") ||
                       Has(source, "'|>\\n'");
  if (has_end && (newline || composed)) {
    const absl::string_view line = newline ? "\n" : "";
    const std::string end = absl::StrCat("<|end|>", line);
    PromptTemplateData data =
        Turns(newline ? "phi-3" : "phi-4-mini", {absl::StrCat("<|user|>", line), end},
              {absl::StrCat("<|assistant|>", line), end});
    data.session_prefix = WritesBos(source, tokens) ? tokens.bos : "";
    if (composed || Has(source, "<|system|>")) {
      data.system = {absl::StrCat("<|system|>", line), end};
      data.system_placement = SystemPlacement::kOwnTurn;
    }
    data.stop_strings = {"<|end|>"};
    return data;
  }
  if (!newline || has_end || !Has(source, "eos_token") || tokens.eos.empty()) return std::nullopt;
  const std::string end = absl::StrCat(tokens.eos, "\n");
  PromptTemplateData data = Turns("zephyr", {"<|user|>\n", end}, {"<|assistant|>\n", end});
  // The published templates end without a newline behind the last role; the model writes it.
  const bool bare = Has(source, "{{ '<|assistant|>' }}") || Has(source, "{{'<|assistant|>'}}");
  data.generation_prompt = bare ? "<|assistant|>" : "<|assistant|>\n";
  data.session_prefix = WritesBos(source, tokens) ? tokens.bos : "";
  if (Has(source, "<|system|>")) {
    data.system = {"<|system|>\n", end};
    data.system_placement = SystemPlacement::kOwnTurn;
  }
  data.stop_strings = {tokens.eos};
  return data;
}

Result Llama2(absl::string_view source, const TemplateTokens& tokens) {
  if (!Has(source, "[INST]") || !Has(source, "<<SYS>>") || tokens.eos.empty()) return std::nullopt;
  PromptTemplateData data = Turns("llama-2", {absl::StrCat(tokens.bos, "[INST] "), " [/INST]"},
                                  {" ", absl::StrCat(" ", tokens.eos)});
  data.generation_prompt = "";
  data.system = {"<<SYS>>\n", "\n<</SYS>>\n\n"};
  data.system_placement = SystemPlacement::kInFirstUserTurn;
  data.trim_user = data.trim_model = data.trim_system_with_user = true;
  data.stop_strings = {tokens.eos};
  return data;
}

Result Mistral(absl::string_view source, const TemplateTokens& tokens) {
  if (!Has(source, "[INST]") || !Has(source, "[/INST]") || tokens.eos.empty()) return std::nullopt;
  const bool spaced = Has(source, "' [/INST]'") || Has(source, "\" [/INST]\"");
  const bool tight = Has(source, "'[/INST]'") || Has(source, "\"[/INST]\"");
  const bool opened = Has(source, "'[INST] '") || Has(source, "\"[INST] \"");
  if (spaced == tight || !opened) return std::nullopt;
  const bool space_behind = Has(source, "eos_token + ' '") || Has(source, "eos_token+ ' '");
  const bool space_before =
      Has(source, "' ' + message['content']") || Has(source, "\" \" + message[\"content\"]");
  PromptTemplateData data =
      Turns("mistral", {"[INST] ", spaced ? " [/INST]" : "[/INST]"},
            {space_before ? " " : "", absl::StrCat(tokens.eos, space_behind ? " " : "")});
  data.generation_prompt = "";
  data.session_prefix = WritesBos(source, tokens) ? tokens.bos : "";
  data.trim_model = Has(source, "message[\"content\"]|trim") || Has(source, "content'] | trim");
  if (Has(source, "system_message + \"\\n\\n\"") || Has(source, "system_message + '\\n\\n'")) {
    data.system_placement = SystemPlacement::kInFirstUserTurn;
    data.system.suffix = "\n\n";
    data.note = "recognised as mistral; the system instruction stands in the first user turn";
  }
  data.stop_strings = {tokens.eos};
  return data;
}

}  // namespace

PromptTemplateData RecognizeChatTemplate(absl::string_view source, const TemplateTokens& tokens) {
  if (source.empty()) {
    PromptTemplateData plain;
    plain.note = "the checkpoint has no chat template: prompts are plain text";
    return plain;
  }
  for (const auto recognize : {Gemma, Llama3, ChatMl, BarRoles, Llama2, Mistral}) {
    Result result = recognize(source, tokens);
    if (result.has_value()) return *std::move(result);
  }
  PromptTemplateData plain;
  plain.note = absl::StrCat(
      "the chat template is not one of the known ones (gemma, llama-2, llama-3, "
      "chatml, zephyr, phi-3, mistral): prompts are plain text; it begins with '",
      source.substr(0, 60), "'");
  return plain;
}

}  // namespace inkling
