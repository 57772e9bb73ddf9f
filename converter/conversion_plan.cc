// In the order in which one decides the next: config and tensors, tokenizer, the vocabulary's
// types, all types, and what the best quality and a budget of bits change of them.

#include "converter/conversion_plan.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/checkpoints/foreign_quantization.h"
#include "converter/checkpoints/wrapper_names.h"
#include "converter/files/config_fields.h"
#include "converter/plan/tensor_evidence.h"
#include "converter/plan/type_choice.h"
#include "converter/quantize/bit_budget.h"
#include "converter/quantize/column_balance.h"
#include "converter/recipes/config_keys.h"
#include "converter/recipes/recipe.h"
#include "converter/tokenizer/tokenizer_additions.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

constexpr char kGenerator[] = "inkling-convert " INKLING_VERSION;

// Null if the options name none.
absl::StatusOr<std::unique_ptr<ImportanceFile>> OpenImportance(const ConvertOptions& options) {
  if (!options.importance_path.empty()) return ImportanceFile::Open(options.importance_path);
  if (options.quality == ConvertQuality::kBest || options.bits_per_weight.has_value()) {
    return absl::InvalidArgumentError(
        "the best quality, and a number of bits per weight, need an importance file, which "
        "inkling-eval importance makes");
  }
  return nullptr;
}

absl::StatusOr<ModelConfig> ReadConfig(const Checkpoint& checkpoint, const Recipe& recipe,
                                       std::vector<std::string>& notes) {
  ConfigFields fields(checkpoint.config(), checkpoint.ConfigName(), checkpoint.Spelling());
  ModelConfig config = recipe.read_config(fields);
  NoteUnreadMathematics(recipe.family, fields);
  ABSL_RETURN_IF_ERROR(fields.status());
  const absl::Status valid = ValidateModelConfig(config);
  if (!valid.ok()) {
    return absl::Status(valid.code(), absl::StrCat(checkpoint.ConfigName(), ": ", valid.message()));
  }
  notes.insert(notes.end(), fields.notes().begin(), fields.notes().end());
  return config;
}

// What `recipe` makes of the checkpoint: `config` and the plan of its tensors. Remarks go to
// `notes`.
absl::StatusOr<TensorPlan> ReadPlan(const Checkpoint& checkpoint, const Recipe& recipe,
                                    const ConvertOptions& options, ModelConfig& config,
                                    std::vector<std::string>& notes) {
  ABSL_RETURN_IF_ERROR(RefuseForeignQuantization(checkpoint));
  ABSL_RETURN_IF_ERROR(RefuseUnmergedAdapters(checkpoint));
  ABSL_ASSIGN_OR_RETURN(config, ReadConfig(checkpoint, recipe, notes));
  const auto keep_going = [&options](absl::string_view head) {
    ConvertProgress progress;
    progress.total_bytes = 1;  // which isn't known yet, and none is done
    progress.tensor_name = head;
    return !options.progress || options.progress(progress);
  };
  ABSL_ASSIGN_OR_RETURN(TensorEvidence evidence,
                        ReadTensorEvidence(checkpoint, recipe, config, keep_going));
  ABSL_ASSIGN_OR_RETURN(TensorPlan plan,
                        PlanTensors(checkpoint, recipe, config, evidence.zero_biases));
  notes.insert(notes.end(), evidence.notes.begin(), evidence.notes.end());
  for (const std::string& line : plan.left_out) notes.push_back(absl::StrCat("left out: ", line));
  return plan;
}

std::vector<SourceForm> SourceForms(const Checkpoint& checkpoint, const TensorPlan& plan) {
  std::vector<SourceForm> forms;
  forms.reserve(plan.tensors.size());
  for (const PlannedTensor& tensor : plan.tensors) {
    SourceForm form;
    if (!tensor.source_indices.empty()) {
      form = {PlannedKeptType(checkpoint, tensor),
              PlannedStoredType(checkpoint, tensor).has_value(),
              checkpoint.tensors()[tensor.source_indices.front()].dtype};
    }
    forms.push_back(std::move(form));
  }
  return forms;
}

std::string DescribeOptions(const ConvertOptions& options, const VocabularyTypes& vocabulary,
                            absl::Span<const SourceForm> forms) {
  return absl::StrCat(
      "weights=", WeightsWish(options, forms), " embedding=", TensorTypeName(vocabulary.embedding),
      " head=", TensorTypeName(vocabulary.head),
      " scales=", options.search == ScaleSearch::kMaxAbs ? "max-abs" : "squared-error",
      options.quality == ConvertQuality::kBest ? " quality=best" : "");
}

// What BalanceColumns did, for adapters that are trained on the checkpoint's own matrices: norms
// have the inverse of what the matrices behind them have.
std::vector<ColumnExponents> ColumnsOf(const TensorPlan& plan, absl::Span<const TensorInfo> infos) {
  std::vector<ColumnExponents> columns;
  for (size_t i = 0; i < infos.size(); ++i) {
    const std::vector<float>& factors = plan.tensors[i].column_factors;
    if (infos[i].role != TensorRole::kNorm || factors.empty() ||
        !absl::EndsWith(infos[i].name, ".weight"))
      continue;
    ColumnExponents one = {infos[i].name, {}};
    for (const float factor : factors)
      one.exponents.push_back(static_cast<int8_t>(-std::ilogb(factor)));
    columns.push_back(std::move(one));
  }
  return columns;
}

// Chooses a type for every tensor of `plan`, whose other fields are set, and describes the choice
// in its provenance. A tied head gets a tensor of its own where the options ask for two types.
absl::Status PlanTypes(const Checkpoint& checkpoint, const ConvertOptions& options,
                       ConversionPlan& plan) {
  ModelConfig& config = plan.metadata.config;
  const VocabularyTypes vocabulary = ChooseVocabularyTypes(options, config);
  if (vocabulary.split_tied_head) {
    config.tied_head = false;
    plan.tensors = WithOwnHead(plan.tensors, config);
  }
  const std::vector<SourceForm> forms = SourceForms(checkpoint, plan.tensors);
  TypeChoice choice = ChooseTypes(TensorList(config), forms, options, vocabulary);
  plan.types = std::move(choice.types);
  plan.fallbacks = std::move(choice.fallbacks);
  plan.notes = std::move(choice.notes);
  plan.metadata.provenance.recipe = DescribeOptions(options, vocabulary, forms);
  if (options.quality == ConvertQuality::kBest) {
    ABSL_ASSIGN_OR_RETURN(
        const int num_balanced,
        BalanceColumns(checkpoint, config, options, *plan.importance, plan.types, plan.tensors));
    if (num_balanced > 0) {
      plan.notes.push_back(absl::StrCat("large columns of inputs moved into weights behind ",
                                        num_balanced, " norms, by powers of two"));
    }
  }
  plan.metadata.columns = ColumnsOf(plan.tensors, TensorList(config));
  if (!options.bits_per_weight.has_value()) return absl::OkStatus();
  return SpendBits(checkpoint, plan.tensors, config, options, *plan.importance, plan.types);
}

}  // namespace

absl::StatusOr<ConversionPlan> PlanConversion(const Checkpoint& checkpoint,
                                              const std::string& source_name,
                                              const ConvertOptions& options) {
  ConversionPlan plan;
  ABSL_ASSIGN_OR_RETURN(plan.importance, OpenImportance(options));
  ABSL_ASSIGN_OR_RETURN(const Recipe* recipe, FindRecipe(checkpoint.config()));
  plan.family = recipe->family;
  std::vector<std::string> notes = checkpoint.Notes();
  ABSL_ASSIGN_OR_RETURN(plan.tensors,
                        ReadPlan(checkpoint, *recipe, options, plan.metadata.config, notes));
  ABSL_ASSIGN_OR_RETURN(ImportedTokenizer imported,
                        checkpoint.ImportTokenizer(options.tokenizer_path));
  DropTokensWithoutRows(plan.metadata.config.vocab_size, imported);
  plan.metadata.provenance = {source_name, kGenerator, ""};
  ABSL_RETURN_IF_ERROR(PlanTypes(checkpoint, options, plan));

  for (std::string& note : imported.notes) {
    if (note != imported.prompt_template.note) plan.notes.push_back(std::move(note));
  }
  plan.notes.insert(plan.notes.end(), notes.begin(), notes.end());
  plan.metadata.tokenizer = std::move(imported.tokenizer);
  plan.metadata.prompt_template = std::move(imported.prompt_template);
  plan.tokenizer_source = std::move(imported.source);
  return plan;
}

}  // namespace inkling
