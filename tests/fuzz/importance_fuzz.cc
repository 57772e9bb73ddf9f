// Files of measured importance, which are safetensors with names of their own.

#include <memory>

#include "absl/status/statusor.h"
#include "converter/quantize/importance_file.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  const FuzzFile path(bytes);
  const absl::StatusOr<std::unique_ptr<ImportanceFile>> file = ImportanceFile::Open(path.path());
  if (!file.ok()) return false;
  (void)(*file)->ReadInputs("layers.0.attention.q.weight", 32);
  (void)(*file)->Outputs("layers.0.attention.q.weight");
  return true;
}

}  // namespace inkling
