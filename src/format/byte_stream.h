// ByteSink and ByteSource: where a stream of bytes goes, and where it comes from.
//
// What writes or reads a stream piece by piece takes one of them, and so needn't know whether there
// is a file, a checksum or an app's function at the other end.

#ifndef INKLING_SRC_FORMAT_BYTE_STREAM_H_
#define INKLING_SRC_FORMAT_BYTE_STREAM_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"

namespace inkling {

// Takes the next bytes of the stream.
using ByteSink = absl::FunctionRef<absl::Status(absl::Span<const std::byte>)>;

// Fills all of the span with the next bytes of the stream, or says why it can't.
using ByteSource = absl::FunctionRef<absl::Status(absl::Span<std::byte>)>;

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_BYTE_STREAM_H_
