// The values of a Jinja template: those of Python, as far as chat templates use them.
//
// Lists and dictionaries are shared when they are copied and never change. Keys are
// strings. Only a namespace changes, and nothing can contain one, so that no value
// contains itself.

#ifndef INKLING_CONVERTER_TEMPLATES_JINJA_VALUE_H_
#define INKLING_CONVERTER_TEMPLATES_JINJA_VALUE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"

namespace inkling {

struct JinjaStatement;

class JinjaValue {
 public:
  using List = std::vector<JinjaValue>;
  using Dict = std::vector<std::pair<std::string, JinjaValue>>;  // in order of insertion

  struct Undefined {
    std::string name;  // what wasn't found, for messages
  };
  struct None {};
  struct Namespace {
    Dict fields;
  };
  // A function by its name, a method of `self`, or a macro of the template.
  struct Callable {
    std::string name;
    std::shared_ptr<JinjaValue> self;
    const JinjaStatement* macro = nullptr;
  };

  JinjaValue() : data_(Undefined{}) {}
  static JinjaValue MakeUndefined(absl::string_view name) {
    return JinjaValue(Undefined{std::string(name)});
  }
  static JinjaValue MakeNone() { return JinjaValue(None{}); }
  static JinjaValue MakeBool(bool value) { return JinjaValue(value); }
  static JinjaValue MakeInt(int64_t value) { return JinjaValue(value); }
  static JinjaValue MakeFloat(double value) { return JinjaValue(value); }
  static JinjaValue MakeText(absl::string_view text) { return JinjaValue(std::string(text)); }
  static JinjaValue MakeList(List items) {
    return JinjaValue(std::make_shared<Sequence>(Sequence{std::move(items), Brackets::kSquare}));
  }
  static JinjaValue MakeTuple(List items) {
    return JinjaValue(std::make_shared<Sequence>(Sequence{std::move(items), Brackets::kRound}));
  }
  static JinjaValue MakeDict(Dict items) {
    return JinjaValue(std::make_shared<Dict>(std::move(items)));
  }
  static JinjaValue MakeNamespace(Dict fields) {
    return JinjaValue(std::make_shared<Namespace>(Namespace{std::move(fields)}));
  }
  static JinjaValue MakeCallable(Callable callable) { return JinjaValue(std::move(callable)); }

  // Each returns null where the value is of another kind; `integer` takes bools too, as Python
  // does.
  const Undefined* undefined() const { return std::get_if<Undefined>(&data_); }
  const std::string* text() const { return std::get_if<std::string>(&data_); }
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const double* real() const { return std::get_if<double>(&data_); }
  const Callable* callable() const { return std::get_if<Callable>(&data_); }
  // The items of a list or tuple.
  const List* list() const {
    const Sequence* sequence = Pointee<Sequence>();
    return sequence == nullptr ? nullptr : &sequence->items;
  }
  const Dict* dict() const { return Pointee<Dict>(); }
  Namespace* name_space() const { return Pointee<Namespace>(); }
  std::optional<int64_t> integer() const;
  // An integer or a real number as a real one.
  std::optional<double> number() const;
  bool is_none() const { return std::holds_alternative<None>(data_); }

  // Python's truth: undefined, none, zero and empty things are false.
  bool Truth() const;
  // What printing the value writes (Python's str); undefined writes nothing.
  std::string Printed() const;
  // "a string", "a list", ...: for messages.
  absl::string_view KindName() const;
  // Whether the value may become part of another: no namespace in it, at most 32 levels, and no
  // more values than `budget`, from which they are taken (what is shared counts each time).
  bool CanBeContained(int64_t& budget, int depth = 0) const;
  // The value under `key` of a dictionary or namespace, or null.
  const JinjaValue* Find(absl::string_view key) const;

  // Python's ==.
  friend bool operator==(const JinjaValue& a, const JinjaValue& b);

 private:
  enum class Brackets : uint8_t { kSquare, kRound };  // of a list, of a tuple
  struct Sequence {
    List items;
    Brackets brackets;
  };

  using Data =
      std::variant<Undefined, None, bool, int64_t, double, std::string, std::shared_ptr<Sequence>,
                   std::shared_ptr<Dict>, std::shared_ptr<Namespace>, Callable>;

  template <typename T>
  explicit JinjaValue(T data) : data_(std::move(data)) {}

  template <typename T>
  T* Pointee() const {
    const auto* pointer = std::get_if<std::shared_ptr<T>>(&data_);
    return pointer == nullptr ? nullptr : pointer->get();
  }

  Data data_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_JINJA_VALUE_H_
