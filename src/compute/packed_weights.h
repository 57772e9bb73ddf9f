// PackedWeights: the one copy of every weight matrix in the layout that the matmuls read, shared
// by all contexts.
//
// It is XNNPACK's weights-cache provider: the first operator made for a tensor packs into it, the
// second finds the bytes and packs nothing. Entries are keyed by our own tensor names (and type),
// never by XNNPACK's key, which holds pointers and leaves out bias, scales and block size. Not
// thread-safe: all operators of a model are made on one thread.

#ifndef INKLING_SRC_COMPUTE_PACKED_WEIGHTS_H_
#define INKLING_SRC_COMPUTE_PACKED_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/format/mapped_file.h"

struct xnn_weights_cache_provider;

namespace inkling {

// Kernels of our own that this CPU can run. Kept, because asking it takes some 35 us in a virtual
// machine, and a model has thousands of operators.
struct OwnKernels {
  bool blocks = false;    // BlockMatmul
  bool channels = false;  // ChannelMatmul
  bool i8mm = false;      // I8mmMatmul
  static OwnKernels OfThisCpu();
};

class PackedWeights {
 public:
  // Reserves address space for `capacity_bytes` (memory is used only as weights arrive). Errors:
  // InvalidArgument, ResourceExhausted, Unimplemented (a CPU that XNNPACK doesn't support).
  static absl::StatusOr<std::unique_ptr<PackedWeights>> Create(int64_t capacity_bytes);

  // A finished tensor: its key, and where its bytes lie behind data(). They are those of one or
  // more operators, one behind the other, each but the last of `piece_bytes`.
  struct Entry {
    std::string key;
    int64_t offset = 0;
    int64_t bytes = 0;
    int64_t piece_bytes = 0;
  };

  // Serves tensors that were packed by an earlier process: `entries` lie inside the file's bytes
  // from `data_offset` on, at multiples of kEntryAlignment. A tensor that isn't among them can't be
  // added. Errors: InvalidArgument for entries that don't lie so; Unimplemented as Create.
  static absl::StatusOr<std::unique_ptr<PackedWeights>> FromFile(MappedFile file,
                                                                 int64_t data_offset,
                                                                 const std::vector<Entry>& entries);

  // Start of every tensor's bytes: XNNPACK's kernels load whole vectors of 64 bytes at most from
  // there.
  static constexpr int64_t kEntryAlignment = 64;

  // Outlives every Linear made over it.
  ~PackedWeights();
  PackedWeights(const PackedWeights&) = delete;
  PackedWeights& operator=(const PackedWeights&) = delete;

  // Bytes packed so far; each tensor counts once however many operators use it.
  int64_t packed_bytes() const;
  // How often an operator was created over bytes that were already there, and how often it had to
  // pack.
  int64_t num_hits() const;
  int64_t num_packed() const;

  // What is finished, in the order of offsets, and the memory it lies in.
  std::vector<Entry> Entries() const;
  const std::byte* data() const;

  // For src/compute: whose layouts are packed, and which tensor the next operators are made for.

  const OwnKernels& own_kernels() const;

  // Makes `key` the tensor that provider() serves; true if its bytes are there already. A tensor
  // that was selected before and not finished is forgotten.
  bool Select(absl::string_view key);
  // Every operator that is created with it, from Select to FinishTensor, appends its packed rows
  // behind those of the operator before; over a tensor that is there already it gets the piece that
  // the operator of the same turn appended then. All pieces but the last are of equal size.
  xnn_weights_cache_provider* provider() const;
  // Makes what was appended since Select the selected tensor's bytes. OK and nothing to do if they
  // were there already. Errors: ResourceExhausted if an operator's rows found no room; Internal if
  // nothing was appended.
  absl::Status FinishTensor();
  // The piece that the latest operator found or packed; null before the first.
  const std::byte* latest_piece() const;
  // Why the latest operator found no room; OK if it did.
  const absl::Status& room() const;

 private:
  struct State;
  explicit PackedWeights(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_PACKED_WEIGHTS_H_
