// PackedWeights: the one copy of every weight matrix in the layout that the matmuls read, shared
// by all contexts.
//
// The first Linear made for a tensor packs into it (TensorPacker), the second finds the bytes and
// packs nothing. Entries are keyed by everything that the packed bytes depend on, tensor names
// first. Not thread-safe: all matmuls of a model are made on one thread.

#ifndef INKLING_SRC_COMPUTE_PACKED_WEIGHTS_H_
#define INKLING_SRC_COMPUTE_PACKED_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/compute/address_space.h"
#include "src/format/mapped_file.h"

namespace inkling {

class PackedWeights {
 public:
  // Reserves address space for `capacity_bytes` (memory is used only as weights arrive). Errors:
  // InvalidArgument, ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<PackedWeights>> Create(int64_t capacity_bytes);

  // A finished tensor: its key, and where its bytes lie behind data(). They are those of one or
  // more pieces, one behind the other, each but the last of `piece_bytes`.
  struct Entry {
    std::string key;
    int64_t offset = 0;
    int64_t bytes = 0;
    int64_t piece_bytes = 0;
  };

  // Serves tensors that were packed by an earlier process: `entries` lie inside the file's bytes
  // from `data_offset` on, at multiples of kEntryAlignment. A tensor that isn't among them can't be
  // added. Errors: InvalidArgument for entries that don't lie so.
  static absl::StatusOr<std::unique_ptr<PackedWeights>> FromFile(MappedFile file,
                                                                 int64_t data_offset,
                                                                 const std::vector<Entry>& entries);

  // Start of every tensor's bytes: kernels load whole vectors of 64 bytes at most from there.
  static constexpr int64_t kEntryAlignment = 64;

  // Outlives every Linear made over it.
  PackedWeights(const PackedWeights&) = delete;
  PackedWeights& operator=(const PackedWeights&) = delete;

  // Whether an earlier process packed them all.
  bool is_from_file() const { return file_.has_value(); }

  // Lets the system drop the pages of a file, which are read again when a matmul touches them.
  void ReleaseFilePages() const {
    if (file_.has_value()) file_->ReleasePages(0, static_cast<int64_t>(file_->bytes().size()));
  }

  // Bytes packed so far; each tensor counts once however many Linears use it.
  int64_t packed_bytes() const { return packed_bytes_; }
  // How often a tensor was asked for that was already there, and how many were packed.
  int64_t num_hits() const { return num_hits_; }
  int64_t num_packed() const { return num_packed_; }

  // What is finished, in the order of offsets, and the memory it lies in.
  std::vector<Entry> Entries() const;
  const std::byte* data() const { return data_; }

 private:
  friend class TensorPacker;
  explicit PackedWeights(AddressSpace memory);
  PackedWeights(MappedFile file, int64_t data_offset);

  // Makes `bytes` behind `end` writable for the tensor `key`. Errors: NotFound, ResourceExhausted.
  absl::Status MakeWritable(absl::string_view key, int64_t end, int64_t bytes);

  // One of them holds the bytes; those of a file are read-only, and nobody writes to finished
  // bytes.
  std::optional<AddressSpace> memory_;
  std::optional<MappedFile> file_;
  std::byte* data_;
  absl::flat_hash_map<std::string, Entry> entries_;
  int64_t used_bytes_ = 0;  // up to the end of the last finished entry
  int64_t packed_bytes_ = 0;
  int64_t num_hits_ = 0;
  int64_t num_packed_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_PACKED_WEIGHTS_H_
