// The conversion from end to end: open, plan, stream rows, finish, sum up. Everything that can fail
// for reasons of the input fails before the output is created.

#include "converter/convert.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/conversion_plan.h"
#include "converter/tensor_stream.h"
#include "src/format/model_writer.h"
#include "src/format/tokenizer_data.h"

namespace inkling {
namespace {

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

std::string DescribeTokenizer(const TokenizerData& data, const std::string& source) {
  const char* kind = data.kind == TokenizerKind::kByteLevelBpe   ? "byte-level BPE"
                     : data.kind == TokenizerKind::kCodepointBpe ? "BPE of characters"
                                                                 : "unigram";
  const std::string file = std::filesystem::path(source).filename().string();
  return absl::StrCat(kind, ", ", data.piece_types.size(), " pieces, from ", file);
}

std::string DescribeTemplate(const PromptTemplateData& prompt_template) {
  if (prompt_template.name.empty()) {
    return absl::StrCat("none (plain text): ", prompt_template.note);
  }
  if (prompt_template.note.empty()) return prompt_template.name;
  return absl::StrCat(prompt_template.name, " (", prompt_template.note, ")");
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

// What is to be said of a conversion by `plan`, whose notes and metadata move into it.
ConvertSummary Summarize(const Checkpoint& checkpoint, ConversionPlan plan, TensorStream& stream) {
  ConvertSummary summary;
  summary.source_format = checkpoint.FormatName();
  summary.family = std::move(plan.family);
  summary.kinds = stream.TakeKinds();
  summary.expected_divergence = stream.expected_divergence();
  summary.fallbacks = std::move(plan.fallbacks);
  summary.notes = std::move(plan.notes);
  summary.tokenizer = DescribeTokenizer(plan.metadata.tokenizer, plan.tokenizer_source);
  summary.prompt_template = DescribeTemplate(plan.metadata.prompt_template);
  summary.config = std::move(plan.metadata.config);
  summary.input_bytes = InputBytes(checkpoint, plan.tensors);
  AddTotals(summary);
  return summary;
}

}  // namespace

absl::StatusOr<ConvertSummary> ConvertCheckpoint(const std::string& checkpoint_path,
                                                 const std::string& output_path,
                                                 const ConvertOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<Checkpoint> checkpoint,
                        Checkpoint::Open(checkpoint_path, options.variant));
  ABSL_RETURN_IF_ERROR(CheckOutput(*checkpoint, output_path));
  ABSL_ASSIGN_OR_RETURN(ConversionPlan plan,
                        PlanConversion(*checkpoint, SourceName(checkpoint_path), options));

  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<ModelWriter> writer,
                        ModelWriter::Create(output_path, plan.metadata, plan.types));
  TensorStream stream(*checkpoint, plan.metadata.config, options, plan.importance.get());
  ABSL_RETURN_IF_ERROR(stream.Run(plan.tensors, plan.types, *writer));
  ABSL_RETURN_IF_ERROR(writer->Finish());

  ConvertSummary summary = Summarize(*checkpoint, std::move(plan), stream);
  std::error_code error;
  summary.file_bytes = static_cast<int64_t>(std::filesystem::file_size(output_path, error));
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return summary;
}

}  // namespace inkling
