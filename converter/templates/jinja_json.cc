// Writing of JSON as Python does (see jinja_json.h).

#include "converter/templates/jinja_json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr int64_t kMaxIndent = 32;

// A character beyond what a JSON string holds as it is.
void AppendEscape(uint32_t codepoint, std::string& text) {
  if (codepoint >= 0x10000) {
    AppendEscape(0xD800 + ((codepoint - 0x10000) >> 10), text);
    codepoint = 0xDC00 + ((codepoint - 0x10000) & 0x3FF);
  }
  absl::StrAppendFormat(&text, "\\u%04x", codepoint);
}

class JsonWriter {
 public:
  JsonWriter(const JinjaJsonStyle& style, size_t max_bytes)
      : style_(style), max_bytes_(max_bytes) {}

  absl::Status Write(const JinjaValue& value, size_t depth) {
    if (text_.size() > max_bytes_) return absl::ResourceExhaustedError("a text too long");
    if (value.list() != nullptr) return WriteList(*value.list(), depth);
    if (value.dict() != nullptr) return WriteDict(*value.dict(), depth);
    if (value.text() != nullptr) {
      WriteText(*value.text());
    } else if (value.boolean() != nullptr) {
      text_ += *value.boolean() ? "true" : "false";
    } else if (value.real() != nullptr && !std::isfinite(*value.real())) {
      text_ += std::isnan(*value.real()) ? "NaN" : *value.real() > 0 ? "Infinity" : "-Infinity";
    } else if (value.number().has_value()) {
      text_ += value.Printed();
    } else {
      text_ += "null";
    }
    return absl::OkStatus();
  }

  std::string TakeText() { return std::move(text_); }

 private:
  void WriteText(absl::string_view text) {
    static constexpr absl::string_view kLetters = "\"\\bfnrt";
    static constexpr absl::string_view kMeanings = "\"\\\b\f\n\r\t";
    text_.push_back('"');
    while (!text.empty()) {
      const size_t escaped = kMeanings.find(text[0]);
      const Utf8Char character = DecodeUtf8(text);
      if (escaped != absl::string_view::npos) {
        text_.push_back('\\');
        text_.push_back(kLetters[escaped]);
      } else if (character.codepoint < 0x20 || (style_.ensure_ascii && text[0] & 0x80)) {
        AppendEscape(character.codepoint, text_);
      } else {
        absl::StrAppend(&text_, text.substr(0, character.length));
      }
      text.remove_prefix(character.length);
    }
    text_.push_back('"');
  }

  void NewLine(size_t depth) {
    if (!style_.indent.has_value()) return;
    text_.push_back('\n');
    for (size_t i = 0; i < depth; ++i) text_ += *style_.indent;
  }

  absl::Status WriteList(const JinjaValue::List& list, size_t depth) {
    text_.push_back('[');
    for (size_t i = 0; i < list.size(); ++i) {
      if (i > 0) text_ += style_.item_separator;
      NewLine(depth + 1);
      ABSL_RETURN_IF_ERROR(Write(list[i], depth + 1));
    }
    if (!list.empty()) NewLine(depth);
    text_.push_back(']');
    return absl::OkStatus();
  }

  absl::Status WriteDict(JinjaValue::Dict dict, size_t depth) {
    if (style_.sort_keys) {
      std::sort(dict.begin(), dict.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    text_.push_back('{');
    for (size_t i = 0; i < dict.size(); ++i) {
      if (i > 0) text_ += style_.item_separator;
      NewLine(depth + 1);
      WriteText(dict[i].first);
      text_ += style_.key_separator;
      ABSL_RETURN_IF_ERROR(Write(dict[i].second, depth + 1));
    }
    if (!dict.empty()) NewLine(depth);
    text_.push_back('}');
    return absl::OkStatus();
  }

  const JinjaJsonStyle& style_;
  const size_t max_bytes_;
  std::string text_;
};

absl::Status WrongArgument(absl::string_view name, const JinjaValue& found) {
  return absl::InvalidArgumentError(absl::StrCat("tojson(", name, "=", found.KindName(), ")"));
}

absl::StatusOr<std::string> IndentOf(const JinjaValue& value) {
  if (value.text() != nullptr) return *value.text();
  if (!value.integer().has_value() || *value.integer() > kMaxIndent) {
    return WrongArgument("indent", value);
  }
  return std::string(static_cast<size_t>(std::max<int64_t>(*value.integer(), 0)), ' ');
}

}  // namespace

absl::StatusOr<std::string> JinjaToJson(const JinjaValue& value, const JinjaJsonStyle& style,
                                        size_t max_bytes) {
  JsonWriter writer(style, max_bytes);
  ABSL_RETURN_IF_ERROR(writer.Write(value, 0));
  return writer.TakeText();
}

absl::StatusOr<JinjaJsonStyle> JsonStyleOf(const JinjaArguments& arguments) {
  for (const auto& [name, value] : arguments.named) {
    if (name != "ensure_ascii" && name != "indent" && name != "separators" && name != "sort_keys") {
      return absl::UnimplementedError(absl::StrCat("tojson(", name, "=) is not supported"));
    }
  }
  JinjaJsonStyle style;
  if (const JinjaValue* ascii = arguments.Get(0, "ensure_ascii")) {
    style.ensure_ascii = ascii->Truth();
  }
  if (const JinjaValue* indent = arguments.Get(1, "indent"); indent && !indent->is_none()) {
    ABSL_ASSIGN_OR_RETURN(style.indent, IndentOf(*indent));
    style.item_separator = ",";
  }
  const JinjaValue* separators = arguments.Get(2, "separators");
  if (separators != nullptr && !separators->is_none()) {
    const JinjaValue::List* pair = separators->list();
    if (pair == nullptr || pair->size() != 2 || (*pair)[0].text() == nullptr ||
        (*pair)[1].text() == nullptr) {
      return WrongArgument("separators", *separators);
    }
    style.item_separator = *(*pair)[0].text();
    style.key_separator = *(*pair)[1].text();
  }
  if (const JinjaValue* sort = arguments.Get(3, "sort_keys")) style.sort_keys = sort->Truth();
  return style;
}

}  // namespace inkling
