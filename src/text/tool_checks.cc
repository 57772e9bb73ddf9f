// See tool_checks.h.

#include "src/text/tool_checks.h"

#include <cstddef>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/text/escaped_fields.h"
#include "src/text/tool_text.h"

namespace inkling {
namespace {

class ToolCheck {
 public:
  ToolCheck(const PromptTemplateData& data, absl::Span<const TemplateMessage> messages)
      : data_(data), tools_(data.tools), messages_(messages) {}

  absl::Status Run(absl::Span<const TemplateTool> tools) {
    if (!tools.empty()) {
      ABSL_RETURN_IF_ERROR(CheckDeclarations());
    }
    for (; index_ < messages_.size(); ++index_) {
      ABSL_RETURN_IF_ERROR(CheckMessage());
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Invalid(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("messages[", index_, "]: ", what));
  }
  absl::Status CheckHasTools(absl::string_view what) const {
    if (tools_.call.syntax != ToolCallSyntax::kNone) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("prompt template '", data_.name, "' has no place for ", what,
                     data_.note.empty() ? "" : absl::StrCat(" (", data_.note, ")")));
  }

  absl::Status CheckDeclarations() const {
    ABSL_RETURN_IF_ERROR(CheckHasTools("tools"));
    if (tools_.placement != ToolPlacement::kFirstUserTurn) return absl::OkStatus();
    const size_t first =
        !messages_.empty() && messages_[0].role == TemplateRole::kSystem ? size_t{1} : 0;
    if (messages_.size() > first && messages_[first].role == TemplateRole::kUser) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("prompt template '", data_.name, "' writes tools into the user's first turn: ",
                     "expected messages[", first, "] to be the user's"));
  }

  absl::Status CheckMessage() {
    const TemplateMessage& message = messages_[index_];
    if (message.role == TemplateRole::kTool) return CheckResult(message);
    const bool is_user = message.role == TemplateRole::kUser;
    const bool after_result = index_ > 0 && messages_[index_ - 1].role == TemplateRole::kTool;
    if (is_user && after_result && tools_.results_need_answer) {
      return Invalid("expected the model's answer to the tool's result in front of it");
    }
    if (!after_result && num_calls_ > 0 && tools_.calls_need_results) {
      return Invalid("expected the results of the calls in front of it");
    }
    num_calls_ = message.calls.size();
    return message.calls.empty() ? absl::OkStatus() : CheckCalls(message);
  }

  // `id` of a call or result, where the template writes it.
  absl::Status CheckId(absl::string_view what, absl::string_view id) const {
    const uint32_t length = tools_.call.id_length;
    const bool plain = absl::c_all_of(
        id, [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; });
    if (!id.empty() && plain && (length == 0 || id.size() == length)) return absl::OkStatus();
    return Invalid(absl::StrCat(what, ": the model's template writes it; expected ",
                                length == 0 ? "" : absl::StrCat(length, " "),
                                "letters, digits, '-' and '_', found '", id, "'"));
  }

  absl::Status CheckSorted(const JsonValue& value) const {
    if (tools_.call.syntax != ToolCallSyntax::kEscapedFields) return absl::OkStatus();
    const absl::Status keys = CheckKeys(value);
    return keys.ok() ? absl::OkStatus() : Invalid(keys.message());
  }

  absl::Status CheckCalls(const TemplateMessage& message) const {
    ABSL_RETURN_IF_ERROR(CheckHasTools("calls of tools"));
    if (message.calls.size() > 1 && tools_.call.one_call) {
      return Invalid(absl::StrCat("prompt template '", data_.name,
                                  "' writes one call in a message, found ", message.calls.size()));
    }
    for (const TemplateCall& call : message.calls) {
      ABSL_RETURN_IF_ERROR(CheckSorted(call.arguments));
    }
    if (tools_.call.id_key.empty()) return absl::OkStatus();
    for (const TemplateCall& call : message.calls) {
      ABSL_RETURN_IF_ERROR(CheckId(absl::StrCat("id of the call of ", call.name), call.id));
    }
    return absl::OkStatus();
  }

  absl::Status CheckResult(const TemplateMessage& message) {
    ABSL_RETURN_IF_ERROR(CheckHasTools("results of tools"));
    if (num_calls_ == 0) {
      return Invalid("a tool's result without a call in front of it that it answers");
    }
    --num_calls_;
    const absl::StatusOr<JsonValue> object = ObjectResult(tools_, message);
    if (object.ok()) {
      ABSL_RETURN_IF_ERROR(CheckSorted(*object));
    }
    for (const ToolTextPart& part : tools_.result) {
      if (part.field == ToolField::kCallId) {
        ABSL_RETURN_IF_ERROR(CheckId("id of the answered call", message.call_id));
      }
      if (part.field == ToolField::kName && message.tool_name.empty()) {
        return Invalid("the model's template writes the name of the tool that answered");
      }
    }
    return absl::OkStatus();
  }

  const PromptTemplateData& data_;
  const ToolTemplateData& tools_;
  const absl::Span<const TemplateMessage> messages_;
  size_t index_ = 0;
  size_t num_calls_ = 0;  // without a result so far
};

}  // namespace

absl::Status CheckToolUse(const PromptTemplateData& data,
                          absl::Span<const TemplateMessage> messages,
                          absl::Span<const TemplateTool> tools) {
  return ToolCheck(data, messages).Run(tools);
}

}  // namespace inkling
