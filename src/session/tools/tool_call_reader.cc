// A cursor over the text: what fails leaves it where it was, so a half call is dropped whole.

#include "src/session/tools/tool_call_reader.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_message.h"
#include "src/format/tool_template_data.h"
#include "src/text/json_value.h"

namespace inkling {
namespace {

// Values of calls are no deeper than schemas may be.
constexpr int kMaxDepth = kMaxJsonDepth;

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

// Bytes of the JSON value that `text` begins with; 0 if it isn't whole.
size_t JsonExtent(absl::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
    if (!in_string && depth == 0) return i + 1;
  }
  return 0;
}

class CallReader {
 public:
  CallReader(absl::string_view text, const ToolCallFormat& format) : rest_(text), format_(format) {}

  std::vector<ToolCall> Read() {
    std::vector<ToolCall> calls;
    if (!Take(format_.begin)) return calls;
    do {
      ToolCall call;
      const bool is_call =
          Take(format_.prefix) &&
          (format_.syntax == ToolCallSyntax::kJson ? TakeJson(call) : TakeFields(call));
      if (!is_call || !Take(format_.suffix)) break;
      calls.push_back(std::move(call));
    } while (Take(format_.separator));
    return calls;
  }

 private:
  void SkipSpace() {
    while (!rest_.empty() && IsSpace(rest_.front())) rest_.remove_prefix(1);
  }

  // The characters of `wanted`, but for white space on either side.
  bool Take(absl::string_view wanted) {
    const absl::string_view before = rest_;
    for (const char c : wanted) {
      if (IsSpace(c)) continue;
      SkipSpace();
      if (rest_.empty() || rest_.front() != c) {
        rest_ = before;
        return false;
      }
      rest_.remove_prefix(1);
    }
    SkipSpace();
    return true;
  }

  // {"name": "NAME", "arguments": {...}, "id": "ID"}, in any order.
  bool TakeJson(ToolCall& call) {
    const size_t size = JsonExtent(rest_);
    const absl::StatusOr<JsonValue> value = ParseJson(rest_.substr(0, size));
    if (!value.ok() || !value->is_object()) return false;
    const JsonValue* const name = value->Find(format_.name_key);
    const JsonValue* const arguments = value->Find(format_.arguments_key);
    if (name == nullptr || !name->is_string() || arguments == nullptr || !arguments->is_object())
      return false;
    call.name = name->text;
    call.arguments = MemberText(rest_.substr(0, size), format_.arguments_key);
    const JsonValue* const id = format_.id_key.empty() ? nullptr : value->Find(format_.id_key);
    if (id != nullptr && id->is_string()) call.id = id->text;
    rest_.remove_prefix(size);
    return true;
  }

  // The value of a member as it is written. `object` is well-formed and has it.
  static std::string MemberText(absl::string_view object, absl::string_view key) {
    absl::string_view rest = object.substr(1);
    const auto skip = [&] {
      while (!rest.empty() && (IsSpace(rest.front()) || rest.front() == ',' || rest.front() == ':'))
        rest.remove_prefix(1);
    };
    for (skip(); !rest.empty() && rest.front() == '"'; skip()) {
      const absl::StatusOr<JsonValue> name = ParseJson(rest.substr(0, JsonExtent(rest)));
      rest.remove_prefix(JsonExtent(rest));
      skip();
      const size_t size = rest.front() == '"' || rest.front() == '{' || rest.front() == '['
                              ? JsonExtent(rest)
                              : std::min(rest.find_first_of(",} \t\r\n"), rest.size());
      if (name.ok() && name->text == key) return std::string(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    return "{}";
  }

  // NAME{key:VALUE,...}
  bool TakeFields(ToolCall& call) {
    const size_t end = rest_.find('{');
    if (end == absl::string_view::npos || end == 0) return false;
    call.name = std::string(absl::StripAsciiWhitespace(rest_.substr(0, end)));
    rest_.remove_prefix(end);
    std::optional<std::string> fields = TakeFieldValue(0);
    if (!fields.has_value()) return false;
    call.arguments = *std::move(fields);
    return true;
  }

  // One value of kEscapedFields as JSON.
  std::optional<std::string> TakeFieldValue(int depth) {
    SkipSpace();
    if (depth > kMaxDepth || rest_.empty()) return std::nullopt;
    if (rest_.front() == '{' || rest_.front() == '[') return TakeFieldList(depth);
    const absl::string_view quote = format_.text_quote;
    if (rest_.substr(0, quote.size()) == quote) {
      const size_t end = rest_.find(quote, quote.size());
      if (end == absl::string_view::npos) return std::nullopt;
      std::string text = QuoteJson(rest_.substr(quote.size(), end - quote.size()));
      rest_.remove_prefix(end + quote.size());
      return text;
    }
    const size_t end = rest_.find_first_of(",}]");
    if (end == absl::string_view::npos || end == 0) return std::nullopt;
    const std::string word(absl::StripAsciiWhitespace(rest_.substr(0, end)));
    rest_.remove_prefix(end);
    if (!format_.null_text.empty() && word == format_.null_text) return "null";
    // A number, true, false or null; any other word is a text that lost its quotes.
    return ParseJson(word).ok() ? word : QuoteJson(word);
  }

  // {key:VALUE,...} or [VALUE,...].
  std::optional<std::string> TakeFieldList(int depth) {
    const bool is_object = rest_.front() == '{';
    const char close = is_object ? '}' : ']';
    std::string json(1, rest_.front());
    rest_.remove_prefix(1);
    for (SkipSpace(); !rest_.empty() && rest_.front() != close; SkipSpace()) {
      if (json.size() > 1) json += ", ";
      if (is_object) {
        const size_t colon = rest_.find(':');
        if (colon == absl::string_view::npos) return std::nullopt;
        absl::StrAppend(&json, QuoteJson(absl::StripAsciiWhitespace(rest_.substr(0, colon))), ": ");
        rest_.remove_prefix(colon + 1);
      }
      const std::optional<std::string> value = TakeFieldValue(depth + 1);
      if (!value.has_value()) return std::nullopt;
      json += *value;
      SkipSpace();
      if (rest_.empty() || (rest_.front() != ',' && rest_.front() != close)) return std::nullopt;
      if (rest_.front() == ',') rest_.remove_prefix(1);
    }
    if (rest_.empty()) return std::nullopt;
    rest_.remove_prefix(1);
    json.push_back(close);
    return json;
  }

  absl::string_view rest_;
  const ToolCallFormat& format_;
};

}  // namespace

std::vector<ToolCall> ReadToolCalls(absl::string_view text, const ToolCallFormat& format) {
  return CallReader(text, format).Read();
}

}  // namespace inkling
