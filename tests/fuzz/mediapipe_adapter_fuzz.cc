// MediaPipe's LoRA files: flatbuffer, parameters and matrices.

#include "converter/files/input_file.h"
#include "converter/lora/mediapipe_adapter.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  const FuzzFile written(bytes);
  const absl::StatusOr<InputFile> file = InputFile::Open(written.path());
  return file.ok() && ReadMediapipeAdapter(*file, MediapipeOutputProjection::kMeant).ok();
}

}  // namespace inkling
