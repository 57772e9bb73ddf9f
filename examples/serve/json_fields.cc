// Fields are remembered as they are asked for, so that what is left over can be named.

#include "examples/serve/json_fields.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "examples/serve/api_error.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {

using json = nlohmann::ordered_json;

std::string JsonFields::Path(absl::string_view name) const {
  return path_.empty() ? std::string(name) : absl::StrCat(path_, ".", name);
}

const json* JsonFields::Find(const char* name) {
  asked_.insert(name);
  const auto found = json_.find(name);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

void JsonFields::Fail(const char* name, absl::string_view expected, const json& found) {
  if (!status_.ok()) return;
  std::string text = found.dump();
  if (text.size() > 60) text = absl::StrCat(text.substr(0, 60), "...");
  status_ = BadField(Path(name), absl::StrCat("expected ", expected, ", found ", text));
}

JsonFields& JsonFields::Get(const char* name, bool& value) {
  const json* found = Find(name);
  if (found == nullptr) return *this;
  if (!found->is_boolean()) {
    Fail(name, "true or false", *found);
  } else {
    value = found->get<bool>();
  }
  return *this;
}

JsonFields& JsonFields::Get(const char* name, int32_t& value) {
  const json* found = Find(name);
  if (found == nullptr) return *this;
  if (!found->is_number_integer() || found->get<int64_t>() < std::numeric_limits<int32_t>::min() ||
      found->get<int64_t>() > std::numeric_limits<int32_t>::max()) {
    Fail(name, "an integer", *found);
  } else {
    value = found->get<int32_t>();
  }
  return *this;
}

JsonFields& JsonFields::Get(const char* name, float& value) {
  const json* found = Find(name);
  if (found == nullptr) return *this;
  if (!found->is_number()) {
    Fail(name, "a number", *found);
  } else {
    value = found->get<float>();
  }
  return *this;
}

JsonFields& JsonFields::Get(const char* name, std::string& value) {
  const json* found = Find(name);
  if (found == nullptr) return *this;
  if (!found->is_string()) {
    Fail(name, "a string", *found);
  } else {
    value = found->get<std::string>();
  }
  return *this;
}

JsonFields& JsonFields::Get(const char* name, std::optional<uint64_t>& value) {
  const json* found = Find(name);
  if (found == nullptr) return *this;
  if (!found->is_number_integer()) {
    Fail(name, "an integer", *found);
  } else {
    value = static_cast<uint64_t>(found->get<int64_t>());
  }
  return *this;
}

JsonFields& JsonFields::Get(const char* name, std::vector<std::string>& value) {
  const json* found = Find(name);
  if (found == nullptr) return *this;
  std::vector<std::string> texts;
  const json list = found->is_array() ? *found : json::array({*found});
  for (const json& text : list) {
    if (!text.is_string()) {
      Fail(name, "a string or a list of strings", *found);
      return *this;
    }
    texts.push_back(text.get<std::string>());
  }
  value = texts;
  return *this;
}

JsonFields& JsonFields::Skip(const char* name) {
  asked_.insert(name);
  return *this;
}

absl::Status JsonFields::Finish() {
  if (!status_.ok()) return status_;
  for (const auto& [name, value] : json_.items()) {
    if (asked_.count(name) == 0 && !value.is_null())
      return BadField(Path(name), "inkling-serve doesn't know this field");
  }
  return absl::OkStatus();
}

}  // namespace inkling::serve
