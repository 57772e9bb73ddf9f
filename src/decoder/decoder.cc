// What every backend checks before it touches a cache.

#include "src/decoder/decoder.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "src/decoder/forward_request.h"

namespace inkling {

absl::Status Decoder::CheckRequest(const ForwardRequest& request) const {
  const absl::Span<const int32_t> tokens = request.tokens;
  if (tokens.empty() || tokens.size() > static_cast<size_t>(max_rows())) {
    return absl::InvalidArgumentError(absl::StrCat("decoder: number of tokens: expected 1 to ",
                                                   max_rows(), ", found ", tokens.size()));
  }
  const int32_t vocab_size = config().vocab_size;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat("decoder: token at index ", i,
                                                     ": expected 0 to ", vocab_size - 1, ", found ",
                                                     tokens[i]));
    }
  }
  const bool hidden = request.kind == OutputKind::kHidden;
  const size_t row = static_cast<size_t>(hidden ? config().hidden_dim : vocab_size);
  const size_t expected = request.num_outputs() * row;
  if (request.output.size() == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("decoder: size of the ",
                                                 hidden ? "hidden rows" : "logits", ": expected ",
                                                 expected, ", found ", request.output.size()));
}

absl::StatusOr<std::shared_ptr<const Adapter>> Decoder::CreateAdapter(const LoraFile&) const {
  return absl::UnimplementedError("decoder: this backend has no adapters");
}

}  // namespace inkling
