// The contents of a hand-written MediaPipe LLM file (gemma-2b-it-cpu-int8.bin, falcon_gpu.bin and
// their like): a TensorFlow Lite flatbuffer without operators, used as a bag of named tensors.
//
// The MediaPipe reader opens files with it. The flatbuffer lies in the first MiB; every buffer says
// where in the file its bytes are. Of Model.metadata, "odml.infra.proto.LlmParameters" names the
// buffer of a protocol buffer, "spm_vocab_model" that of a SentencePiece model, "backend" that of
// the word cpu or gpu, and the buffer number of "odml.infra.LlmModelType" is no buffer but the
// type. Files for gpu don't say the shapes of their tensors, only their bytes.

#ifndef INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_FILE_H_
#define INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/files/input_file.h"

namespace inkling {

// True if `file` is a TensorFlow Lite flatbuffer of any kind. Those that are no MediaPipe LLM files
// ReadMediapipeFile tells from them and says what they are.
bool LooksLikeTflite(const InputFile& file);

enum class MediapipeBackend : uint8_t { kCpu, kGpu };

struct MediapipeTensor {
  enum class Type : uint8_t { kF32, kF16, kInt8, kInt4, kInt32 };
  std::string name;
  Type type = Type::kF32;
  std::vector<int64_t> shape;  // for gpu: the number of bytes
  int64_t offset = 0;          // in the file
  int64_t bytes = 0;           // what shape and type need
};

struct MediapipeFile {
  MediapipeBackend backend = MediapipeBackend::kCpu;
  std::vector<MediapipeTensor> tensors;
  int64_t lora_rank = 0;   // of adapters
  int64_t model_type = 0;  // odml.infra.proto.LlmModelType
  std::string parameters;  // the serialised LlmParameters
  std::string tokenizer;   // the SentencePiece model; empty if there is none
};

// Reads and checks everything but the tensors' values. Errors (all name the file): InvalidArgument
// for a model file of Inkling's own, and for damage (which tensor or entry, expected, found);
// Unimplemented for other TensorFlow Lite models (graphs of operators), for LoRA adapters, and for
// tensors of other types.
absl::StatusOr<MediapipeFile> ReadMediapipeFile(const InputFile& file);

// The same for a LoRA adapter, which has the form of a file for gpu, and an entry "lora_rank" whose
// buffer number is the rank. Errors: as above, InvalidArgument for a model, too.
absl::StatusOr<MediapipeFile> ReadMediapipeAdapterFile(const InputFile& file);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_FILE_H_
