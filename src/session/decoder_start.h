// Start of a decoder: the one place of the session room that knows which backends there are.
//
// Today there is CpuDecoder alone. It packs the weights, or maps those that an earlier start kept.
// Another backend is chosen in these two functions; what they return is all that the rest of the
// room sees of it.

#ifndef INKLING_SRC_SESSION_DECODER_START_H_
#define INKLING_SRC_SESSION_DECODER_START_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "inkling/llm_options.h"
#include "src/decoder/cache_positions.h"
#include "src/decoder/decoder.h"
#include "src/format/model_reader.h"

namespace inkling {

struct StartedDecoder {
  std::unique_ptr<Decoder> decoder;
  std::string packed_weights;  // as ModelDescription's
};

// Makes the decoder of `reader`, which outlives it. `options` are in their ranges. With a
// cache_dir, packed weights are looked for there and kept there; nothing that goes wrong with them
// is an error. Errors: those of CpuDecoder::Create.
absl::StatusOr<StartedDecoder> StartDecoder(const ModelReader& reader, const ModelOptions& options);

// What StartDecoder and a cache of its decoder would use, without reading any weight. Errors: as
// those of both.
absl::StatusOr<MemoryEstimate> EstimateDecoder(const ModelReader& reader,
                                               const ModelOptions& options,
                                               const CacheOptions& cache_options);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_DECODER_START_H_
