// Model files: ModelReader::Open and what is made of its metadata.
//
// The checksum over the head is put right first, so that the checks behind it are reached.

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "src/format/container.h"
#include "src/format/model_reader.h"
#include "src/text/prompt_template.h"
#include "tests/format/model_parts.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/fuzzed_tokenizer.h"

namespace inkling {
namespace {

std::string WithChecksum(absl::string_view bytes) {
  std::string file(bytes);
  // Aligned as a mapping is.
  const size_t size = (file.size() + 63) / 64 * 64;
  std::unique_ptr<std::byte, decltype(&std::free)> aligned(
      static_cast<std::byte*>(std::aligned_alloc(64, size + 64)), &std::free);
  std::copy(file.begin(), file.end(), reinterpret_cast<char*>(aligned.get()));
  const absl::StatusOr<Container> container = DecodeContainer({aligned.get(), file.size()});
  if (container.ok() && container->checksum.size == kChecksumBytes) Seal(file, container->checksum);
  return file;
}

}  // namespace

bool FuzzOne(absl::string_view bytes) {
  const FuzzFile file(WithChecksum(bytes));
  const absl::StatusOr<std::unique_ptr<ModelReader>> reader = ModelReader::Open(file.path());
  if (!reader.ok()) return false;
  const ModelMetadata& metadata = (*reader)->metadata();
  UseTokenizer(metadata.tokenizer);
  (void)PromptTemplate::Create(metadata.prompt_template);
  int sum = 0;
  for (const TensorView& view : (*reader)->tensors()) {
    sum += std::to_integer<int>(view.values[0]) +
           std::to_integer<int>(view.values[view.value_bytes - 1]);
    if (view.scale_bytes > 0) sum += std::to_integer<int>(view.scales[view.scale_bytes - 1]);
  }
  Expect(sum >= 0, "tensors inside the file");
  return true;
}

}  // namespace inkling
