// The conversion from end to end: open, plan, choose types, stream rows, finish. Everything that
// can fail for reasons of the input fails before the output is created.

#include "converter/convert.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/checkpoints/foreign_quantization.h"
#include "converter/checkpoints/wrapper_names.h"
#include "converter/files/config_fields.h"
#include "converter/plan/tensor_evidence.h"
#include "converter/plan/tensor_plan.h"
#include "converter/plan/type_choice.h"
#include "converter/quantize/bit_budget.h"
#include "converter/quantize/column_balance.h"
#include "converter/quantize/importance_file.h"
#include "converter/recipes/config_keys.h"
#include "converter/recipes/recipe.h"
#include "converter/tensor_stream.h"
#include "converter/tokenizer/tokenizer_additions.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "src/format/model_reader.h"
#include "src/format/model_writer.h"

namespace inkling {
namespace {

constexpr char kGenerator[] = "inkling-convert " INKLING_VERSION;

absl::Status CheckOutput(const Checkpoint& checkpoint, const std::string& output_path) {
  std::error_code error;
  if (std::filesystem::is_directory(output_path, error)) {
    return absl::FailedPreconditionError(
        absl::StrCat(output_path, ": expected a file name for the output, found a folder"));
  }
  for (const std::string& input : checkpoint.Files()) {
    if (std::filesystem::equivalent(input, output_path, error) && !error) {
      return absl::FailedPreconditionError(
          absl::StrCat(output_path, ": the output would replace a file of the checkpoint"));
    }
  }
  return absl::OkStatus();
}

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

std::string DescribeTokenizer(const ImportedTokenizer& imported) {
  const TokenizerData& data = imported.tokenizer;
  const char* kind = data.kind == TokenizerKind::kByteLevelBpe   ? "byte-level BPE"
                     : data.kind == TokenizerKind::kCodepointBpe ? "BPE of characters"
                                                                 : "unigram";
  const std::string file = std::filesystem::path(imported.source).filename().string();
  return absl::StrCat(kind, ", ", data.piece_types.size(), " pieces, from ", file);
}

std::string DescribeTemplate(const PromptTemplateData& prompt_template) {
  if (prompt_template.name.empty()) {
    return absl::StrCat("none (plain text): ", prompt_template.note);
  }
  if (prompt_template.note.empty()) return prompt_template.name;
  return absl::StrCat(prompt_template.name, " (", prompt_template.note, ")");
}

std::string DescribeOptions(const ConvertOptions& options, const VocabularyTypes& vocabulary,
                            absl::Span<const SourceForm> forms) {
  return absl::StrCat(
      "weights=", WeightsWish(options, forms), " embedding=", TensorTypeName(vocabulary.embedding),
      " head=", TensorTypeName(vocabulary.head),
      " scales=", options.search == ScaleSearch::kMaxAbs ? "max-abs" : "squared-error",
      options.quality == ConvertQuality::kBest ? " quality=best" : "");
}

void AddTotals(ConvertSummary& summary) {
  int64_t stored_bytes = 0;
  for (const TensorKindSummary& kind : summary.kinds) {
    summary.num_weights += kind.num_values;
    stored_bytes += kind.stored_bytes;
  }
  summary.bits_per_weight = 8.0 * static_cast<double>(stored_bytes) / summary.num_weights;
}

// The name that the checkpoint goes by: its folder's or its file's.
std::string SourceName(const std::string& checkpoint_path) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(checkpoint_path, error);
  if (path.filename().empty()) path = path.parent_path();
  return path.filename().string();
}

}  // namespace

absl::StatusOr<ConvertSummary> ConvertCheckpoint(const std::string& checkpoint_path,
                                                 const std::string& output_path,
                                                 const ConvertOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<Checkpoint> checkpoint,
                        Checkpoint::Open(checkpoint_path, options.variant));
  ABSL_RETURN_IF_ERROR(CheckOutput(*checkpoint, output_path));
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<ImportanceFile> importance, OpenImportance(options));
  ABSL_ASSIGN_OR_RETURN(const Recipe* recipe, FindRecipe(checkpoint->config()));
  ModelMetadata metadata;
  std::vector<std::string> notes = checkpoint->Notes();
  ABSL_ASSIGN_OR_RETURN(TensorPlan plan,
                        ReadPlan(*checkpoint, *recipe, options, metadata.config, notes));
  ABSL_ASSIGN_OR_RETURN(ImportedTokenizer imported,
                        checkpoint->ImportTokenizer(options.tokenizer_path));
  DropTokensWithoutRows(metadata.config.vocab_size, imported);

  const VocabularyTypes vocabulary = ChooseVocabularyTypes(options, metadata.config);
  if (vocabulary.split_tied_head) {
    metadata.config.tied_head = false;
    plan = WithOwnHead(plan, metadata.config);
  }
  const std::vector<SourceForm> forms = SourceForms(*checkpoint, plan);
  TypeChoice choice = ChooseTypes(TensorList(metadata.config), forms, options, vocabulary);
  int num_balanced = 0;
  if (options.quality == ConvertQuality::kBest) {
    ABSL_ASSIGN_OR_RETURN(num_balanced, BalanceColumns(*checkpoint, metadata.config, options,
                                                       *importance, choice.types, plan));
  }
  if (options.bits_per_weight.has_value()) {
    ABSL_RETURN_IF_ERROR(
        SpendBits(*checkpoint, plan, metadata.config, options, *importance, choice.types));
  }
  metadata.tokenizer = std::move(imported.tokenizer);
  metadata.prompt_template = std::move(imported.prompt_template);
  metadata.provenance = {SourceName(checkpoint_path), kGenerator,
                         DescribeOptions(options, vocabulary, forms)};

  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<ModelWriter> writer,
                        ModelWriter::Create(output_path, metadata, choice.types));
  TensorStream stream(*checkpoint, metadata.config, options, importance.get());
  ABSL_RETURN_IF_ERROR(stream.Run(plan, choice.types, *writer));
  ABSL_RETURN_IF_ERROR(writer->Finish());

  ConvertSummary summary;
  summary.source_format = checkpoint->FormatName();
  summary.family = recipe->family;
  summary.kinds = stream.TakeKinds();
  summary.expected_divergence = stream.expected_divergence();
  summary.fallbacks = std::move(choice.fallbacks);
  summary.notes = std::move(choice.notes);
  if (num_balanced > 0) {
    summary.notes.push_back(absl::StrCat("large columns of inputs moved into weights behind ",
                                         num_balanced, " norms, by powers of two"));
  }
  for (std::string& note : imported.notes) {
    if (note != metadata.prompt_template.note) summary.notes.push_back(std::move(note));
  }
  summary.notes.insert(summary.notes.end(), notes.begin(), notes.end());
  imported.tokenizer = std::move(metadata.tokenizer);
  summary.tokenizer = DescribeTokenizer(imported);
  summary.prompt_template = DescribeTemplate(metadata.prompt_template);
  summary.config = std::move(metadata.config);
  summary.input_bytes = InputBytes(*checkpoint, plan);
  std::error_code error;
  summary.file_bytes = static_cast<int64_t>(std::filesystem::file_size(output_path, error));
  AddTotals(summary);
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return summary;
}

}  // namespace inkling
