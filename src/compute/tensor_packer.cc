// New pieces lie behind the last finished tensor until Finish makes them one.

#include "src/compute/tensor_packer.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

namespace inkling {

TensorPacker::TensorPacker(PackedWeights& packed, absl::string_view key) : packed_(packed) {
  const auto found = packed.entries_.find(key);
  is_packed_ = found != packed.entries_.end();
  if (is_packed_) {
    entry_ = found->second;
    ++packed.num_hits_;
  } else {
    constexpr int64_t kAlignment = PackedWeights::kEntryAlignment;
    entry_.key = std::string(key);
    entry_.offset = (packed.used_bytes_ + kAlignment - 1) / kAlignment * kAlignment;
  }
}

absl::StatusOr<const std::byte*> TensorPacker::Append(int64_t bytes,
                                                      absl::FunctionRef<void(std::byte*)> write) {
  if (const std::byte* piece = Find(); piece != nullptr) return piece;
  ABSL_ASSIGN_OR_RETURN(std::byte * piece, Reserve(bytes));
  write(piece);
  ABSL_RETURN_IF_ERROR(Add(piece, bytes));
  return piece;
}

const std::byte* TensorPacker::Find() {
  if (!is_packed_ || next_piece_ >= entry_.bytes) return nullptr;
  latest_piece_ = packed_.data_ + entry_.offset + next_piece_;
  next_piece_ += entry_.piece_bytes;
  return latest_piece_;
}

absl::StatusOr<std::byte*> TensorPacker::Reserve(int64_t bytes) {
  if (is_packed_) {
    return absl::NotFoundError(absl::StrCat("packed weights of ", entry_.key,
                                            ": another piece, expected all of them in ",
                                            entry_.bytes, " bytes"));
  }
  const int64_t end = entry_.offset + entry_.bytes;
  ABSL_RETURN_IF_ERROR(packed_.MakeWritable(entry_.key, end, bytes));
  return packed_.data_ + end;
}

absl::Status TensorPacker::Add(const std::byte* piece, int64_t bytes) {
  if (is_packed_ || piece != packed_.data_ + entry_.offset + entry_.bytes) {
    return absl::InternalError(
        absl::StrCat("packed weights of ", entry_.key, ": not in reserved space"));
  }
  if (entry_.bytes == 0) entry_.piece_bytes = bytes;
  if (entry_.bytes % entry_.piece_bytes != 0) {
    return absl::InternalError(absl::StrCat("packed weights of ", entry_.key,
                                            ": a piece follows one of another size than ",
                                            entry_.piece_bytes));
  }
  entry_.bytes += bytes;
  latest_piece_ = piece;
  return absl::OkStatus();
}

absl::Status TensorPacker::Finish() {
  if (is_packed_) return absl::OkStatus();
  if (entry_.bytes == 0) {
    return absl::InternalError(
        absl::StrCat("packed weights of ", entry_.key, ": nothing was packed"));
  }
  packed_.used_bytes_ = entry_.offset + entry_.bytes;
  packed_.packed_bytes_ += entry_.bytes;
  ++packed_.num_packed_;
  packed_.entries_[entry_.key] = entry_;
  is_packed_ = true;
  return absl::OkStatus();
}

}  // namespace inkling
