// `logits`, `generate`, `tokenize`: what a model does with exact token ids.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "examples/programs/eval_commands.h"
#include "examples/programs/eval_session.h"
#include "examples/programs/npy_writer.h"
#include "examples/programs/text_windows.h"
#include "examples/programs/token_list.h"
#include "inkling/llm_session.h"
#include "src/format/model_reader.h"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

absl::StatusOr<std::unique_ptr<const Tokenizer>> OpenTokenizer(
    const TokenizeCommandOptions& options) {
  if (options.model.empty() == options.tokenizer.empty()) {
    return absl::InvalidArgumentError(
        "give either --model FILE or --tokenizer tokenizer.json|tokenizer.model");
  }
  if (!options.model.empty()) {
    absl::StatusOr<std::unique_ptr<ModelReader>> reader = ModelReader::Open(options.model);
    if (!reader.ok()) return reader.status();
    return Tokenizer::Create((*reader)->metadata().tokenizer);
  }
  absl::StatusOr<ImportedTokenizer> imported = ImportTokenizerFile(options.tokenizer);
  if (!imported.ok()) return imported.status();
  return Tokenizer::Create(std::move(imported->tokenizer));
}

absl::StatusOr<std::string> ReadInput(const std::string& file) {
  if (!file.empty()) return ReadTextFile(file);
  return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
}

}  // namespace

absl::Status RunLogits(const LogitsOptions& options) {
  absl::StatusOr<std::vector<int32_t>> tokens = ParseTokenList(options.tokens);
  if (!tokens.ok()) return tokens.status();
  absl::StatusOr<std::unique_ptr<WindowRunner>> runner =
      WindowRunner::Create(options.model, static_cast<int32_t>(tokens->size()));
  if (!runner.ok()) return runner.status();
  absl::StatusOr<NpyWriter> writer =
      NpyWriter::Create(options.output, static_cast<int64_t>(tokens->size()),
                        (*runner)->engine().config().vocab_size);
  if (!writer.ok()) return writer.status();
  absl::Status status = (*runner)->Run(
      *tokens, 0,
      [&](int32_t, absl::Span<const float> rows) -> absl::Status { return writer->Write(rows); });
  if (status.ok()) status = writer->Finish();
  if (!status.ok()) std::remove(options.output.c_str());
  return status;
}

absl::Status RunGenerateTokens(const GenerateTokensOptions& options) {
  absl::StatusOr<std::vector<int32_t>> tokens = ParseTokenList(options.tokens);
  if (!tokens.ok()) return tokens.status();
  absl::StatusOr<std::unique_ptr<LlmSession>> session = OpenSession(options.model);
  if (!session.ok()) return session.status();
  GenerateOptions generate;
  generate.max_new_tokens = options.max_new_tokens;
  generate.sampling.temperature = 0;
  generate.ignore_model_stop_tokens = options.ignore_eos;
  absl::StatusOr<GenerateResult> result = (*session)->GenerateFromTokens(*tokens, generate);
  if (!result.ok()) return result.status();
  std::printf("%s\n", absl::StrJoin(result->tokens, " ").c_str());
  return absl::OkStatus();
}

absl::Status RunTokenize(const TokenizeCommandOptions& options) {
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = OpenTokenizer(options);
  if (!tokenizer.ok()) return tokenizer.status();
  absl::StatusOr<std::string> input = ReadInput(options.file);
  if (!input.ok()) return input.status();
  if (options.decode) {
    absl::StatusOr<std::vector<int32_t>> tokens = ParseTokenList(*input);
    if (!tokens.ok()) return tokens.status();
    DecodeOptions decode;
    if (options.parse_special) decode.special_tokens = SpecialTokenText::kShow;
    absl::StatusOr<std::string> text = (*tokenizer)->Decode(*tokens, decode);
    if (!text.ok()) return text.status();
    std::fwrite(text->data(), 1, text->size(), stdout);
    return absl::OkStatus();
  }
  EncodeOptions encode;
  if (options.parse_special) encode.markup = Markup::kParse;
  if (options.add_special) encode.added_ids = AddedIds::kAsVocabularySays;
  absl::StatusOr<std::vector<int32_t>> tokens = (*tokenizer)->Encode(*input, encode);
  if (!tokens.ok()) return tokens.status();
  std::printf("%s\n", absl::StrJoin(*tokens, " ").c_str());
  return absl::OkStatus();
}

}  // namespace inkling
