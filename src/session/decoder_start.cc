// A file's name holds the model's id and the packing, so that models and CPUs that share a folder
// (a home directory on a network) don't overwrite each other's files.

#include "src/session/decoder_start.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "src/compute/packed_weights.h"
#include "src/compute/packed_weights_file.h"
#include "src/decoder/decoder.h"
#include "src/format/model_reader.h"

namespace inkling {

absl::StatusOr<StartedDecoder> StartDecoder(const ModelReader& reader,
                                            const DecoderOptions& options,
                                            const std::string& cache_dir) {
  StartedDecoder started;
  if (cache_dir.empty()) {
    ABSL_ASSIGN_OR_RETURN(started.decoder, Decoder::Create(reader, options));
    started.packed_weights = "packed";
    return started;
  }
  ABSL_ASSIGN_OR_RETURN(const std::string fingerprint, PackingFingerprint());
  const std::string& model_id = reader.metadata().model_id;
  const std::string path =
      absl::StrCat(cache_dir, "/", model_id, "-", fingerprint.substr(0, 8), ".packed");
  absl::StatusOr<std::unique_ptr<PackedWeights>> kept =
      LoadPackedWeights(path, model_id, fingerprint);
  if (kept.ok()) {
    absl::StatusOr<std::unique_ptr<Decoder>> decoder =
        Decoder::Create(reader, options, *std::move(kept));
    if (decoder.ok()) {
      started.decoder = *std::move(decoder);
      started.packed_weights = absl::StrCat("mapped from ", path);
      return started;
    }
  }
  ABSL_ASSIGN_OR_RETURN(started.decoder, Decoder::Create(reader, options));
  const absl::Status saved =
      SavePackedWeights(started.decoder->packed_weights(), path, model_id, fingerprint);
  started.packed_weights = saved.ok() ? absl::StrCat("packed and kept in ", path)
                                      : absl::StrCat("packed; not kept: ", saved.message());
  return started;
}

}  // namespace inkling
