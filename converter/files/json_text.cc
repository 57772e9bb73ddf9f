// Depth and duplicate keys are checked here because the parser itself accepts both.

#include "converter/files/json_text.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/files/input_file.h"

namespace inkling {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 32;
constexpr int64_t kMaxJsonFileBytes = int64_t{64} << 20;

// The parser builds one node per bracket, so depth is limited before it sees the text.
bool DeeperThan(absl::string_view text, int max_depth) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// Accepts everything and remembers where the parser stopped.
class ErrorLocator : public nlohmann::json_sax<json> {
 public:
  size_t position() const { return position_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    position_ = position;
    return false;
  }

 private:
  size_t position_ = 0;
};

// Follows the parser through the text and keeps the keys of every open object.
class DuplicateKeys {
 public:
  bool Visit(json::parse_event_t event, const json& parsed) {
    if (event == json::parse_event_t::object_start) {
      open_.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      open_.pop_back();
    } else if (event == json::parse_event_t::key && first_.empty()) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!open_.back().insert(key).second) first_ = absl::StrCat("\"", key, "\"");
    }
    return true;
  }

  // The first key seen twice, quoted; empty if there is none.
  const std::string& first() const { return first_; }

 private:
  std::vector<absl::flat_hash_set<std::string>> open_;
  std::string first_;
};

}  // namespace

absl::StatusOr<json> ParseJson(absl::string_view text, absl::string_view name) {
  if (text.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": expected JSON, found an empty file"));
  }
  if (DeeperThan(text, kMaxDepth)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": JSON nested deeper than ", kMaxDepth, " levels"));
  }
  DuplicateKeys duplicates;
  json value = json::parse(
      text.begin(), text.end(),
      [&duplicates](int /*depth*/, json::parse_event_t event, json& parsed) {
        return duplicates.Visit(event, parsed);
      },
      /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    ErrorLocator locator;
    json::sax_parse(text.begin(), text.end(), &locator);
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": not valid JSON at byte ", locator.position(), " of ", text.size()));
  }
  if (!duplicates.first().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": the key ", duplicates.first(), " occurs twice in one object"));
  }
  return value;
}

absl::StatusOr<json> ReadJsonFile(const std::string& path) {
  ABSL_ASSIGN_OR_RETURN(std::string text, ReadWholeFile(path, kMaxJsonFileBytes));
  return ParseJson(text, path);
}

absl::string_view JsonTypeName(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return "an array";
    case json::value_t::string:
      return "a string";
    case json::value_t::boolean:
      return "a boolean";
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
    case json::value_t::number_float:
      return "a number";
    case json::value_t::binary:
    case json::value_t::discarded:
      break;
  }
  return "nothing";
}

}  // namespace inkling
