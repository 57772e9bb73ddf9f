// Packed weights kept in a file, so that a later start maps them and packs nothing.
//
// A file belongs to one model and one packing (library version, CPU class); anything else in its
// place, or a damaged one, is an error that says what was found, and the caller packs anew. The
// file's head is checked in full, its data, which may be gigabytes, by samples.

#ifndef INKLING_SRC_COMPUTE_PACKED_WEIGHTS_FILE_H_
#define INKLING_SRC_COMPUTE_PACKED_WEIGHTS_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/compute/packed_weights.h"

namespace inkling {

// Names the layout into which this process packs: 32 hex digits, a hash of what small matrices of
// every type are packed into here. Equal for two processes exactly if they pack alike, whatever CPU
// or version of XNNPACK they have. Errors: Unimplemented (a CPU that XNNPACK doesn't support).
absl::StatusOr<std::string> PackingFingerprint();

// Writes all finished tensors to `path`, complete or not at all. `model_id` and `fingerprint` say
// whose they are. Errors: the file system's.
absl::Status SavePackedWeights(const PackedWeights& packed, const std::string& path,
                               absl::string_view model_id, absl::string_view fingerprint);

// Maps a file that SavePackedWeights wrote for the same model and packing. Errors: NotFound;
// InvalidArgument for any other file, naming what was expected and found.
absl::StatusOr<std::unique_ptr<PackedWeights>> LoadPackedWeights(const std::string& path,
                                                                 absl::string_view model_id,
                                                                 absl::string_view fingerprint);

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_PACKED_WEIGHTS_FILE_H_
