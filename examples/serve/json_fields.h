// Reading a JSON request field by field: a field of another type is an error that names it, and so
// is a field that nobody asked for, because obeying half of a request would be worse.

#ifndef INKLING_EXAMPLES_SERVE_JSON_FIELDS_H_
#define INKLING_EXAMPLES_SERVE_JSON_FIELDS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {

class JsonFields {
 public:
  // `json` is an object and outlives this; `path` stands in front of its fields' names.
  explicit JsonFields(const nlohmann::ordered_json& json, std::string path = "")
      : json_(json), path_(std::move(path)) {}

  // The field; null where it is absent or JSON's null. It counts as asked for.
  const nlohmann::ordered_json* Find(const char* name);

  // Each sets `*value` where the field is there.
  JsonFields& Get(const char* name, bool& value);
  JsonFields& Get(const char* name, int32_t& value);
  JsonFields& Get(const char* name, float& value);
  JsonFields& Get(const char* name, std::string& value);
  JsonFields& Get(const char* name, std::optional<uint64_t>& value);
  // One string or a list of them.
  JsonFields& Get(const char* name, std::vector<std::string>& value);

  // Fields that are accepted and mean nothing here: who asks, what for.
  JsonFields& Skip(const char* name);

  // The first error, that of an unknown field last.
  absl::Status Finish();

  std::string Path(absl::string_view name) const;

 private:
  void Fail(const char* name, absl::string_view expected, const nlohmann::ordered_json& found);

  const nlohmann::ordered_json& json_;
  const std::string path_;
  std::set<std::string> asked_;
  absl::Status status_;
};

}  // namespace inkling::serve

#endif  // INKLING_EXAMPLES_SERVE_JSON_FIELDS_H_
