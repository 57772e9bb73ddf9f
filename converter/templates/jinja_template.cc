// Runs the statements of a template (see jinja_template.h).

#include "converter/templates/jinja_template.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/templates/jinja_builtins.h"
#include "converter/templates/jinja_evaluator.h"

namespace inkling {
namespace {

using Statement = JinjaStatement;
using Kind = JinjaStatement::Kind;

class Interpreter : public JinjaEvaluator {
 public:
  explicit Interpreter(const JinjaValue::Dict& variables) {
    for (const auto& [name, value] : variables) scopes_[0][name] = value;
  }

  std::string Run(const std::vector<Statement>& body) {
    RunBody(body);
    return std::move(output_);
  }

 protected:
  JinjaValue CallMacro(const Statement& macro, const JinjaArguments& arguments) override {
    // A macro sees the template's variables and its own, not those of its caller.
    std::vector<Scope> callers(1);
    callers.swap(scopes_);
    scopes_[0] = std::move(callers[0]);
    scopes_.emplace_back();
    if (arguments.positional.size() > macro.names.size()) {
      Fail(absl::InvalidArgumentError(absl::StrCat("too many arguments of macro ", macro.text)));
    }
    for (size_t i = 0; i < macro.names.size() && ok(); ++i) {
      const JinjaValue* given = arguments.Get(i, macro.names[i]);
      JinjaValue value = JinjaValue::MakeUndefined(macro.names[i]);
      if (given != nullptr) {
        value = *given;
      } else if (macro.defaults[i] != nullptr) {
        value = Evaluate(*macro.defaults[i]);
      }
      scopes_.back()[macro.names[i]] = std::move(value);
    }
    std::string text = Captured(macro.body);
    callers[0] = std::move(scopes_[0]);
    scopes_.swap(callers);
    return JinjaValue::MakeText(text);
  }

 private:
  enum class Flow { kOn, kBreak, kContinue };

  void Write(absl::string_view text) {
    if (output_.size() + text.size() > kMaxTextBytes) {
      Fail(absl::ResourceExhaustedError("a text too long"));
      return;
    }
    absl::StrAppend(&output_, text);
  }

  // What `body` writes, instead of writing it.
  std::string Captured(const std::vector<Statement>& body) {
    std::string outer = std::move(output_);
    output_.clear();
    RunBody(body);
    outer.swap(output_);
    return outer;
  }

  Flow RunBody(const std::vector<Statement>& body) {
    ++depth_;
    Flow flow = Flow::kOn;
    for (const Statement& statement : body) {
      if (!Step(statement.line) || flow != Flow::kOn) break;
      flow = RunStatement(statement);
    }
    --depth_;
    return flow;
  }

  Flow RunStatement(const Statement& statement) {
    switch (statement.kind) {
      case Kind::kText:
        Write(statement.text);
        break;
      case Kind::kOutput:
        Write(Evaluate(*statement.value).Printed());
        break;
      case Kind::kIf: {
        const bool holds = Evaluate(*statement.value).Truth();
        return ok() ? RunBody(holds ? statement.body : statement.otherwise) : Flow::kOn;
      }
      case Kind::kFor:
        RunFor(statement);
        break;
      case Kind::kSet:
        RunSet(statement);
        break;
      case Kind::kMacro:
        scopes_.back()[statement.text] =
            JinjaValue::MakeCallable({statement.text, nullptr, &statement});
        break;
      case Kind::kBlock:
        return RunBody(statement.body);
      case Kind::kBreak:
        return Flow::kBreak;
      case Kind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kOn;
  }

  void Assign(const std::vector<std::string>& names, const JinjaValue& value) {
    if (names.size() == 1) {
      scopes_.back()[names[0]] = value;
      return;
    }
    const absl::StatusOr<JinjaValue::List> items = JinjaItems(value);
    if (!items.ok() || items->size() != names.size()) {
      Fail(absl::InvalidArgumentError(
          absl::StrCat("expected ", names.size(), " values, found ", value.KindName())));
      return;
    }
    for (size_t i = 0; i < names.size(); ++i) scopes_.back()[names[i]] = (*items)[i];
  }

  void RunSet(const Statement& statement) {
    const JinjaValue value = statement.value != nullptr
                                 ? Evaluate(*statement.value)
                                 : JinjaValue::MakeText(Captured(statement.body));
    if (!ok()) return;
    if (statement.text.empty()) return Assign(statement.names, value);
    JinjaExpression object;
    object.kind = JinjaExpression::Kind::kName;
    object.text = statement.names[0];
    object.line = statement.line;
    const JinjaValue target = Evaluate(object);
    if (target.name_space() == nullptr) {
      Fail(absl::InvalidArgumentError(absl::StrCat("'", object.text, "' is no namespace")));
      return;
    }
    const JinjaValue kept = Contained(value);
    for (auto& [name, field] : target.name_space()->fields) {
      if (name != statement.text) continue;
      field = kept;
      return;
    }
    target.name_space()->fields.emplace_back(statement.text, kept);
  }

  static JinjaValue LoopVariable(const JinjaValue::List& items, size_t index) {
    const int64_t place = static_cast<int64_t>(index);
    const int64_t size = static_cast<int64_t>(items.size());
    JinjaValue::Dict fields;
    fields.emplace_back("index", JinjaValue::MakeInt(place + 1));
    fields.emplace_back("index0", JinjaValue::MakeInt(place));
    fields.emplace_back("revindex", JinjaValue::MakeInt(size - place));
    fields.emplace_back("revindex0", JinjaValue::MakeInt(size - place - 1));
    fields.emplace_back("first", JinjaValue::MakeBool(index == 0));
    fields.emplace_back("last", JinjaValue::MakeBool(index + 1 == items.size()));
    fields.emplace_back("length", JinjaValue::MakeInt(size));
    if (index > 0) fields.emplace_back("previtem", items[index - 1]);
    if (index + 1 < items.size()) fields.emplace_back("nextitem", items[index + 1]);
    return JinjaValue::MakeDict(std::move(fields));
  }

  void RunFor(const Statement& statement) {
    const JinjaValue over = Evaluate(*statement.value);
    if (!ok()) return;
    absl::StatusOr<JinjaValue::List> all = JinjaItems(over);
    if (!all.ok()) {
      Fail(all.status());
      return;
    }
    JinjaValue::List items;
    for (JinjaValue& item : *all) {
      if (!Step(statement.line)) return;
      if (statement.condition != nullptr) {
        scopes_.emplace_back();
        Assign(statement.names, item);
        const bool wanted = ok() && Evaluate(*statement.condition).Truth();
        scopes_.pop_back();
        if (!wanted) continue;
      }
      items.push_back(std::move(item));
    }
    if (items.empty()) {
      RunBody(statement.otherwise);
      return;
    }
    for (size_t i = 0; i < items.size() && ok(); ++i) {
      scopes_.emplace_back();
      scopes_.back()["loop"] = LoopVariable(items, i);
      Assign(statement.names, items[i]);
      const Flow flow = RunBody(statement.body);
      scopes_.pop_back();
      if (flow == Flow::kBreak) break;
    }
  }

  std::string output_;
};

}  // namespace

absl::StatusOr<JinjaTemplate> JinjaTemplate::Parse(absl::string_view source) {
  constexpr size_t kMaxSourceBytes = size_t{1} << 18;
  if (source.size() > kMaxSourceBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a template of ", source.size(),
                                                   " bytes, expected at most ", kMaxSourceBytes));
  }
  ABSL_ASSIGN_OR_RETURN(std::vector<Statement> body, ParseJinja(source));
  return JinjaTemplate(std::move(body));
}

absl::StatusOr<std::string> JinjaTemplate::Render(const JinjaValue::Dict& variables) const {
  Interpreter interpreter(variables);
  std::string text = interpreter.Run(body_);
  ABSL_RETURN_IF_ERROR(interpreter.status());
  return text;
}

}  // namespace inkling
