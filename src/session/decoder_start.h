// Start of a decoder: packs the weights, or maps those that an earlier start kept.

#ifndef INKLING_SRC_SESSION_DECODER_START_H_
#define INKLING_SRC_SESSION_DECODER_START_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "src/decoder/decoder.h"
#include "src/format/model_reader.h"

namespace inkling {

struct StartedDecoder {
  std::unique_ptr<Decoder> decoder;
  std::string packed_weights;  // as ModelDescription's
};

// Makes the decoder of `reader`, which outlives it. With a `cache_dir` that isn't empty, packed
// weights are looked for there and kept there; nothing that goes wrong with them is an error.
// Errors: those of Decoder::Create.
absl::StatusOr<StartedDecoder> StartDecoder(const ModelReader& reader,
                                            const DecoderOptions& options,
                                            const std::string& cache_dir);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_DECODER_START_H_
