// torch.save's archives: the ZIP directory, the pickle in it, and the views it describes.

#include "absl/status/statusor.h"
#include "converter/checkpoints/pytorch/pytorch_archive.h"
#include "converter/files/input_file.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/weight_entries.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  const FuzzFile path(bytes);
  const absl::StatusOr<InputFile> file = InputFile::Open(path.path());
  Expect(file.ok(), "a file that opens");
  (void)LooksLikePytorch(*file);
  return ExpectInside(ReadPytorchArchive(*file), *file);
}

}  // namespace inkling
