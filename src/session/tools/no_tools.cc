// What a library without structured output says about tool calls.

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/output_constraint.h"
#include "src/format/tool_template_data.h"
#include "src/session/model_engine.h"
#include "src/session/tools/tool_constraint.h"
#include "src/text/template_message.h"

namespace inkling {

absl::StatusOr<std::shared_ptr<const OutputConstraint>> MakeToolConstraint(
    const ModelEngine&, const ToolCallFormat&, absl::Span<const TemplateTool>, const ToolUse&) {
  return absl::UnimplementedError(
      "tools: this library was built without structured output: the CMake option "
      "INKLING_STRUCTURED_OUTPUT is OFF");
}

}  // namespace inkling
