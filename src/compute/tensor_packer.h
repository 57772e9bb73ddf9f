// TensorPacker: the bytes of one tensor in PackedWeights, piece by piece.
//
// Every slice of a matrix is a piece. The first Linear of a tensor appends them; a TensorPacker
// over a tensor that is there already gives the same pieces in the same turn and writes nothing.

#ifndef INKLING_SRC_COMPUTE_TENSOR_PACKER_H_
#define INKLING_SRC_COMPUTE_TENSOR_PACKER_H_

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/compute/packed_weights.h"

namespace inkling {

class TensorPacker {
 public:
  // Begins with the tensor `key` of `packed`, which outlives the TensorPacker. What another one has
  // appended and not finished is forgotten.
  TensorPacker(PackedWeights& packed, absl::string_view key);
  TensorPacker(const TensorPacker&) = delete;
  TensorPacker& operator=(const TensorPacker&) = delete;

  // True if the tensor's bytes are there already.
  bool is_packed() const { return is_packed_; }

  // The next piece: the one that was appended in the same turn, or a new one of `bytes` that
  // write(room) writes; room is aligned to PackedWeights::kEntryAlignment. All pieces but the last
  // are of equal size, a multiple of that. Errors: ResourceExhausted if there is no room; NotFound
  // if a tensor that is there has no such piece; Internal for a piece behind one of another size.
  absl::StatusOr<const std::byte*> Append(int64_t bytes, absl::FunctionRef<void(std::byte*)> write);

  // The steps of Append, for who is called back: the piece of this turn, or null if it isn't there;
  // room for a new one; the new one, once it is written.
  const std::byte* Find();
  absl::StatusOr<std::byte*> Reserve(int64_t bytes);
  absl::Status Add(const std::byte* piece, int64_t bytes);

  // What Append or its steps gave last; null before the first.
  const std::byte* latest_piece() const { return latest_piece_; }

  // Makes what was appended the tensor's bytes; nothing to do if they were there. Errors: Internal
  // if nothing was appended.
  absl::Status Finish();

 private:
  PackedWeights& packed_;
  bool is_packed_;
  PackedWeights::Entry entry_;
  int64_t next_piece_ = 0;  // bytes before the next piece of a tensor that is there
  const std::byte* latest_piece_ = nullptr;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_TENSOR_PACKER_H_
