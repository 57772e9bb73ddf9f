// Learns, compares, and says what came of it (see chat_tools.h).

#include "converter/templates/chat_tools.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "converter/templates/tool_checking.h"
#include "converter/templates/tool_learner.h"
#include "converter/templates/tool_probe.h"
#include "src/format/tokenizer_bounds.h"

namespace inkling {

void LearnTools(const ChatProbe& probe, const TemplateTokens& tokens, PromptTemplateData& data,
                std::vector<std::string>& notes) {
  const absl::StatusOr<std::string> plain = probe.Render({UserSays()}, GenerationPrompt::kAdd);
  const absl::StatusOr<std::string> with_tools =
      probe.Render({UserSays()}, GenerationPrompt::kAdd, {FirstTool()});
  if (plain.ok() && with_tools.ok() && *plain == *with_tools) return;
  absl::StatusOr<ToolTemplateData> learned = ToolLearner(probe, tokens, data).Run();
  absl::Status status = learned.status();
  if (learned.ok()) {
    data.tools = *std::move(learned);
    status = ValidateToolTemplateBounds(data.tools);
    if (status.ok()) status = CheckTools(probe, data);
  }
  if (status.ok()) {
    notes.push_back("it writes tools, and so do sessions");
    return;
  }
  data.tools = {};
  notes.push_back(absl::StrCat("how it writes tools isn't understood, so sessions have none: ",
                               status.message()));
}

}  // namespace inkling
