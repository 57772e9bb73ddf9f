// The header of safetensors files.

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/files/input_file.h"
#include "converter/files/safetensors_header.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/weight_entries.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  const FuzzFile path(bytes);
  const absl::StatusOr<InputFile> file = InputFile::Open(path.path());
  Expect(file.ok(), "a file that opens");
  (void)LooksLikeSafetensors(*file);
  return ExpectInside(ReadSafetensorsHeader(*file), *file);
}

}  // namespace inkling
