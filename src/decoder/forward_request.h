// ForwardRequest: one forward pass as its caller asks for it.
//
// Decoder::Forward takes one. It is written in the call, with designated initialisers, so that a
// caller names only what it wants to be other than usual, and a field can be added. `stop` may be a
// lambda that is written there too.

#ifndef INKLING_SRC_DECODER_FORWARD_REQUEST_H_
#define INKLING_SRC_DECODER_FORWARD_REQUEST_H_

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "src/decoder/adapter.h"
#include "src/decoder/kv_cache.h"
#include "src/decoder/matmul_observer.h"
#include "src/decoder/step_timer.h"

namespace inkling {

// Which tokens of a pass give an output row.
enum class OutputRows : uint8_t { kNone, kLast, kAll };

// What an output row is.
enum class OutputKind : uint8_t {
  kLogits,  // [vocab_size]
  kHidden,  // [hidden_dim]: the hidden state after the final norm, for embeddings and tests
};

// Asked between the steps of a pass, on the calling thread; true ends it.
using StopFunction = absl::FunctionRef<bool()>;

inline bool NeverStop() { return false; }

// What looks on while a pass runs; either may be null.
struct PassInstruments {
  const MatmulObserver* observer = nullptr;  // sees every matmul, on the calling thread
  StepTimer* timer = nullptr;  // gets the time of every step, those of a failed pass too
};

struct ForwardRequest {
  // 1 to Decoder::max_rows() ids in [0, vocab_size), for positions cache.length()...
  absl::Span<const int32_t> tokens;
  KvCache& cache;  // of the same decoder
  OutputRows rows = OutputRows::kNone;
  OutputKind kind = OutputKind::kLogits;
  absl::Span<float> output = {};                  // the asked rows, sized exactly; empty for kNone
  absl::Span<const ActiveAdapter> adapters = {};  // of the same decoder, at most kMaxAdapters
  StopFunction stop = &NeverStop;
  PassInstruments instruments = {};

  size_t num_outputs() const {
    return rows == OutputRows::kAll ? tokens.size() : rows == OutputRows::kLast ? 1 : 0;
  }
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_FORWARD_REQUEST_H_
