// Vocabulary, then ids, then the template. How MediaPipe uses a template: llm_inference's
// prompt_utils.cc.

#include "converter/checkpoints/mediapipe/mediapipe_tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "converter/tokenizer/byte_characters.h"
#include "converter/tokenizer/tokenizer_additions.h"
#include "src/text/pieces.h"

namespace inkling {
namespace {

constexpr char kGiveOne[] =
    "; give the tokenizer.json or tokenizer.model of the model that the file was made from";

constexpr char kOwnIds[] =
    "the vocabulary inside the file gives MediaPipe's own ids, which differ here and there from "
    "those of the model's tokenizer.json, as it doesn't cut texts into words (contractions behind "
    "a space) and spells <|endoftext|> out; --tokenizer=tokenizer.json takes the other";

absl::StatusOr<ImportedTokenizer> ImportVocabulary(const std::string& path, absl::string_view model,
                                                   const LlmParameters& parameters,
                                                   const std::string& vocabulary_path) {
  if (!vocabulary_path.empty()) return ImportTokenizerFile(vocabulary_path);
  if (model.empty()) {
    return absl::NotFoundError(absl::StrCat(path, ": no spm_vocab_model inside", kGiveOne));
  }
  ImportedTokenizer imported;
  absl::StatusOr<TokenizerData> data = ParseSentencePieceModel(model);
  absl::Status status = data.ok() ? CheckTokenizerData(*data) : data.status();
  if (status.ok() && parameters.bytes_to_unicode) {
    status = CharactersToBytes(*data);
    imported.notes.emplace_back(kOwnIds);
  }
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat(path, ": spm_vocab_model: ", status.message(), kGiveOne));
  }
  imported.tokenizer = *std::move(data);
  imported.source = path;
  return imported;
}

absl::Status ApplyStart(const LlmParameters& parameters, TokenizerData& data) {
  std::optional<int64_t> start = parameters.start_token_id;
  if (!parameters.start_token.empty()) start = FindToken(data, parameters.start_token);
  if (!start.has_value() && parameters.start_token.empty()) return absl::OkStatus();
  if (!start.has_value() || *start < 0 || *start >= NumPieces(data)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "LlmParameters: start token: expected one of the ", NumPieces(data), " pieces, found ",
        start.has_value() ? absl::StrCat(*start)
                          : absl::StrCat("\"", parameters.start_token, "\"")));
  }
  data.bos_id = static_cast<int32_t>(*start);
  data.add_bos = true;
  return absl::OkStatus();
}

void ApplyStops(const LlmParameters& parameters, ImportedTokenizer& imported) {
  for (const int64_t id : parameters.stop_token_ids) AddStopId(id, imported.tokenizer);
  for (const std::string& text : parameters.stop_tokens) {
    const std::optional<int32_t> id = FindToken(imported.tokenizer, text);
    if (id.has_value()) {
      AddStopId(*id, imported.tokenizer);
    } else {
      imported.notes.push_back(
          absl::StrCat("the stop token '", text, "' is no token of the vocabulary"));
    }
  }
}

// Old files have one template around the whole prompt. MediaPipe ends the user's turn at its first
// line break behind the prompt; what follows opens the model's turn.
PromptTemplateData WholePromptTemplate(const MediapipePromptTemplate& whole) {
  PromptTemplateData data;
  data.session_prefix = whole.session_prefix;
  data.user.prefix = whole.prefix;
  const size_t line = whole.suffix.find('\n');
  const size_t split = line == std::string::npos ? 0 : line + 1;
  data.user.suffix = whole.suffix.substr(0, split);
  data.model.prefix = whole.suffix.substr(split);
  if (absl::StrContains(whole.prefix, "<start_of_turn>")) data.model.suffix = data.user.suffix;
  return data;
}

// Templates write the start token as a word of theirs. One that is an ordinary piece (Falcon's)
// can't be told from text there.
void AddStartToken(ImportedTokenizer& imported, PromptTemplateData& data) {
  const TokenizerData& tokenizer = imported.tokenizer;
  if (!tokenizer.add_bos) return;
  const bool is_word =
      std::any_of(tokenizer.added_tokens.begin(), tokenizer.added_tokens.end(),
                  [&tokenizer](const AddedToken& token) { return token.id == tokenizer.bos_id; });
  const std::string start = TokenContent(tokenizer, tokenizer.bos_id);
  if (is_word) {
    data.session_prefix = absl::StrCat(start, data.session_prefix);
  } else {
    imported.notes.push_back(absl::StrCat("conversations don't begin with the start token '", start,
                                          "', which is an ordinary piece of text"));
  }
}

void ApplyTemplate(const LlmParameters& parameters, ImportedTokenizer& imported) {
  PromptTemplateData data;
  if (parameters.user_template.has_value()) {
    data.session_prefix = parameters.user_template->session_prefix;
    data.user = {parameters.user_template->prefix, parameters.user_template->suffix};
    data.model = {parameters.model_template.prefix, parameters.model_template.suffix};
    data.system = {parameters.system_template.prefix, parameters.system_template.suffix};
    if (!data.system.prefix.empty()) data.system_placement = SystemPlacement::kOwnTurn;
  } else if (parameters.prompt_template.has_value()) {
    data = WholePromptTemplate(*parameters.prompt_template);
  } else {
    data.note = "the file has no prompt template";
    AddPromptTemplate(std::move(data), imported);
    return;
  }
  data.name = "mediapipe";
  data.note = "the file's own template";
  data.generation_prompt = data.model.prefix;
  AddStartToken(imported, data);
  AddPromptTemplate(std::move(data), imported);
}

}  // namespace

absl::StatusOr<ImportedTokenizer> ImportMediapipeTokenizer(const std::string& path,
                                                           absl::string_view model,
                                                           const LlmParameters& parameters,
                                                           const std::string& vocabulary_path) {
  ABSL_ASSIGN_OR_RETURN(ImportedTokenizer imported,
                        ImportVocabulary(path, model, parameters, vocabulary_path));
  absl::Status applied = ApplyStart(parameters, imported.tokenizer);
  if (applied.ok()) {
    ApplyStops(parameters, imported);
    ApplyTemplate(parameters, imported);
    applied = CheckTokenizerData(imported.tokenizer);
  }
  if (applied.ok()) return imported;
  return absl::Status(applied.code(), absl::StrCat(path, ": ", applied.message()));
}

}  // namespace inkling
