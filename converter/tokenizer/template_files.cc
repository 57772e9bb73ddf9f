// Looking for templates (see template_files.h).

#include "converter/tokenizer/template_files.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "converter/files/input_file.h"
#include "converter/tokenizer/tokenizer_pipeline.h"
#include "converter/tokenizer/tokenizer_settings.h"

namespace inkling {
namespace {

using Json = nlohmann::json;
using NamedTemplates = std::vector<std::pair<std::string, std::string>>;

constexpr char kDefault[] = "default";
constexpr int64_t kMaxTemplateBytes = int64_t{16} << 20;

TemplateSource Choose(const NamedTemplates& templates) {
  TemplateSource source;
  std::vector<std::string> others;
  bool found = false;
  for (const auto& [name, text] : templates) {
    if (name == kDefault) {
      source.text = text;
      found = true;
    } else {
      others.push_back(name);
    }
  }
  source.others = absl::StrJoin(others, ", ");
  if (!found && !others.empty()) {
    source.note = absl::StrCat("none of the checkpoint's chat templates (", source.others,
                               ") is named default: prompts are plain text");
  }
  return source;
}

// chat_template of a config: a text, a list of {"name", "template"}, or an object of both.
TemplateSource TemplateOf(const Json& config) {
  const Json& value = Field(config, "chat_template");
  NamedTemplates templates;
  if (value.is_string()) templates.emplace_back(kDefault, value.get<std::string>());
  if (value.is_array()) {
    for (const Json& item : value) {
      templates.emplace_back(StringField(item, "name"), StringField(item, "template"));
    }
  } else if (value.is_object()) {
    for (const auto& item : value.items()) {
      if (item.value().is_string()) templates.emplace_back(item.key(), item.value());
    }
  }
  return Choose(templates);
}

absl::Status ReadTemplate(const std::filesystem::path& path, const std::string& name,
                          NamedTemplates& templates) {
  ABSL_ASSIGN_OR_RETURN(std::string text, ReadWholeFile(path.string(), kMaxTemplateBytes));
  templates.emplace_back(name, std::move(text));
  return absl::OkStatus();
}

absl::StatusOr<NamedTemplates> TemplateFiles(const std::filesystem::path& folder) {
  NamedTemplates templates;
  std::error_code error;
  std::vector<std::filesystem::path> more;
  for (std::filesystem::directory_iterator entry(folder / "additional_chat_templates", error), end;
       !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".jinja") more.push_back(entry->path());
  }
  std::sort(more.begin(), more.end());
  for (const std::filesystem::path& path : more) {
    ABSL_RETURN_IF_ERROR(ReadTemplate(path, path.stem().string(), templates));
  }
  const std::filesystem::path file = folder / "chat_template.jinja";
  const bool has_default = std::any_of(templates.begin(), templates.end(),
                                       [](const auto& entry) { return entry.first == kDefault; });
  if (!has_default && std::filesystem::is_regular_file(file, error)) {
    ABSL_RETURN_IF_ERROR(ReadTemplate(file, kDefault, templates));
  }
  return templates;
}

}  // namespace

absl::StatusOr<TemplateSource> FindChatTemplate(const Json& config, const std::string& folder) {
  ABSL_ASSIGN_OR_RETURN(const NamedTemplates files, TemplateFiles(folder));
  if (!files.empty()) return Choose(files);
  const TemplateSource source = TemplateOf(config);
  if (!source.text.empty() || !source.note.empty()) return source;
  ABSL_ASSIGN_OR_RETURN(const Json processor, ReadConfigFile(folder, "chat_template.json"));
  return TemplateOf(processor);
}

}  // namespace inkling
