// Checked access: every get<> of the JSON library stands behind the matching is_*().

#include "converter/files/config_fields.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "converter/files/json_text.h"

namespace inkling {
namespace {

using nlohmann::json;

// Above every size of a real model; low enough that a vector of that length does no harm.
constexpr int32_t kMaximum = 1 << 24;

const json& EmptyObject() {
  static const json& empty = *new json(json::object());
  return empty;
}

// Short values as they are written, long ones by their type.
std::string Shown(const json& value) {
  if (value.is_structured()) return std::string(JsonTypeName(value));
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 80 ? text : std::string(JsonTypeName(value));
}

}  // namespace

ConfigFields::ConfigFields(const json& object, std::string name, const FieldSpelling* spelling)
    : object_(&object), name_(std::move(name)), spelling_(spelling) {}

const json* ConfigFields::Find(absl::string_view key) const {
  read_.insert(std::string(key));
  const auto found = object_->find(std::string(key));
  if (found != object_->end()) return found->is_null() ? nullptr : &*found;
  for (const auto& [name, older] : older_names_) {
    if (name == key) return Find(older);
  }
  return nullptr;
}

bool ConfigFields::IsNull(absl::string_view key) const {
  const auto found = object_->find(std::string(key));
  return found != object_->end() && found->is_null();
}

int32_t ConfigFields::Size(absl::string_view key, int32_t default_value) {
  return Integer(key, default_value, 1);
}

int32_t ConfigFields::Count(absl::string_view key, int32_t default_value) {
  return Integer(key, default_value, 0);
}

int32_t ConfigFields::Integer(absl::string_view key, int32_t default_value, int32_t minimum) {
  const json* field = Find(key);
  if (field == nullptr) return default_value;
  // Read as a double, which holds every integer up to kMaximum and orders all others.
  if (!field->is_number_integer() || field->get<double>() < minimum ||
      field->get<double>() > kMaximum) {
    Mismatch(key, field->is_number_integer() ? "" : "uint32",
             absl::StrCat("a whole number from ", minimum, " to ", kMaximum), *field);
    return default_value > 0 ? default_value : 1;
  }
  return static_cast<int32_t>(field->get<double>());
}

double ConfigFields::Number(absl::string_view key, double default_value) {
  const json* field = Find(key);
  if (field == nullptr) return default_value;
  if (!field->is_number() || !std::isfinite(field->get<double>())) {
    Mismatch(key, field->is_number() ? "" : "float32", "a finite number", *field);
    return default_value;
  }
  return field->get<double>();
}

double ConfigFields::PositiveNumber(absl::string_view key, double default_value) {
  const double value = Number(key, default_value);
  if (value > 0) return value;
  Reject(key, "a positive number", absl::StrCat(value));
  return 1.0;
}

bool ConfigFields::Bool(absl::string_view key, bool default_value) {
  const json* field = Find(key);
  if (field == nullptr) return default_value;
  if (!field->is_boolean()) {
    Mismatch(key, "bool", "true or false", *field);
    return default_value;
  }
  return field->get<bool>();
}

std::string ConfigFields::String(absl::string_view key, absl::string_view default_value) {
  const json* field = Find(key);
  if (field == nullptr) return std::string(default_value);
  if (!field->is_string()) {
    Mismatch(key, "string", "a string", *field);
    return std::string(default_value);
  }
  return field->get<std::string>();
}

std::vector<double> ConfigFields::Numbers(absl::string_view key) {
  const json* field = Find(key);
  std::vector<double> numbers;
  if (field == nullptr) return numbers;
  if (!field->is_array()) Mismatch(key, "array of float32", "a list of numbers", *field);
  for (const json& item : *field) {
    if (!item.is_number() || !std::isfinite(item.get<double>())) {
      Mismatch(key, "array of float32", "a list of finite numbers", item);
      return {};
    }
    numbers.push_back(item.get<double>());
  }
  return numbers;
}

std::vector<std::string> ConfigFields::Strings(absl::string_view key) {
  const json* field = Find(key);
  std::vector<std::string> strings;
  if (field == nullptr) return strings;
  if (!field->is_array()) Mismatch(key, "array of string", "a list of strings", *field);
  for (const json& item : *field) {
    if (!item.is_string()) {
      Mismatch(key, "array of string", "a list of strings", item);
      return {};
    }
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

ConfigFields ConfigFields::Object(absl::string_view key) const {
  const json* field = Find(key);
  ConfigFields inner(EmptyObject(), name_, spelling_);
  inner.outer_ = absl::StrCat(outer_, key, ".");
  if (field == nullptr) return inner;
  if (field->is_object()) {
    inner.object_ = field;
  } else {
    inner.status_ = absl::InvalidArgumentError(
        absl::StrCat(Where(key), ": expected an object, found ", Shown(*field)));
  }
  return inner;
}

void ConfigFields::Merge(const ConfigFields& inner) {
  status_.Update(inner.status_);
  notes_.insert(notes_.end(), inner.notes_.begin(), inner.notes_.end());
}

std::string ConfigFields::Where(absl::string_view key) const {
  const std::string path = absl::StrCat(outer_, key);
  if (spelling_ != nullptr) {
    const auto spelled = spelling_->keys.find(path);
    if (spelled != spelling_->keys.end()) return absl::StrCat(name_, ": ", spelled->second);
  }
  return absl::StrCat(name_, ": ", absl::StrReplaceAll(outer_, {{".", ": "}}), key);
}

std::string ConfigFields::ValueText(absl::string_view key) const {
  const json* field = Find(key);
  return field == nullptr ? std::string() : Shown(*field);
}

void ConfigFields::Reject(absl::string_view key, absl::string_view expected,
                          absl::string_view found) {
  status_.Update(absl::InvalidArgumentError(
      absl::StrCat(Where(key), ": expected ", expected, ", found ", found)));
}

void ConfigFields::RejectIfSet(absl::string_view key, absl::string_view reason) {
  const json* field = Find(key);
  if (field == nullptr || (field->is_boolean() && !field->get<bool>()) ||
      (field->is_number() && field->get<double>() == 0.0)) {
    return;
  }
  Refuse(key, reason);
}

void ConfigFields::Refuse(absl::string_view key, absl::string_view reason) {
  status_.Update(absl::UnimplementedError(
      absl::StrCat(Where(key), " = ", ValueText(key), " is not supported: ", reason)));
}

// `type` is the one that the source should have; empty if it has that, and the value is wrong.
void ConfigFields::Mismatch(absl::string_view key, absl::string_view type,
                            absl::string_view expected, const json& found) {
  if (spelling_ != nullptr && !type.empty()) {
    const std::string path = absl::StrCat(outer_, key);
    const auto spelled = spelling_->keys.find(path);
    const auto named =
        spelling_->types.find(spelled == spelling_->keys.end() ? path : spelled->second);
    if (named != spelling_->types.end()) return Reject(key, type, named->second);
  }
  Reject(key, expected, Shown(found));
}

}  // namespace inkling
