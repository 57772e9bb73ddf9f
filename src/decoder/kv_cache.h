// KvCache: what a model remembers of a session's tokens, as the session sees it.
//
// Its positions are the same for every backend. What is stored for them is not: a backend derives
// its cache from this one, makes it in Decoder::CreateCache and gets it back in Decoder::Forward.
// Layers may differ in windows, heads and sizes, keep nothing at all, or read what another layer
// keeps; only the backend knows. A layer without attention keeps the last rows of a convolution, or
// a recurrent state that can't be cut back: its backend restores a snapshot in Rewind and says in
// RewindTarget where it has one. Not thread-safe.

#ifndef INKLING_SRC_DECODER_KV_CACHE_H_
#define INKLING_SRC_DECODER_KV_CACHE_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/decoder/cache_positions.h"
#include "src/format/byte_stream.h"

namespace inkling {

class KvCache {
 public:
  virtual ~KvCache() = default;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  int32_t length() const { return positions_.length(); }  // committed positions
  int32_t capacity() const { return positions_.capacity(); }
  int32_t max_chunk() const { return positions_.max_chunk(); }

  // The latest position that Rewind can go back to, of those up to `position` (0 to length()). The
  // tokens between the two have to be computed again; 0 is always possible.
  virtual int32_t RewindTarget(int32_t position) const {
    return position < positions_.rewind_floor() ? 0 : position;
  }
  // Forgets positions >= `position`, a RewindTarget. Errors: OutOfRange for any other.
  virtual absl::Status Rewind(int32_t position) { return positions_.Rewind(position); }

  // Committed rows as a stream of bytes, which a cache of the same model, of the same StateFormat()
  // and of any capacity that they fit in can hold again. The name says how rows are stored, so that
  // another backend's stream is told from one's own; computing the tokens again replaces it.
  virtual absl::string_view StateFormat() const = 0;
  // What WriteState will write.
  virtual int64_t StateBytes() const = 0;
  // Rows that were rewound aren't written. Errors: those of `sink`.
  virtual absl::Status WriteState(ByteSink sink) const = 0;
  // Makes an empty cache hold what WriteState wrote. What can't have been written is an error, and
  // leaves a cache that may only be dropped or rewound to 0: InvalidArgument (also where it doesn't
  // fit), those of `source`.
  virtual absl::Status ReadState(ByteSource source) = 0;

  // For the decoder, which stages and commits the rows of its passes.
  CachePositions& positions() { return positions_; }
  const CachePositions& positions() const { return positions_; }

 protected:
  explicit KvCache(CachePositions positions) : positions_(std::move(positions)) {}

 private:
  CachePositions positions_;
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_KV_CACHE_H_
