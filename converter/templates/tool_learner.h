// Learns tools from what a template writes. With D for a declaration, C for a call and r for a
// result, a conversation with two tools is
//   ... P D X D Y ... u V  P' C X' C Y'  H r X" r T
// and what stands around each D, C and r follows from what P and X, X and Y have in common.
//
// Declarations: tool_learner.cc; calls and results: tool_turn_learner.cc.

#ifndef INKLING_CONVERTER_TEMPLATES_TOOL_LEARNER_H_
#define INKLING_CONVERTER_TEMPLATES_TOOL_LEARNER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/templates/chat_probe.h"
#include "converter/templates/chat_template.h"
#include "src/format/tokenizer_data.h"
#include "src/text/template_message.h"

namespace inkling {

class ToolLearner {
 public:
  ToolLearner(const ChatProbe& probe, const TemplateTokens& tokens, const PromptTemplateData& data)
      : probe_(probe), tokens_(tokens), data_(data) {}

  // Errors: Unimplemented, and those of rendering.
  absl::StatusOr<ToolTemplateData> Run();

 private:
  absl::Status LearnDeclaration();
  absl::Status LearnPlacement();
  absl::Status LearnSystem();
  absl::Status LearnNull();
  absl::Status LearnCalls();
  absl::Status LearnCallText(const std::string& before_calls);
  absl::Status LearnResults();
  absl::Status LearnTwoResults(absl::string_view before, absl::string_view behind);
  void LearnObjectResult();
  void LearnRest();

  // Declarations of one tool, as learned so far.
  std::string Declarations(const TemplateTool& tool) const;
  // What stands before the user's first text with one tool, the declarations and the system text
  // as marks.
  absl::StatusOr<std::string> Beginning(const std::vector<TemplateMessage>& messages) const;
  // What stands behind the user's first text.
  absl::StatusOr<std::string> Behind(const std::vector<TemplateMessage>& messages,
                                     const std::vector<TemplateTool>& tools = {}) const;
  // What stands between these in it.
  absl::StatusOr<std::string> Between(const std::vector<TemplateMessage>& messages,
                                      absl::string_view from, absl::string_view to) const;
  absl::Status SplitBeginning(const std::string& beginning, ToolText& turn, ToolText& user) const;

  const ChatProbe& probe_;
  const TemplateTokens& tokens_;
  const PromptTemplateData& data_;
  ToolTemplateData tools_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_TOOL_LEARNER_H_
