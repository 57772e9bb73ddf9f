// The conversion from end to end: open, plan, choose types, stream rows, finish. Everything that
// can fail for reasons of the input fails before the output is created.

#include "converter/convert.h"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/checkpoint.h"
#include "converter/recipe.h"
#include "converter/row_encoder.h"
#include "converter/tensor_plan.h"
#include "converter/tokenizer_import.h"
#include "converter/type_choice.h"
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

absl::StatusOr<ModelConfig> ReadConfig(const Checkpoint& checkpoint, const Recipe& recipe) {
  ConfigFields fields(checkpoint.config(), "config.json");
  ModelConfig config = recipe.read_config(fields);
  ABSL_RETURN_IF_ERROR(fields.status());
  ABSL_RETURN_IF_ERROR(ValidateModelConfig(config));
  return config;
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
                            absl::Span<const std::optional<TensorType>> stored) {
  return absl::StrCat(
      "weights=", WeightsWish(options, stored), " embedding=", TensorTypeName(vocabulary.embedding),
      " head=", TensorTypeName(vocabulary.head),
      " scales=", options.search == ScaleSearch::kMaxAbs ? "max-abs" : "squared-error");
}

// Bytes of the checkpoint that `rows` rows of a planned tensor read.
int64_t SourceBytes(const Checkpoint& checkpoint, const PlannedTensor& tensor, int64_t rows) {
  const SourceTensor& source = checkpoint.tensors()[tensor.source_indices.front()];
  double values = 1;
  for (const int64_t size : source.shape) values *= static_cast<double>(size);
  return static_cast<int64_t>(static_cast<double>(source.bytes) *
                              static_cast<double>(rows * tensor.info.columns) / values);
}

// Bytes of the checkpoint that the tensors of `plan` read.
int64_t InputBytes(const Checkpoint& checkpoint, const TensorPlan& plan) {
  int64_t bytes = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    bytes += SourceBytes(checkpoint, tensor, tensor.info.rows);
  }
  return bytes;
}

// Streams every planned tensor into the writer and adds up what the summary says of them.
class TensorStream {
 public:
  TensorStream(const Checkpoint& checkpoint, const ConvertOptions& options, ModelWriter& writer)
      : checkpoint_(checkpoint),
        options_(options),
        writer_(writer),
        encoder_(checkpoint, options.search) {}

  absl::Status Run(const TensorPlan& plan, absl::Span<const TensorType> types) {
    progress_.total_bytes = InputBytes(checkpoint_, plan);
    progress_.num_tensors = plan.tensors.size();
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      ABSL_RETURN_IF_ERROR(WriteTensor(i, plan.tensors[i], types[i]));
    }
    return absl::OkStatus();
  }

  std::vector<TensorKindSummary> TakeKinds() {
    std::vector<TensorKindSummary> kinds;
    for (Kind& kind : kinds_) {
      kind.summary.relative_error =
          kind.squared_norm > 0 ? std::sqrt(kind.squared_error / kind.squared_norm) : 0.0;
      kinds.push_back(std::move(kind.summary));
    }
    return kinds;
  }

 private:
  struct Kind {
    TensorKindSummary summary;
    double squared_error = 0;
    double squared_norm = 0;
  };

  absl::Status WriteTensor(size_t index, const PlannedTensor& tensor, TensorType type) {
    Kind& kind = KindOf(tensor.info, type);
    ++kind.summary.num_tensors;
    progress_.tensor_index = index;
    progress_.tensor_name = tensor.info.name;
    const int64_t done_before = progress_.done_bytes;
    for (int64_t row = 0; row < tensor.info.rows;) {
      ABSL_ASSIGN_OR_RETURN(const std::vector<EncodedRows> slices,
                            encoder_.Encode(tensor, type, row));
      for (const EncodedRows& slice : slices) {
        ABSL_RETURN_IF_ERROR(
            writer_.WriteRows(index, slice.first_row, slice.bytes.values, slice.bytes.scales));
        kind.summary.num_values += slice.num_rows * tensor.info.columns;
        kind.summary.stored_bytes += slice.bytes.values.size() + slice.bytes.scales.size();
        kind.squared_error += slice.squared_error;
        kind.squared_norm += slice.squared_norm;
        row += slice.num_rows;
        progress_.done_bytes = done_before + SourceBytes(checkpoint_, tensor, row);
      }
      if (options_.progress && !options_.progress(progress_)) {
        return absl::CancelledError("the conversion was cancelled");
      }
    }
    return absl::OkStatus();
  }

  // One entry per kind and type; layers of one kind may differ in shape and so in type.
  Kind& KindOf(const TensorInfo& info, TensorType type) {
    const std::string name = TensorKind(info);
    for (Kind& kind : kinds_) {
      if (kind.summary.kind == name && kind.summary.type == type) return kind;
    }
    Kind& kind = kinds_.emplace_back();
    kind.summary.kind = name;
    kind.summary.type = type;
    return kind;
  }

  const Checkpoint& checkpoint_;
  const ConvertOptions& options_;
  ModelWriter& writer_;
  RowEncoder encoder_;
  ConvertProgress progress_;
  std::vector<Kind> kinds_;
};

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
                        Checkpoint::Open(checkpoint_path));
  ABSL_RETURN_IF_ERROR(CheckOutput(*checkpoint, output_path));
  ABSL_ASSIGN_OR_RETURN(const Recipe* recipe, FindRecipe(checkpoint->config()));
  ModelMetadata metadata;
  ABSL_ASSIGN_OR_RETURN(metadata.config, ReadConfig(*checkpoint, *recipe));
  ABSL_ASSIGN_OR_RETURN(TensorPlan plan, PlanTensors(*checkpoint, *recipe, metadata.config));
  ABSL_ASSIGN_OR_RETURN(ImportedTokenizer imported,
                        checkpoint->ImportTokenizer(options.tokenizer_path));

  const VocabularyTypes vocabulary = ChooseVocabularyTypes(options, metadata.config);
  if (vocabulary.split_tied_head) {
    metadata.config.tied_head = false;
    plan = WithOwnHead(plan, metadata.config);
  }
  std::vector<std::optional<TensorType>> stored;
  for (const PlannedTensor& tensor : plan.tensors) {
    stored.push_back(PlannedStoredType(*checkpoint, tensor));
  }
  TypeChoice choice = ChooseTypes(TensorList(metadata.config), stored, options, vocabulary);
  metadata.tokenizer = std::move(imported.tokenizer);
  metadata.prompt_template = std::move(imported.prompt_template);
  metadata.provenance = {SourceName(checkpoint_path), kGenerator,
                         DescribeOptions(options, vocabulary, stored)};

  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<ModelWriter> writer,
                        ModelWriter::Create(output_path, metadata, choice.types));
  TensorStream stream(*checkpoint, options, *writer);
  ABSL_RETURN_IF_ERROR(stream.Run(plan, choice.types));
  ABSL_RETURN_IF_ERROR(writer->Finish());

  ConvertSummary summary;
  summary.source_format = checkpoint->FormatName();
  summary.family = recipe->family;
  summary.kinds = stream.TakeKinds();
  summary.fallbacks = std::move(choice.fallbacks);
  summary.notes = std::move(choice.notes);
  for (std::string& note : imported.notes) {
    if (note != metadata.prompt_template.note) summary.notes.push_back(std::move(note));
  }
  for (const std::string& line : plan.left_out) {
    summary.notes.push_back(absl::StrCat("left out: ", line));
  }
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
