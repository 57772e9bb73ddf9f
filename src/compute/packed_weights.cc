// Entries in one AddressSpace, or in a mapped file.

#include "src/compute/packed_weights.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/compute/address_space.h"

namespace inkling {

PackedWeights::PackedWeights(AddressSpace memory)
    : memory_(std::move(memory)), data_(memory_->data()) {}

PackedWeights::PackedWeights(MappedFile file, int64_t data_offset)
    : file_(std::move(file)), data_(const_cast<std::byte*>(file_->bytes().data()) + data_offset) {}

absl::StatusOr<std::unique_ptr<PackedWeights>> PackedWeights::Create(int64_t capacity_bytes) {
  ABSL_ASSIGN_OR_RETURN(AddressSpace memory, AddressSpace::Reserve(capacity_bytes));
  return absl::WrapUnique(new PackedWeights(std::move(memory)));
}

absl::StatusOr<std::unique_ptr<PackedWeights>> PackedWeights::FromFile(
    MappedFile file, int64_t data_offset, const std::vector<Entry>& entries) {
  const int64_t file_bytes = static_cast<int64_t>(file.bytes().size());
  if (data_offset < 0 || data_offset > file_bytes || data_offset % kEntryAlignment != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "packed weights: expected data inside ", file_bytes, " bytes, found offset ", data_offset));
  }
  auto packed = absl::WrapUnique(new PackedWeights(std::move(file), data_offset));
  for (const Entry& entry : entries) {
    const int64_t room = file_bytes - data_offset;
    if (entry.offset < 0 || entry.offset > room || entry.offset % kEntryAlignment != 0 ||
        entry.bytes <= 0 || entry.bytes > room - entry.offset) {
      return absl::InvalidArgumentError(absl::StrCat("packed weights of ", entry.key, ": expected ",
                                                     "a range inside ", room, " bytes, found ",
                                                     entry.bytes, " bytes at ", entry.offset));
    }
    if (entry.piece_bytes <= 0 || entry.piece_bytes > entry.bytes) {
      return absl::InvalidArgumentError(absl::StrCat("packed weights of ", entry.key,
                                                     ": expected pieces of 1 to ", entry.bytes,
                                                     " bytes, found ", entry.piece_bytes));
    }
    packed->entries_[entry.key] = entry;
    packed->packed_bytes_ += entry.bytes;
  }
  return packed;
}

std::vector<PackedWeights::Entry> PackedWeights::Entries() const {
  std::vector<Entry> entries;
  for (const auto& [key, entry] : entries_) entries.push_back(entry);
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
  return entries;
}

absl::Status PackedWeights::MakeWritable(absl::string_view key, int64_t end, int64_t bytes) {
  if (!memory_.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("packed weights of ", key, ": not in the file of packed weights"));
  }
  const int64_t room = memory_->reserved_bytes() - end;
  if (bytes > room) {
    return absl::ResourceExhaustedError(
        absl::StrCat("packed weights of ", key, ": expected at most ", room, " bytes left of the ",
                     memory_->reserved_bytes(), " reserved, found ", bytes));
  }
  const absl::Status committed = memory_->Commit(end + bytes);
  if (committed.ok()) return committed;
  return absl::ResourceExhaustedError(
      absl::StrCat("packed weights of ", key, ": ", committed.message()));
}

}  // namespace inkling
