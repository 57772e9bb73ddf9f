// Chat templates as checkpoints carry them: programs in the language Jinja, run the way
// transformers runs them (trim_blocks, lstrip_blocks, raise_exception, strftime_now, generation,
// loop controls).
//
// The converter renders conversations with it to find out what a template does (chat_template.h). A
// template is a program by a stranger: steps, output and depth are bounded, nothing outside of it
// can be reached, and whatever isn't followed exactly is an error.

#ifndef INKLING_CONVERTER_TEMPLATES_JINJA_TEMPLATE_H_
#define INKLING_CONVERTER_TEMPLATES_JINJA_TEMPLATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/templates/jinja_syntax.h"
#include "converter/templates/jinja_value.h"

namespace inkling {

class JinjaTemplate {
 public:
  // Errors: those of ParseJinja; InvalidArgument for more than 256 KiB of source.
  static absl::StatusOr<JinjaTemplate> Parse(absl::string_view source);

  // Renders with these variables. What strftime_now writes is the format between two marks
  // (date_text.h), not a date. Errors: FailedPrecondition if the template itself raises an
  // exception (with its message); InvalidArgument or Unimplemented for what can't be computed;
  // ResourceExhausted at the bounds (a million steps, 4 MiB of text).
  absl::StatusOr<std::string> Render(const JinjaValue::Dict& variables) const;

 private:
  explicit JinjaTemplate(std::vector<JinjaStatement> body) : body_(std::move(body)) {}

  std::vector<JinjaStatement> body_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_JINJA_TEMPLATE_H_
