// Statuses, texts, lists of tokens and versions of the C API.

#include "inkling/c/types.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/bindings/c/handles.h"

namespace inkling::c_api {

inkling_status* ToC(const absl::Status& status) {
  if (status.ok()) return nullptr;
  return new inkling_status{static_cast<int32_t>(status.code()), std::string(status.message())};
}

inkling_status* NullArgument(absl::string_view name) {
  return ToC(absl::InvalidArgumentError(absl::StrCat(name, " is NULL")));
}

}  // namespace inkling::c_api

using inkling::c_api::ToC;

#define INKLING_TEXT_OF(number) #number
#define INKLING_VERSION_TEXT(major, minor, patch) \
  INKLING_TEXT_OF(major) "." INKLING_TEXT_OF(minor) "." INKLING_TEXT_OF(patch)

const char* inkling_version(void) {
  return INKLING_VERSION_TEXT(INKLING_VERSION_MAJOR, INKLING_VERSION_MINOR, INKLING_VERSION_PATCH);
}
int32_t inkling_abi_version(void) { return INKLING_ABI_VERSION; }

inkling_code inkling_status_code(const inkling_status* status) {
  return status == nullptr ? INKLING_OK : status->code;
}
inkling_string inkling_status_message(const inkling_status* status) {
  return status == nullptr ? inkling_str("") : ToC(status->message);
}
void inkling_status_release(inkling_status* status) { delete status; }

inkling_string inkling_text_get(const inkling_text* text) {
  return text == nullptr ? inkling_str("") : ToC(text->text);
}
void inkling_text_release(inkling_text* text) { delete text; }

const int32_t* inkling_tokens_data(const inkling_tokens* tokens) {
  return tokens == nullptr || tokens->ids.empty() ? nullptr : tokens->ids.data();
}
size_t inkling_tokens_size(const inkling_tokens* tokens) {
  return tokens == nullptr ? 0 : tokens->ids.size();
}
void inkling_tokens_release(inkling_tokens* tokens) { delete tokens; }
