// The functions by name (see jinja_builtins.h).

#include "converter/templates/jinja_builtins.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "converter/templates/jinja_json.h"
#include "src/text/unicode.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using List = JinjaValue::List;

// The longest text that a function makes: hostile templates double strings.
constexpr size_t kMaxTextBytes = size_t{1} << 22;

absl::Status WrongKind(absl::string_view where, const JinjaValue& found) {
  return absl::InvalidArgumentError(absl::StrCat(where, " doesn't take ", found.KindName()));
}

absl::Status Unsupported(absl::string_view what, absl::string_view name) {
  return absl::UnimplementedError(absl::StrCat("the ", what, " '", name, "' is not supported"));
}

// Python's white space: White_Space and four control characters.
bool IsPythonSpace(absl::string_view character) {
  const uint32_t codepoint = DecodeUtf8(character).codepoint;
  return ClassOf(codepoint) == CharClass::kSpace || (codepoint >= 0x1C && codepoint <= 0x1F);
}

enum class Ends { kBoth, kLeft, kRight };

// Drops white space, or the characters in `chars`, from the ends of `text`.
std::string Strip(absl::string_view text, const JinjaValue* chars, Ends ends) {
  const std::vector<absl::string_view> characters = JinjaCharacters(text);
  const auto drops = [&](absl::string_view character) {
    const bool given = chars != nullptr && chars->text() != nullptr;
    return given ? absl::StrContains(*chars->text(), character) : IsPythonSpace(character);
  };
  size_t begin = 0;
  size_t end = characters.size();
  if (ends != Ends::kRight) {
    while (begin < end && drops(characters[begin])) ++begin;
  }
  if (ends != Ends::kLeft) {
    while (end > begin && drops(characters[end - 1])) --end;
  }
  std::string stripped;
  for (size_t i = begin; i < end; ++i) absl::StrAppend(&stripped, characters[i]);
  return stripped;
}

absl::StatusOr<JinjaValue> Split(absl::string_view text, const JinjaArguments& arguments) {
  const JinjaValue* separator = arguments.Get(0, "sep");
  const JinjaValue* limit = arguments.Get(1, "maxsplit");
  int64_t left = limit != nullptr ? limit->integer().value_or(-1) : -1;
  List parts;
  if (separator != nullptr && separator->text() != nullptr) {
    if (separator->text()->empty()) return absl::InvalidArgumentError("split at an empty string");
    for (size_t at = text.find(*separator->text()); at != absl::string_view::npos && left != 0;
         at = text.find(*separator->text()), --left) {
      parts.push_back(JinjaValue::MakeText(text.substr(0, at)));
      text.remove_prefix(at + separator->text()->size());
    }
    parts.push_back(JinjaValue::MakeText(text));
    return JinjaValue::MakeList(std::move(parts));
  }
  if (left >= 0) return Unsupported("method", "split with a limit at white space");
  std::string word;
  for (absl::string_view character : JinjaCharacters(text)) {
    if (!IsPythonSpace(character)) {
      absl::StrAppend(&word, character);
    } else if (!word.empty()) {
      parts.push_back(JinjaValue::MakeText(word));
      word.clear();
    }
  }
  if (!word.empty()) parts.push_back(JinjaValue::MakeText(word));
  return JinjaValue::MakeList(std::move(parts));
}

// rsplit at a separator: as split, from the end.
absl::StatusOr<JinjaValue> SplitFromEnd(absl::string_view text, const JinjaArguments& arguments) {
  const JinjaValue* separator = arguments.Get(0, "sep");
  const JinjaValue* limit = arguments.Get(1, "maxsplit");
  int64_t left = limit != nullptr ? limit->integer().value_or(-1) : -1;
  if (separator == nullptr || separator->text() == nullptr) {
    if (left < 0) return Split(text, arguments);
    return Unsupported("method", "rsplit with a limit at white space");
  }
  if (separator->text()->empty()) return absl::InvalidArgumentError("split at an empty string");
  List parts;
  for (size_t at = text.rfind(*separator->text()); at != absl::string_view::npos && left != 0;
       at = text.rfind(*separator->text()), --left) {
    parts.insert(parts.begin(), JinjaValue::MakeText(text.substr(at + separator->text()->size())));
    text = text.substr(0, at);
  }
  parts.insert(parts.begin(), JinjaValue::MakeText(text));
  return JinjaValue::MakeList(std::move(parts));
}

// partition and rpartition: what stands before a separator, it, and what stands behind it.
absl::StatusOr<JinjaValue> Partition(absl::string_view text, absl::string_view name,
                                     const JinjaValue& separator) {
  if (separator.text() == nullptr || separator.text()->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " at an empty string, or at no string"));
  }
  const bool last = name == "rpartition";
  const size_t at = last ? text.rfind(*separator.text()) : text.find(*separator.text());
  absl::string_view parts[3] = {text, "", ""};
  if (at == absl::string_view::npos) {
    if (last) std::swap(parts[0], parts[2]);
  } else {
    parts[0] = text.substr(0, at);
    parts[1] = *separator.text();
    parts[2] = text.substr(at + parts[1].size());
  }
  return JinjaValue::MakeTuple({JinjaValue::MakeText(parts[0]), JinjaValue::MakeText(parts[1]),
                                JinjaValue::MakeText(parts[2])});
}

absl::StatusOr<JinjaValue> Replace(absl::string_view text, const JinjaArguments& arguments) {
  const JinjaValue* from = arguments.Get(0, "old");
  const JinjaValue* to = arguments.Get(1, "new");
  if (from == nullptr || to == nullptr || from->text() == nullptr || to->text() == nullptr ||
      from->text()->empty()) {
    return absl::InvalidArgumentError("replace takes two strings, the first not empty");
  }
  const JinjaValue* count = arguments.Get(2, "count");
  int64_t left = count != nullptr ? count->integer().value_or(-1) : -1;
  std::string result;
  for (size_t at = text.find(*from->text()); at != absl::string_view::npos && left != 0;
       at = text.find(*from->text()), --left) {
    absl::StrAppend(&result, text.substr(0, at), *to->text());
    if (result.size() > kMaxTextBytes) return absl::ResourceExhaustedError("a text too long");
    text.remove_prefix(at + from->text()->size());
  }
  absl::StrAppend(&result, text);
  return JinjaValue::MakeText(result);
}

// upper, lower, capitalize, title.
absl::StatusOr<JinjaValue> ChangeCase(absl::string_view text, absl::string_view name) {
  std::string result;
  bool in_word = false;
  for (char c : text) {
    if (!absl::ascii_isascii(c)) return Unsupported("change of letter case beyond ASCII", name);
    const bool upper = name == "upper" || (!in_word && name != "lower");
    result.push_back(upper ? absl::ascii_toupper(c) : absl::ascii_tolower(c));
    in_word = name == "capitalize" || absl::ascii_isalpha(c);
  }
  return JinjaValue::MakeText(result);
}

absl::StatusOr<JinjaValue> Join(const JinjaValue& items, absl::string_view separator) {
  ABSL_ASSIGN_OR_RETURN(List list, JinjaItems(items));
  std::string joined;
  for (size_t i = 0; i < list.size(); ++i) {
    absl::StrAppend(&joined, i > 0 ? separator : "", list[i].Printed());
    if (joined.size() > kMaxTextBytes) return absl::ResourceExhaustedError("a text too long");
  }
  return JinjaValue::MakeText(joined);
}

// Whether `text` begins (or ends) with the argument, a string or a list of them.
absl::StatusOr<JinjaValue> HasEnd(absl::string_view text, absl::string_view name,
                                  const JinjaArguments& arguments) {
  const JinjaValue* argument = arguments.Get(0, "prefix");
  if (argument == nullptr) return absl::InvalidArgumentError(absl::StrCat(name, " of nothing"));
  const List options = argument->list() != nullptr ? *argument->list() : List{*argument};
  for (const JinjaValue& option : options) {
    if (option.text() == nullptr) return WrongKind(name, option);
    const bool has = name == "startswith" ? absl::StartsWith(text, *option.text())
                                          : absl::EndsWith(text, *option.text());
    if (has) return JinjaValue::MakeBool(true);
  }
  return JinjaValue::MakeBool(false);
}

absl::StatusOr<JinjaValue> CallTextMethod(const std::string& text, absl::string_view name,
                                          const JinjaArguments& arguments) {
  const JinjaValue* first = arguments.Get(0, "chars");
  if (name == "strip") return JinjaValue::MakeText(Strip(text, first, Ends::kBoth));
  if (name == "lstrip") return JinjaValue::MakeText(Strip(text, first, Ends::kLeft));
  if (name == "rstrip") return JinjaValue::MakeText(Strip(text, first, Ends::kRight));
  if (name == "split") return Split(text, arguments);
  if (name == "rsplit") return SplitFromEnd(text, arguments);
  if ((name == "partition" || name == "rpartition") && first != nullptr) {
    return Partition(text, name, *first);
  }
  if ((name == "removeprefix" || name == "removesuffix") && first != nullptr &&
      first->text() != nullptr) {
    absl::string_view rest = text;
    if (name == "removeprefix") absl::ConsumePrefix(&rest, *first->text());
    if (name == "removesuffix") absl::ConsumeSuffix(&rest, *first->text());
    return JinjaValue::MakeText(rest);
  }
  if (name == "replace") return Replace(text, arguments);
  if (name == "startswith" || name == "endswith") return HasEnd(text, name, arguments);
  if (name == "join" && first != nullptr) return Join(*first, text);
  if ((name == "find" || name == "count") && first != nullptr && first->text() != nullptr &&
      !first->text()->empty()) {
    size_t at = text.find(*first->text());
    if (name == "find") {
      const bool found = at != std::string::npos;
      const size_t index =
          found ? JinjaCharacters(absl::string_view(text).substr(0, at)).size() : 0;
      return JinjaValue::MakeInt(found ? static_cast<int64_t>(index) : -1);
    }
    int64_t count = 0;
    for (; at != std::string::npos; at = text.find(*first->text(), at + first->text()->size())) {
      ++count;
    }
    return JinjaValue::MakeInt(count);
  }
  return ChangeCase(text, name);
}

constexpr absl::string_view kTextMethods =
    " strip lstrip rstrip split rsplit partition rpartition removeprefix removesuffix replace "
    "startswith endswith join find count upper lower capitalize "
    "title ";
constexpr absl::string_view kDictMethods = " items keys values get ";

absl::StatusOr<JinjaValue> Attribute(const JinjaValue& item, absl::string_view path) {
  const JinjaValue* found = item.Find(path);
  return found != nullptr ? *found : JinjaValue::MakeUndefined(path);
}

// map, select, reject, selectattr, rejectattr.
absl::StatusOr<JinjaValue> FilterItems(absl::string_view name, const JinjaValue& input,
                                       const JinjaArguments& arguments) {
  ABSL_ASSIGN_OR_RETURN(List items, JinjaItems(input));
  const bool by_attribute = absl::EndsWith(name, "attr");
  const JinjaValue* map_attribute = name == "map" ? arguments.Get(99, "attribute") : nullptr;
  const JinjaValue* first = arguments.Get(0, "");
  const JinjaValue* attribute = name == "map" ? map_attribute : by_attribute ? first : nullptr;
  const size_t function_index = by_attribute ? 1 : 0;
  const JinjaValue* function = arguments.Get(function_index, "");
  JinjaArguments rest;
  for (size_t i = function_index + 1; i < arguments.positional.size(); ++i) {
    rest.positional.push_back(arguments.positional[i]);
  }
  List result;
  for (const JinjaValue& item : items) {
    JinjaValue value = item;
    if (attribute != nullptr) {
      ABSL_ASSIGN_OR_RETURN(value, Attribute(item, attribute->Printed()));
    }
    if (name == "map") {
      if (function != nullptr) {
        ABSL_ASSIGN_OR_RETURN(value, ApplyJinjaFilter(function->Printed(), value, rest));
      }
      result.push_back(std::move(value));
      continue;
    }
    ABSL_ASSIGN_OR_RETURN(bool chosen, function == nullptr
                                           ? value.Truth()
                                           : ApplyJinjaTest(function->Printed(), value, rest));
    if (chosen != absl::StartsWith(name, "reject")) result.push_back(item);
  }
  return JinjaValue::MakeList(std::move(result));
}

absl::StatusOr<JinjaValue> FilterSequence(absl::string_view name, const JinjaValue& input,
                                          const JinjaArguments& arguments) {
  if (name == "items" || name == "dictsort") {
    if (name == "items" && input.undefined() != nullptr) return JinjaValue::MakeList({});
    absl::StatusOr<JinjaValue> items = CallJinjaMethod(input, "items", {});
    if (!items.ok() || name == "items") return items;
    List sorted = *items->list();
    std::stable_sort(sorted.begin(), sorted.end(), [](const JinjaValue& a, const JinjaValue& b) {
      return absl::AsciiStrToLower((*a.list())[0].Printed()) <
             absl::AsciiStrToLower((*b.list())[0].Printed());
    });
    return JinjaValue::MakeList(std::move(sorted));
  }
  if (name == "join") {
    const JinjaValue* separator = arguments.Get(0, "d");
    return Join(input, separator == nullptr ? "" : separator->Printed());
  }
  ABSL_ASSIGN_OR_RETURN(List list, JinjaItems(input));
  if (name == "list") return JinjaValue::MakeList(std::move(list));
  if (name == "reverse") {
    std::reverse(list.begin(), list.end());
    return JinjaValue::MakeList(std::move(list));
  }
  if (name == "first" || name == "last") {
    if (list.empty()) return JinjaValue::MakeUndefined(name);
    return name == "first" ? list.front() : list.back();
  }
  List unique;
  for (const JinjaValue& item : list) {
    if (std::find(unique.begin(), unique.end(), item) == unique.end()) unique.push_back(item);
  }
  return JinjaValue::MakeList(std::move(unique));
}

bool Names(absl::string_view list, absl::string_view name) {
  return absl::StrContains(list, absl::StrCat(" ", name, " "));
}

}  // namespace

const JinjaValue* JinjaArguments::Get(size_t index, absl::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::vector<absl::string_view> JinjaCharacters(absl::string_view text) {
  std::vector<absl::string_view> characters;
  while (!text.empty()) {
    const size_t length = DecodeUtf8(text).length;
    characters.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return characters;
}

absl::StatusOr<List> JinjaItems(const JinjaValue& value) {
  List items;
  if (value.list() != nullptr) return *value.list();
  if (value.undefined() != nullptr) return items;
  if (value.dict() != nullptr) {
    for (const auto& [key, item] : *value.dict()) items.push_back(JinjaValue::MakeText(key));
    return items;
  }
  if (value.text() == nullptr) return WrongKind("a loop", value);
  for (absl::string_view character : JinjaCharacters(*value.text())) {
    items.push_back(JinjaValue::MakeText(character));
  }
  return items;
}

bool HasJinjaMethod(const JinjaValue& self, absl::string_view name) {
  return (self.text() != nullptr && Names(kTextMethods, name)) ||
         (self.dict() != nullptr && Names(kDictMethods, name));
}

absl::StatusOr<JinjaValue> CallJinjaMethod(const JinjaValue& self, absl::string_view name,
                                           const JinjaArguments& arguments) {
  if (self.text() != nullptr && Names(kTextMethods, name)) {
    return CallTextMethod(*self.text(), name, arguments);
  }
  if (self.dict() == nullptr || !Names(kDictMethods, name)) {
    return absl::UnimplementedError(
        absl::StrCat("the method '", name, "' of ", self.KindName(), " is not supported"));
  }
  if (name == "get") {
    const JinjaValue* key = arguments.Get(0, "key");
    const JinjaValue* fallback = arguments.Get(1, "default");
    const JinjaValue* found = key == nullptr ? nullptr : self.Find(key->Printed());
    if (found != nullptr) return *found;
    return fallback != nullptr ? *fallback : JinjaValue::MakeNone();
  }
  List items;
  for (const auto& [key, value] : *self.dict()) {
    const JinjaValue text = JinjaValue::MakeText(key);
    items.push_back(name == "keys"     ? text
                    : name == "values" ? value
                                       : JinjaValue::MakeTuple({text, value}));
  }
  return JinjaValue::MakeList(std::move(items));
}

absl::StatusOr<JinjaValue> ApplyJinjaFilter(absl::string_view name, const JinjaValue& input,
                                            const JinjaArguments& arguments) {
  const JinjaValue* first = arguments.Get(0, "chars");
  if (name == "trim") return JinjaValue::MakeText(Strip(input.Printed(), first, Ends::kBoth));
  if (name == "string" || name == "safe") return JinjaValue::MakeText(input.Printed());
  if (Names(" upper lower capitalize title ", name)) return ChangeCase(input.Printed(), name);
  if (name == "replace") return Replace(input.Printed(), arguments);
  if (name == "length" || name == "count") {
    ABSL_ASSIGN_OR_RETURN(List items, JinjaItems(input));
    return JinjaValue::MakeInt(static_cast<int64_t>(items.size()));
  }
  if (name == "default" || name == "d") {
    const JinjaValue* fallback = arguments.Get(0, "default_value");
    const JinjaValue* also_false = arguments.Get(1, "boolean");
    const bool replaced = input.undefined() != nullptr ||
                          (also_false != nullptr && also_false->Truth() && !input.Truth());
    if (!replaced) return input;
    return fallback != nullptr ? *fallback : JinjaValue::MakeText("");
  }
  if (name == "tojson") {
    ABSL_ASSIGN_OR_RETURN(const JinjaJsonStyle style, JsonStyleOf(arguments));
    ABSL_ASSIGN_OR_RETURN(const std::string json, JinjaToJson(input, style, kMaxTextBytes));
    return JinjaValue::MakeText(json);
  }
  if (name == "int" || name == "float") {
    const std::optional<double> number = input.number();
    double parsed = 0;
    if (!number.has_value() && !absl::SimpleAtod(input.Printed(), &parsed)) parsed = 0;
    const double value = number.value_or(parsed);
    if (name == "float") return JinjaValue::MakeFloat(value);
    if (!(value > -9e15 && value < 9e15)) return WrongKind("int", input);
    return JinjaValue::MakeInt(static_cast<int64_t>(value));
  }
  if (name == "abs" && input.number().has_value()) {
    if (input.real() != nullptr) return JinjaValue::MakeFloat(std::fabs(*input.real()));
    const int64_t number = *input.integer();
    if (number == std::numeric_limits<int64_t>::min()) return WrongKind("abs", input);
    return JinjaValue::MakeInt(number < 0 ? -number : number);
  }
  if (Names(" map select reject selectattr rejectattr ", name)) {
    return FilterItems(name, input, arguments);
  }
  if (Names(" list first last reverse unique join items dictsort ", name)) {
    return FilterSequence(name, input, arguments);
  }
  return Unsupported("filter", name);
}

absl::StatusOr<bool> ApplyJinjaTest(absl::string_view name, const JinjaValue& input,
                                    const JinjaArguments& arguments) {
  const JinjaValue* other = arguments.Get(0, "");
  const bool is_bool = input.boolean() != nullptr;
  const bool is_integer = input.integer().has_value() && !is_bool;
  if (name == "defined") return input.undefined() == nullptr;
  if (name == "undefined") return input.undefined() != nullptr;
  if (name == "none") return input.is_none();
  if (name == "string") return input.text() != nullptr;
  if (name == "boolean") return is_bool;
  if (name == "true") return is_bool && *input.boolean();
  if (name == "false") return is_bool && !*input.boolean();
  if (name == "integer") return is_integer;
  if (name == "float") return input.real() != nullptr;
  if (name == "number") return input.number().has_value();
  if (name == "mapping") return input.dict() != nullptr;
  if (name == "callable") return input.callable() != nullptr;
  if (name == "iterable" || name == "sequence") {
    return input.text() != nullptr || input.list() != nullptr || input.dict() != nullptr ||
           input.undefined() != nullptr;
  }
  if (name == "odd" && is_integer) return *input.integer() % 2 != 0;
  if (name == "even" && is_integer) return *input.integer() % 2 == 0;
  if (other != nullptr) {
    if (Names(" equalto eq == ", name)) return input == *other;
    if (Names(" ne != ", name)) return !(input == *other);
    if (name == "in") {
      ABSL_ASSIGN_OR_RETURN(List items, JinjaItems(*other));
      if (other->text() != nullptr) return absl::StrContains(*other->text(), input.Printed());
      return std::find(items.begin(), items.end(), input) != items.end();
    }
    if (name == "divisibleby" && is_integer && other->integer().value_or(0) != 0) {
      return *input.integer() % *other->integer() == 0;
    }
  }
  return Unsupported("test", name);
}

}  // namespace inkling
