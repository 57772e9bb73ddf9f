// Compares tools as they were learned with the template, on conversations that nothing was learned
// from.

#ifndef INKLING_CONVERTER_TEMPLATES_TOOL_CHECKING_H_
#define INKLING_CONVERTER_TEMPLATES_TOOL_CHECKING_H_

#include "absl/status/status.h"
#include "converter/templates/chat_probe.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// Unimplemented, with the difference, if `data` and the template write one of them otherwise, or if
// only one of them refuses one.
absl::Status CheckTools(const ChatProbe& probe, const PromptTemplateData& data);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_TOOL_CHECKING_H_
