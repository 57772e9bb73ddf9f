// The constraint of an answer where tools are given: text, or calls that can be read.
//
// Text is free until the mark that calls begin with; from there on the calls' grammar decides. In
// formats without a mark of their own an answer that begins as a call is one.

#ifndef INKLING_SRC_SESSION_TOOLS_TOOL_CONSTRAINT_H_
#define INKLING_SRC_SESSION_TOOLS_TOOL_CONSTRAINT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_message.h"
#include "inkling/output_constraint.h"
#include "src/format/tool_template_data.h"
#include "src/session/model_engine.h"
#include "src/text/template_message.h"

namespace inkling {

// How the answer may use the tools, as ChatOptions says.
struct ToolUse {
  ToolChoice choice = ToolChoice::kAuto;
  bool several_calls = true;
  friend bool operator==(const ToolUse& a, const ToolUse& b) {
    return a.choice == b.choice && a.several_calls == b.several_calls;
  }
};

// There is at least one tool. Errors: those of the parameters' JSON Schemas, with the tool's name;
// Unimplemented in a library without structured output.
absl::StatusOr<std::shared_ptr<const OutputConstraint>> MakeToolConstraint(
    const ModelEngine& engine, const ToolCallFormat& format, absl::Span<const TemplateTool> tools,
    const ToolUse& use);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_TOOLS_TOOL_CONSTRAINT_H_
