// MediaPipe's .task bundles: ZIP archives, stored, of a model file, a SentencePiece model and
// LlmParameters without a transformer.
//
// The MediaPipe reader opens them and reads the model where it lies, if it is a hand-written LLM
// file (bundles for the web have those); a graph of operators it refuses.

#ifndef INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_BUNDLE_H_
#define INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_BUNDLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/checkpoints/mediapipe/llm_parameters.h"
#include "converter/files/input_file.h"

namespace inkling {

// True for a ZIP archive as MediaPipe's bundler writes it, whose first entry stands at byte 4, for
// another that has a bundle's model among its entries, and for a .litertlm file (which
// ReadMediapipeBundle refuses).
bool LooksLikeMediapipeBundle(const InputFile& file);

struct MediapipeBundle {
  int64_t model_offset = 0;  // of TF_LITE_PREFILL_DECODE, in the file
  int64_t model_bytes = 0;
  std::string tokenizer;            // TOKENIZER_MODEL; empty if there is none
  std::string metadata;             // METADATA; empty if there is none
  std::vector<std::string> others;  // names of entries that aren't read (encoders of images)
};

// Errors (all name the file): those of ReadZipDirectory; Unimplemented for a bundle without an LLM,
// for one whose model is no TensorFlow Lite file, and for .litertlm files; InvalidArgument for an
// entry that is too large.
absl::StatusOr<MediapipeBundle> ReadMediapipeBundle(const InputFile& file);

// Replaces what METADATA says (start and stop tokens, templates, the form of the vocabulary) in the
// parameters of the bundle's model. Errors: those of ReadLlmParameters; Unimplemented for metadata
// of another kind.
absl::Status ApplyBundleMetadata(absl::string_view metadata, LlmParameters& parameters);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_BUNDLE_H_
