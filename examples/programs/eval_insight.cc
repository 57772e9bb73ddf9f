// `score` and `embed`: what LlmSession::Score and Embed say.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "examples/programs/eval_commands.h"
#include "examples/programs/eval_session.h"
#include "examples/programs/npy_writer.h"
#include "examples/programs/text_windows.h"
#include "inkling/llm_insight.h"
#include "inkling/llm_session.h"
#include "nlohmann/json.hpp"

namespace inkling {
namespace {

using nlohmann::json;

// A JSON list of texts, or one text a line.
absl::StatusOr<std::vector<std::string>> ReadTexts(const std::string& path) {
  absl::StatusOr<std::string> text = ReadTextFile(path);
  if (!text.ok()) return text.status();
  const json list = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> texts;
  if (!list.is_array()) {
    for (const absl::string_view line : absl::StrSplit(*text, '\n')) texts.emplace_back(line);
    if (texts.back().empty()) texts.pop_back();  // behind the last line's end
    return texts;
  }
  for (const json& one : list) {
    if (!one.is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expected a list of texts, found ", one.dump(), " in it"));
    }
    texts.push_back(one.get<std::string>());
  }
  return texts;
}

void Print(const json& value) {
  std::printf("%s\n", value.dump(1, ' ', false, json::error_handler_t::replace).c_str());
}

absl::Status WriteNpy(const std::string& path, const std::vector<std::vector<float>>& vectors) {
  absl::StatusOr<NpyWriter> writer =
      NpyWriter::Create(path, static_cast<int64_t>(vectors.size()),
                        static_cast<int64_t>(vectors.empty() ? 0 : vectors[0].size()));
  if (!writer.ok()) return writer.status();
  absl::Status status;
  for (const std::vector<float>& vector : vectors) {
    if (status.ok()) status = writer->Write(vector);
  }
  if (status.ok()) status = writer->Finish();
  if (!status.ok()) std::remove(path.c_str());
  return status;
}

}  // namespace

absl::Status RunScore(const ScoreCommandOptions& options) {
  absl::StatusOr<std::vector<std::string>> continuations = ReadTexts(options.continuations);
  if (!continuations.ok()) return continuations.status();
  absl::StatusOr<std::unique_ptr<LlmSession>> session = OpenSession(options.model);
  if (!session.ok()) return session.status();
  const auto scores = (*session)->Score(options.text, *continuations);
  if (!scores.ok()) return scores.status();
  json list = json::array();
  for (size_t i = 0; i < scores->size(); ++i) {
    const ScoreResult& score = (*scores)[i];
    list.push_back({{"text", (*continuations)[i]},
                    {"log_probability", score.log_probability},
                    {"tokens", score.tokens},
                    {"log_probabilities", score.log_probabilities}});
  }
  Print(list);
  return absl::OkStatus();
}

absl::Status RunEmbed(const EmbedCommandOptions& options) {
  absl::StatusOr<std::vector<std::string>> texts = ReadTexts(options.texts);
  if (!texts.ok()) return texts.status();
  absl::StatusOr<std::unique_ptr<LlmSession>> session = OpenSession(options.model);
  if (!session.ok()) return session.status();
  const auto vectors = (*session)->Embed(
      *texts, {.pooling = options.pooling == "mean" ? Pooling::kMean : Pooling::kLast,
               .normalize = !options.raw});
  if (!vectors.ok()) return vectors.status();
  if (!options.output.empty()) return WriteNpy(options.output, *vectors);
  json list = json::array();
  for (size_t i = 0; i < vectors->size(); ++i)
    list.push_back({{"text", (*texts)[i]}, {"embedding", (*vectors)[i]}});
  Print(list);
  return absl::OkStatus();
}

}  // namespace inkling
