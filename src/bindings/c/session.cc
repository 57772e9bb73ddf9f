// Sessions of the C API.

#include "inkling/c/session.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "src/bindings/c/handles.h"
#include "src/bindings/c/option_reading.h"

using inkling::LlmSession;
using inkling::c_api::GenerateOptionsOf;
using inkling::c_api::Give;
using inkling::c_api::SessionOptionsOf;
using inkling::c_api::TextCallbackOf;
using inkling::c_api::ToC;
using inkling::c_api::View;

inkling_status* inkling_session_create(const inkling_model* model,
                                       const inkling_session_options* options,
                                       inkling_session** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  const auto read = SessionOptionsOf(options);
  if (!read.ok()) return ToC(read.status());
  return Give(LlmSession::Create(model->model, *read), out);
}

void inkling_session_release(inkling_session* session) { delete session; }

inkling_status* inkling_session_prefill(inkling_session* session, inkling_string text,
                                        const inkling_prefill_options* options) {
  INKLING_C_REQUIRE(session);
  const auto read = inkling::c_api::PrefillOptionsOf(options);
  if (!read.ok()) return ToC(read.status());
  return ToC(session->session->Prefill(View(text), *read));
}

inkling_status* inkling_session_generate(inkling_session* session, inkling_string prompt,
                                         const inkling_generate_options* options,
                                         inkling_text_callback callback, void* user_data,
                                         inkling_result** result) {
  if (result != nullptr) *result = nullptr;
  INKLING_C_REQUIRE(session);
  const auto read = GenerateOptionsOf(options);
  if (!read.ok()) return ToC(read.status());
  return Give(session->session->Generate(View(prompt), *read, TextCallbackOf{callback, user_data}),
              result);
}

inkling_status* inkling_session_generate_from_tokens(inkling_session* session,
                                                     const int32_t* tokens, size_t num_tokens,
                                                     const inkling_generate_options* options,
                                                     inkling_text_callback callback,
                                                     void* user_data, inkling_result** result) {
  if (result != nullptr) *result = nullptr;
  INKLING_C_REQUIRE(session);
  const absl::Status array = inkling::c_api::CheckArray(tokens, num_tokens, "tokens");
  if (!array.ok()) return ToC(array);
  const auto read = GenerateOptionsOf(options);
  if (!read.ok()) return ToC(read.status());
  return Give(session->session->GenerateFromTokens(absl::MakeConstSpan(tokens, num_tokens), *read,
                                                   TextCallbackOf{callback, user_data}),
              result);
}

inkling_status* inkling_session_chat(inkling_session* session, inkling_string user_text,
                                     const inkling_generate_options* options,
                                     inkling_text_callback callback, void* user_data,
                                     inkling_result** result) {
  if (result != nullptr) *result = nullptr;
  INKLING_C_REQUIRE(session);
  const auto read = GenerateOptionsOf(options);
  if (!read.ok()) return ToC(read.status());
  return Give(session->session->Chat(View(user_text), *read, TextCallbackOf{callback, user_data}),
              result);
}

void inkling_session_cancel(inkling_session* session) {
  if (session != nullptr) session->session->Cancel();
}

inkling_status* inkling_session_rewind(inkling_session* session, int32_t position) {
  INKLING_C_REQUIRE(session);
  return ToC(session->session->Rewind(position));
}
inkling_status* inkling_session_reset(inkling_session* session) {
  INKLING_C_REQUIRE(session);
  return ToC(session->session->Reset());
}

int32_t inkling_session_position(const inkling_session* session) {
  return session == nullptr ? 0 : session->session->position();
}
int32_t inkling_session_context_length(const inkling_session* session) {
  return session == nullptr ? 0 : session->session->context_length();
}
inkling_bool inkling_session_has_prompt_template(const inkling_session* session) {
  return session != nullptr && session->session->has_prompt_template() ? 1 : 0;
}

inkling_status* inkling_session_tokens(const inkling_session* session, inkling_tokens** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(session);
  return Give(session->session->tokens(), out);
}
