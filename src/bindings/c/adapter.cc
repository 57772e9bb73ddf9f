// LoRA adapters of the C API.

#include "inkling/c/adapter.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "inkling/llm_session.h"
#include "inkling/lora_adapter.h"
#include "src/bindings/c/handles.h"
#include "src/bindings/c/option_reading.h"

namespace inkling::c_api {

absl::StatusOr<std::vector<WeightedAdapter>> AdaptersOf(const inkling_adapter* const* adapters,
                                                        const float* weights, size_t size) {
  ABSL_RETURN_IF_ERROR(CheckArray(adapters, size, "adapters"));
  std::vector<WeightedAdapter> list;
  for (size_t i = 0; i < size; ++i) {
    if (adapters[i] == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("adapters[", i, "] is NULL"));
    list.push_back({adapters[i]->adapter, weights == nullptr ? 1.0f : weights[i]});
  }
  return list;
}

}  // namespace inkling::c_api

using inkling::c_api::ToC;

inkling_status* inkling_adapter_load(const inkling_model* model, inkling_string path,
                                     inkling_adapter** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(model);
  return inkling::c_api::Give(
      inkling::LoraAdapter::Load(model->model, std::string(inkling::c_api::View(path))), out);
}

void inkling_adapter_release(inkling_adapter* adapter) { delete adapter; }

inkling_status* inkling_session_set_adapters(inkling_session* session,
                                             const inkling_adapter* const* adapters,
                                             const float* weights, size_t num_adapters,
                                             int32_t change) {
  INKLING_C_REQUIRE(session);
  const absl::Status known =
      inkling::c_api::CheckEnum(change, INKLING_ADAPTER_CHANGE_REFUSE, "change");
  if (!known.ok()) return ToC(known);
  auto list = inkling::c_api::AdaptersOf(adapters, weights, num_adapters);
  if (!list.ok()) return ToC(list.status());
  return ToC(
      session->session->SetAdapters(*std::move(list), static_cast<inkling::AdapterChange>(change)));
}
