// Which GGUF files make one model.

#ifndef INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_SHARDS_H_
#define INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_SHARDS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "converter/files/gguf_header.h"

namespace inkling {

// Paths of all files of the model that the GGUF file `path` belongs to, in order. `header` is that
// file's: it says how many there are (split.count), and names end in -00001-of-00003.gguf and
// so on. Errors: InvalidArgument for a name or a number that doesn't fit.
absl::StatusOr<std::vector<std::string>> GgufShardPaths(const std::string& path,
                                                        const GgufHeader& header);

// Checks that the file `path` says it is number `index` of `count`.
absl::Status CheckGgufShard(const std::string& path, const GgufHeader& header, size_t index,
                            size_t count);

// Files in `folder` that begin as GGUF files do, one of each set of shards (the first).
std::vector<std::string> FindGgufModels(const std::string& folder);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_SHARDS_H_
