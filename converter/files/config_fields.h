// ConfigFields: typed, checked access to the fields of a config.json.
//
// Recipes read configs with it. The first problem is kept and every later read still returns a
// usable value (positive for sizes, so that divisions are defined), so a recipe reads straight on
// and the caller looks at status() once. A field that is null counts as missing, as in Hugging
// Face.

#ifndef INKLING_CONVERTER_FILES_CONFIG_FIELDS_H_
#define INKLING_CONVERTER_FILES_CONFIG_FIELDS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace inkling {

// How the file that an object was made of spells its fields and types its values, for messages that
// name what people find in that file.
struct FieldSpelling {
  std::map<std::string, std::string>
      keys;  // a field's path ("rope_scaling.factor"), the file's key
  std::map<std::string, std::string> types;  // a key of the file, the type of its value ("int32")
};

class ConfigFields {
 public:
  // `object` must be a JSON object and outlive this, as must `spelling` (null: fields are spelled
  // as in `object`, and have JSON's types). `name` ("config.json") begins every message.
  ConfigFields(const nlohmann::json& object, std::string name,
               const FieldSpelling* spelling = nullptr);

  // False if the field is missing or null.
  bool Has(absl::string_view key) const { return Find(key) != nullptr; }

  // From here on, a field that is missing is looked for under the name that it had before
  // transformers knew the family.
  void AlsoCalled(std::string key, std::string older) {
    older_names_.emplace_back(std::move(key), std::move(older));
  }

  // True if the object has no fields.
  bool IsEmpty() const { return object_->empty(); }

  // True if a function of this object has looked for the field.
  bool WasRead(absl::string_view key) const { return read_.contains(std::string(key)); }

  // True if the field is there and null, which for a few fields means "none" and not "the default".
  bool IsNull(absl::string_view key) const;

  // A whole number from 1 to 2^24; `default_value` where missing.
  int32_t Size(absl::string_view key, int32_t default_value);

  // The same from 0, for numbers that may be zero.
  int32_t Count(absl::string_view key, int32_t default_value);

  double Number(absl::string_view key, double default_value);
  double PositiveNumber(absl::string_view key, double default_value);  // above 0
  bool Bool(absl::string_view key, bool default_value);
  std::string String(absl::string_view key, absl::string_view default_value);
  std::vector<double> Numbers(absl::string_view key);       // empty where missing
  std::vector<std::string> Strings(absl::string_view key);  // empty where missing

  // The object under `key` with its own name for messages; an empty one where missing. Problems
  // found in it go to Merge().
  ConfigFields Object(absl::string_view key) const;
  void Merge(const ConfigFields& inner);

  // A remark for people, which is no problem.
  void Note(std::string text) { notes_.push_back(std::move(text)); }
  const std::vector<std::string>& notes() const { return notes_; }

  // The field as messages name it: "config.json: hidden_act".
  std::string Where(absl::string_view key) const;

  // The value as messages show it; empty where the field is missing.
  std::string ValueText(absl::string_view key) const;

  // Notes a problem with `key`: "config.json: hidden_act: expected silu, found relu".
  void Reject(absl::string_view key, absl::string_view expected, absl::string_view found);

  // Refuses the field if it is there and is not false, 0 or null: for features that no config axis
  // describes. `reason` completes "is not supported: ...".
  void RejectIfSet(absl::string_view key, absl::string_view reason);

  // Refuses the field's value, as RejectIfSet does.
  void Refuse(absl::string_view key, absl::string_view reason);

  // The first problem; OK if there was none.
  const absl::Status& status() const { return status_; }

 private:
  const nlohmann::json* Find(absl::string_view key) const;
  int32_t Integer(absl::string_view key, int32_t default_value, int32_t minimum);
  void Mismatch(absl::string_view key, absl::string_view type, absl::string_view expected,
                const nlohmann::json& found);

  const nlohmann::json* object_;
  std::string name_;
  const FieldSpelling* spelling_;
  std::string outer_;                                             // "rope_scaling." inside of it
  std::vector<std::pair<std::string, std::string>> older_names_;  // a field's, and its older one
  mutable std::set<std::string> read_;
  std::vector<std::string> notes_;
  absl::Status status_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_CONFIG_FIELDS_H_
