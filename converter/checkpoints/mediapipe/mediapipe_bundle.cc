// Entry names are those of MediaPipe's llm_bundler.py.

#include "converter/checkpoints/mediapipe/mediapipe_bundle.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "converter/checkpoints/mediapipe/mediapipe_file.h"
#include "converter/files/zip_directory.h"

namespace inkling {
namespace {

constexpr absl::string_view kModel = "TF_LITE_PREFILL_DECODE";
constexpr absl::string_view kTokenizer = "TOKENIZER_MODEL";
constexpr absl::string_view kMetadata = "METADATA";

constexpr absl::string_view kZipStart = "PK\x03\x04";
constexpr absl::string_view kLiteRtLmStart = "LITERTLM";
constexpr int64_t kStartBytes = 8;

constexpr int64_t kMaxTokenizerBytes = int64_t{64} << 20;
constexpr int64_t kMaxMetadataBytes = int64_t{1} << 20;

std::string StartOf(const InputFile& file) {
  std::string start(static_cast<size_t>(std::min(file.size(), kStartBytes)), '\0');
  const absl::Status read =
      file.ReadAt(0, absl::MakeSpan(reinterpret_cast<std::byte*>(start.data()), start.size()));
  return read.ok() ? start : "";
}

const ZipEntry* FindEntry(const std::vector<ZipEntry>& entries, absl::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const ZipEntry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

// The bytes of a small entry; empty if there is none.
absl::StatusOr<std::string> ReadEntry(const InputFile& file, const std::vector<ZipEntry>& entries,
                                      absl::string_view name, int64_t most_bytes) {
  const ZipEntry* entry = FindEntry(entries, name);
  if (entry == nullptr) return "";
  if (entry->bytes > most_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", name, ": expected at most ",
                                                   most_bytes, " bytes, found ", entry->bytes));
  }
  std::string bytes(static_cast<size_t>(entry->bytes), '\0');
  ABSL_RETURN_IF_ERROR(file.ReadAt(
      entry->offset, absl::MakeSpan(reinterpret_cast<std::byte*>(bytes.data()), bytes.size())));
  return bytes;
}

absl::Status WithoutModel(const InputFile& file, const std::vector<ZipEntry>& entries) {
  constexpr size_t kMostNames = 5;
  std::vector<absl::string_view> names;
  for (const ZipEntry& entry : entries) {
    if (names.size() < kMostNames) names.push_back(entry.name);
  }
  return absl::UnimplementedError(
      absl::StrCat(file.path(), ": a MediaPipe bundle (.task), expected an LLM in its entry ",
                   kModel, ", found ", entries.empty() ? "no entries" : absl::StrJoin(names, ", "),
                   entries.size() > kMostNames ? ", ..." : ""));
}

}  // namespace

bool LooksLikeMediapipeBundle(const InputFile& file) {
  const std::string start = StartOf(file);
  if (start == kLiteRtLmStart) return true;
  if (absl::StartsWith(start, kZipStart)) {
    const absl::StatusOr<std::vector<ZipEntry>> entries = ReadZipDirectory(file);
    return entries.ok() && FindEntry(*entries, kModel) != nullptr;
  }
  return start.size() == kStartBytes && absl::EndsWith(start, kZipStart);
}

absl::StatusOr<MediapipeBundle> ReadMediapipeBundle(const InputFile& file) {
  if (StartOf(file) == kLiteRtLmStart) {
    return absl::UnimplementedError(
        absl::StrCat(file.path(),
                     ": a .litertlm bundle, whose graphs of operators aren't read: convert the "
                     "checkpoint that it was made from"));
  }
  absl::StatusOr<std::vector<ZipEntry>> entries = ReadZipDirectory(file);
  if (!entries.ok()) {
    return absl::Status(entries.status().code(),
                        absl::StrCat(entries.status().message(), " (a MediaPipe bundle, .task)"));
  }
  const ZipEntry* model = FindEntry(*entries, kModel);
  if (model == nullptr) return WithoutModel(file, *entries);
  MediapipeBundle bundle;
  bundle.model_offset = model->offset;
  bundle.model_bytes = model->bytes;
  ABSL_ASSIGN_OR_RETURN(bundle.tokenizer,
                        ReadEntry(file, *entries, kTokenizer, kMaxTokenizerBytes));
  ABSL_ASSIGN_OR_RETURN(bundle.metadata, ReadEntry(file, *entries, kMetadata, kMaxMetadataBytes));
  for (const ZipEntry& entry : *entries) {
    if (entry.name != kModel && entry.name != kTokenizer && entry.name != kMetadata) {
      bundle.others.push_back(entry.name);
    }
  }
  return bundle;
}

absl::Status ApplyBundleMetadata(absl::string_view metadata, LlmParameters& parameters) {
  absl::StatusOr<LlmParameters> read = ReadLlmParameters(metadata);
  if (!read.ok()) {
    return absl::Status(read.status().code(),
                        absl::StrCat(kMetadata, ": ", read.status().message()));
  }
  if (read->start_token_id.has_value() || !read->start_token.empty()) {
    parameters.start_token_id = read->start_token_id;
    parameters.start_token = std::move(read->start_token);
  }
  if (!read->stop_tokens.empty() || !read->stop_token_ids.empty()) {
    parameters.stop_tokens = std::move(read->stop_tokens);
    parameters.stop_token_ids = std::move(read->stop_token_ids);
  }
  if (read->prompt_template.has_value() || read->user_template.has_value()) {
    parameters.prompt_template = std::move(read->prompt_template);
    parameters.user_template = std::move(read->user_template);
    parameters.model_template = std::move(read->model_template);
    parameters.system_template = std::move(read->system_template);
  }
  parameters.bytes_to_unicode |= read->bytes_to_unicode;
  return absl::OkStatus();
}

}  // namespace inkling
