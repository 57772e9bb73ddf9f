// Where the C API reads model files from.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "inkling/c/model.h"
#include "inkling/llm_model.h"
#include "inkling/model_source.h"
#include "src/bindings/c/handles.h"
#include "src/bindings/c/option_reading.h"

using inkling::ModelSource;
using inkling::c_api::Give;
using inkling::c_api::ToC;
using inkling::c_api::View;

inkling_status* inkling_source_from_path(inkling_string path, inkling_source** out) {
  INKLING_C_REQUIRE(out);
  *out = new inkling_source{ModelSource::FromPath(std::string(View(path)))};
  return nullptr;
}

inkling_status* inkling_source_from_descriptor(int32_t descriptor, int64_t offset, int64_t length,
                                               inkling_source** out) {
  INKLING_C_REQUIRE(out);
  *out = new inkling_source{ModelSource::FromDescriptor(descriptor, offset, length)};
  return nullptr;
}

inkling_status* inkling_source_from_memory(const void* bytes, size_t size, inkling_source** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(bytes);
  *out = new inkling_source{
      ModelSource::FromMemory(absl::MakeConstSpan(static_cast<const std::byte*>(bytes), size))};
  return nullptr;
}

inkling_status* inkling_source_from_reader(inkling_source_read_callback read, void* user_data,
                                           int64_t size, inkling_source** out) {
  INKLING_C_REQUIRE(out);
  *out = nullptr;
  INKLING_C_REQUIRE(read);
  *out = new inkling_source{ModelSource::FromReader(
      [read, user_data](int64_t offset, absl::Span<std::byte> bytes) {
        if (read(user_data, offset, bytes.data(), bytes.size()) != 0) return absl::OkStatus();
        return absl::DataLossError(
            absl::StrCat("the app's reader gave no ", bytes.size(), " bytes at offset ", offset));
      },
      size)};
  return nullptr;
}

void inkling_source_release(inkling_source* source) { delete source; }

inkling_status* inkling_model_estimate_memory(const inkling_source* source,
                                              const inkling_model_options* model_options,
                                              const inkling_session_options* session_options,
                                              inkling_memory_estimate* estimate) {
  INKLING_C_REQUIRE(source);
  INKLING_C_REQUIRE(estimate);
  const auto of_model = inkling::c_api::ModelOptionsOf(model_options);
  if (!of_model.ok()) return ToC(of_model.status());
  const auto of_session = inkling::c_api::SessionOptionsOf(session_options);
  if (!of_session.ok()) return ToC(of_session.status());
  const auto read = inkling::LlmModel::EstimateMemory(source->source, *of_model, *of_session);
  if (!read.ok()) return ToC(read.status());
  const size_t struct_size = estimate->struct_size;
  if (struct_size < sizeof(size_t)) {
    return ToC(absl::InvalidArgumentError(absl::StrCat(
        "estimate->struct_size is ", struct_size, "; set it to sizeof(inkling_memory_estimate)")));
  }
  const inkling_memory_estimate bytes = {sizeof(bytes), read->packed_weights, read->scratch,
                                         read->kv_cache};
  inkling::c_api::InitOptions(bytes, estimate, struct_size);
  return nullptr;
}
