// LoraFile: a LoRA adapter as inkling-convert writes it: low-rank matrices for some of a model's,
// in the model's own names and order of rows.
//
// A file of its own in the container of model files (container.h). It is bound to the base model by
// a fingerprint of config and vocabulary, which all conversions of a checkpoint share, so one
// adapter serves the int4 file and the int8 file. Everything in it has a checksum: the head as in
// model files, the matrices by adapter_id.

#ifndef INKLING_SRC_FORMAT_LORA_FILE_H_
#define INKLING_SRC_FORMAT_LORA_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace inkling {

// What is added to one matrix W: up * down. The factor of training (alpha / rank) is in `up`.
struct LoraMatrix {
  std::string weight;  // the tensor that it changes: "layers.3.attention.q.weight"
  int64_t num_inputs = 0;
  int64_t num_outputs = 0;
  int64_t rank = 0;
  std::vector<float> down;  // [rank][num_inputs]
  std::vector<float> up;    // [num_outputs][rank]
};

struct LoraFile {
  std::string base_fingerprint;  // ModelFingerprint of the base
  std::string base_source;       // what the base was converted from, for people
  std::string source;            // the adapter's own name, for people
  std::string generator;
  std::string adapter_id;            // 32 hex digits over fingerprint and matrices
  std::vector<LoraMatrix> matrices;  // by the order of the model's tensors

  // Null if the adapter doesn't change `weight`.
  const LoraMatrix* Find(absl::string_view weight) const;
};

// Largest rank of a matrix.
inline constexpr int64_t kMaxLoraRank = 4096;

// Writes `file` to `path`, under another name until it is complete. adapter_id is ignored: it is
// computed. Errors: InvalidArgument for matrices that aren't what they say; those of writing.
absl::Status WriteLoraFile(const std::string& path, const LoraFile& file);

// Reads and verifies all of `path`. Errors: NotFound; InvalidArgument for a file of another kind or
// a damaged one; Unimplemented for one of a newer version.
absl::StatusOr<LoraFile> ReadLoraFile(const std::string& path);

// Whether the container in `file` is an adapter's.
bool IsLoraFile(absl::Span<const std::byte> file);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_LORA_FILE_H_
