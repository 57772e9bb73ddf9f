// Sessions of the C API that are copied, written and read.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "inkling/c/session.h"
#include "inkling/llm_session.h"
#include "src/bindings/c/handles.h"
#include "src/bindings/c/option_reading.h"

using inkling::LlmSession;
using inkling::c_api::Give;
using inkling::c_api::SessionOptionsOf;
using inkling::c_api::ToC;
using inkling::c_api::View;

inkling_status* inkling_session_fork(inkling_session* session, inkling_session** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(session);
  return Give(session->session->Fork(), out);
}

inkling_status* inkling_session_save(inkling_session* session, inkling_string path) {
  INKLING_C_REQUIRE(session);
  return ToC(session->session->Save(std::string(View(path))));
}

inkling_status* inkling_session_save_to(inkling_session* session, inkling_write_callback write,
                                        void* user_data) {
  INKLING_C_REQUIRE(session);
  INKLING_C_REQUIRE(write);
  const auto take = [&](absl::Span<const std::byte> bytes) {
    if (write(user_data, bytes.data(), bytes.size()) != 0) return absl::OkStatus();
    return absl::AbortedError(absl::StrCat("the app's writer took no ", bytes.size(), " bytes"));
  };
  return ToC(session->session->Save(take));
}

inkling_status* inkling_session_load(const inkling_model* model, inkling_string path,
                                     const inkling_session_options* options,
                                     inkling_session** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  const auto read_options = SessionOptionsOf(options);
  if (!read_options.ok()) return ToC(read_options.status());
  return Give(LlmSession::Load(model->model, std::string(View(path)), *read_options), out);
}

inkling_status* inkling_session_load_from(const inkling_model* model, inkling_read_callback read,
                                          void* user_data, const inkling_session_options* options,
                                          inkling_session** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  INKLING_C_REQUIRE(read);
  const auto read_options = SessionOptionsOf(options);
  if (!read_options.ok()) return ToC(read_options.status());
  const auto fill = [&](absl::Span<std::byte> bytes) -> absl::StatusOr<size_t> {
    const int64_t filled = read(user_data, bytes.data(), bytes.size());
    if (filled >= 0 && static_cast<uint64_t>(filled) <= bytes.size())
      return static_cast<size_t>(filled);
    return absl::AbortedError(absl::StrCat("the app's reader gave ", filled, " where up to ",
                                           bytes.size(), " bytes are asked"));
  };
  return Give(LlmSession::Load(model->model, inkling::ByteReader(fill), *read_options), out);
}

inkling_status* inkling_session_trim(inkling_session* session, inkling_string folder) {
  INKLING_C_REQUIRE(session);
  return ToC(session->session->Trim(std::string(View(folder))));
}
