// SchemaCompiler: one schema's grammar. Its functions lie in json_schema.cc (what a schema is),
// schema_objects.cc (objects, arrays) and schema_scalars.cc (strings, numbers).

#ifndef INKLING_SRC_STRUCTURED_SCHEMA_COMPILER_H_
#define INKLING_SRC_STRUCTURED_SCHEMA_COMPILER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/structured/grammar.h"
#include "src/structured/json_grammar.h"
#include "src/text/json_value.h"

namespace inkling {

class SchemaCompiler {
 public:
  SchemaCompiler(Grammar& grammar, const JsonValue& root, JsonSpacing spacing)
      : grammar_(grammar), json_(grammar, spacing), root_(root) {}

  // The values that fit the schema at `path`.
  absl::StatusOr<ExprId> Compile(const JsonValue& schema, const std::string& path);

  // The first schema that no value fits; empty if there is none.
  const std::string& never_path() const { return never_path_; }

 private:
  struct Property {
    std::string name;
    ExprId value = 0;
    bool is_required = false;
  };

  // json_schema.cc
  absl::StatusOr<ExprId> CompileRef(const JsonValue& schema, const std::string& path);
  absl::StatusOr<const JsonValue*> Resolve(const JsonValue& ref, const std::string& path) const;
  absl::StatusOr<ExprId> CompileCombined(const JsonValue& schema, const std::string& path);
  absl::StatusOr<JsonValue> MergeAll(const JsonValue& schema, const std::string& path);
  absl::StatusOr<JsonValue> Flattened(const JsonValue& schema, const std::string& path, int depth);
  absl::Status CheckDisjoint(const JsonValue& branches, const std::string& path);
  ExprId ChoiceOfSchemas(std::vector<ExprId> choices, const std::string& path);
  absl::StatusOr<ExprId> CompileValues(const JsonValue& schema, const std::string& path);
  absl::StatusOr<ExprId> CompileTypes(const JsonValue& schema, const std::string& path);
  absl::StatusOr<ExprId> CompileType(const std::string& type, const JsonValue& schema,
                                     const std::string& path);
  absl::Status CheckLimits(const std::string& path);
  void NoteNever(const std::string& path) {
    if (never_path_.empty()) never_path_ = path;
  }

  // `made` as a rule of its own, which others call.
  ExprId Shared(ExprId made, const std::string& name);

  // schema_objects.cc
  absl::StatusOr<ExprId> CompileObject(const JsonValue& schema, const std::string& path);
  absl::StatusOr<std::vector<Property>> Properties(const JsonValue& schema,
                                                   const std::string& path);
  absl::StatusOr<ExprId> AdditionalMember(const JsonValue& schema,
                                          const std::vector<Property>& properties,
                                          const std::string& path);
  static absl::Status CheckPropertyCount(const JsonValue& schema,
                                         const std::vector<Property>& properties,
                                         bool has_additional, const std::string& path,
                                         bool& needs_one);
  ExprId Chain(const std::vector<Property>& properties, ExprId additional, bool needs_one,
               const std::string& path);
  absl::StatusOr<ExprId> CompileArray(const JsonValue& schema, const std::string& path);

  // schema_scalars.cc
  absl::StatusOr<ExprId> CompileString(const JsonValue& schema, const std::string& path);
  absl::StatusOr<ExprId> CompilePattern(const std::string& regex, CountBounds length,
                                        const std::string& path);
  absl::StatusOr<ExprId> LimitLength(ExprId pattern, CountBounds length,
                                     const absl::flat_hash_set<ExprId>& characters,
                                     const std::string& path);
  absl::StatusOr<ExprId> CompileNumber(const JsonValue& schema, bool integers_only,
                                       const std::string& path);

  Grammar& grammar_;
  JsonGrammar json_;
  const JsonValue& root_;
  absl::flat_hash_map<const JsonValue*, RuleId> refs_;
  absl::flat_hash_map<std::string, ExprId> patterns_;
  std::deque<JsonValue> made_;  // schemas that were merged
  size_t num_schemas_ = 0;
  int depth_ = 0;
  std::string never_path_;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_SCHEMA_COMPILER_H_
