// The tokenizer of a MediaPipe LLM file: the SentencePiece model inside it, with the ids and the
// prompt template that its LlmParameters say.

#ifndef INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_TOKENIZER_H_
#define INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_TOKENIZER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/checkpoints/mediapipe/llm_parameters.h"
#include "converter/tokenizer/tokenizer_import.h"

namespace inkling {

// `model` is the SentencePiece model of the file at `path`, empty where it has none;
// `vocabulary_path` names a file to use instead, empty for none. The start token goes in front of
// every text, as MediaPipe puts it. A vocabulary of GPT-2's characters for bytes gives the ids that
// MediaPipe gives (byte_characters.h), and a note. Errors: NotFound without a vocabulary;
// Unimplemented for one that can't be followed exactly; InvalidArgument for damage and for ids that
// the vocabulary doesn't have. Messages say which file to give instead.
absl::StatusOr<ImportedTokenizer> ImportMediapipeTokenizer(const std::string& path,
                                                           absl::string_view model,
                                                           const LlmParameters& parameters,
                                                           const std::string& vocabulary_path);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_TOKENIZER_H_
