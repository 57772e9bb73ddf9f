// What the C API's handles are, and how statuses cross its boundary. Internal to src/bindings/c.
//
// A handle owns a C++ object. Functions check every pointer they get, so that NULL is an error with
// the parameter's name instead of a crash.

#ifndef INKLING_SRC_BINDINGS_C_HANDLES_H_
#define INKLING_SRC_BINDINGS_C_HANDLES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inkling/c/types.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "inkling/lora_adapter.h"
#include "inkling/model_source.h"
#include "inkling/output_constraint.h"

struct inkling_status {
  int32_t code = INKLING_OK;
  std::string message;
};
struct inkling_text {
  std::string text;
};
struct inkling_tokens {
  std::vector<int32_t> ids;
};
struct inkling_model {
  std::shared_ptr<const inkling::LlmModel> model;
};
struct inkling_source {
  inkling::ModelSource source;
};
struct inkling_adapter {
  std::shared_ptr<const inkling::LoraAdapter> adapter;
};
struct inkling_constraint {
  std::shared_ptr<const inkling::OutputConstraint> constraint;
};
struct inkling_session {
  std::unique_ptr<inkling::LlmSession> session;
};
struct inkling_result {
  inkling::GenerateResult result;
};

namespace inkling::c_api {

// Null for OK.
inkling_status* ToC(const absl::Status& status);

inline absl::string_view View(inkling_string text) {
  return text.data == nullptr ? absl::string_view() : absl::string_view(text.data, text.size);
}
inline inkling_string ToC(const std::string& text) { return {text.data(), text.size()}; }

// The status of a parameter that may not be NULL.
inkling_status* NullArgument(absl::string_view name);

// The C++ callback of a C callback, which may be null: then generation goes on.
struct TextCallbackOf {
  inkling_bool (*callback)(void*, const char*, size_t);
  void* user_data;
  bool operator()(absl::string_view text) const {
    return callback == nullptr || callback(user_data, text.data(), text.size()) != 0;
  }
};

// What most functions end with: `*out` becomes a new Handle{value}, or stays NULL. A null `out`
// drops the value.
template <typename Handle, typename Value>
inkling_status* Give(absl::StatusOr<Value> value, Handle** out) {
  if (!value.ok()) return ToC(value.status());
  if (out != nullptr) *out = new Handle{*std::move(value)};
  return nullptr;
}

}  // namespace inkling::c_api

// For the beginning of a function: `return`s the error of a null parameter.
#define INKLING_C_REQUIRE(pointer)                                             \
  do {                                                                         \
    if ((pointer) == nullptr) return ::inkling::c_api::NullArgument(#pointer); \
  } while (false)

#endif  // INKLING_SRC_BINDINGS_C_HANDLES_H_
