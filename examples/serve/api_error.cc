// Codes of abseil as HTTP statuses; the field that an error is about travels as a payload.

#include "examples/serve/api_error.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {
namespace {

constexpr absl::string_view kFieldPayload = "inkling/request-field";

}  // namespace

absl::Status BadField(absl::string_view field, absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(absl::StrCat(field, ": ", message));
  status.SetPayload(kFieldPayload, absl::Cord(field));
  return status;
}

int HttpStatus(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:  // the prompt is longer than the context
    case absl::StatusCode::kUnimplemented:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

nlohmann::ordered_json ErrorJson(const absl::Status& status) {
  nlohmann::ordered_json param;
  if (const auto field = status.GetPayload(kFieldPayload)) param = std::string(*field);
  nlohmann::ordered_json code;
  if (absl::IsResourceExhausted(status)) code = "context_length_exceeded";
  if (absl::IsNotFound(status)) code = "model_not_found";
  return {{"error",
           {{"message", status.message()},
            {"type", HttpStatus(status) < 500 ? "invalid_request_error" : "server_error"},
            {"param", param},
            {"code", code}}}};
}

}  // namespace inkling::serve
