// The provider's callbacks, over entries in one AddressSpace or a mapped file.
//
// XNNPACK calls look_up, reserve_space and look_up_or_insert while an operator is created, and
// offset_to_addr whenever it is reshaped.

#include "src/compute/packed_weights.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/block_matmul.h"
#include "kernels/channel_matmul.h"
#include "kernels/i8mm_matmul.h"
#include "src/compute/address_space.h"
#include "xnnpack.h"

namespace inkling {

OwnKernels OwnKernels::OfThisCpu() {
  return {.blocks = kernels::HasBlockMatmul(),
          .channels = kernels::HasChannelMatmul(),
          .i8mm = kernels::HasI8mmMatmul()};
}

namespace {

constexpr size_t kNotFound = SIZE_MAX;

// Where the packed bytes of a tensor lie.
struct Place {
  size_t offset = 0;
  size_t bytes = 0;
  size_t piece_bytes = 0;  // of each operator's piece but the last
};

}  // namespace

struct PackedWeights::State {
  explicit State(AddressSpace reserved_memory)
      : memory(std::move(reserved_memory)), data(memory->data()) {}
  State(MappedFile mapped_file, int64_t data_offset)
      : file(std::move(mapped_file)),
        data(const_cast<std::byte*>(file->bytes().data()) + data_offset) {}

  const OwnKernels own_kernels = OwnKernels::OfThisCpu();
  xnn_weights_cache_provider provider = {};
  // One of them holds the bytes; those of a file are read-only, and nobody writes to finished
  // bytes.
  std::optional<AddressSpace> memory;
  std::optional<MappedFile> file;
  std::byte* data;
  absl::flat_hash_map<std::string, Place> entries;
  size_t used = 0;  // bytes of the address space up to the end of the last finished entry
  int64_t packed_bytes = 0;
  int64_t num_hits = 0;
  int64_t num_packed = 0;

  // The selected tensor.
  std::string key;
  Place selected;
  bool is_finished = false;
  size_t next_piece = 0;  // bytes before the piece of the next operator over a finished tensor
  absl::Status room;
  const std::byte* latest_piece = nullptr;

  size_t LookUp() {
    if (!is_finished || next_piece >= selected.bytes) return kNotFound;
    const size_t piece = selected.offset + next_piece;
    next_piece += selected.piece_bytes;
    latest_piece = data + piece;
    return piece;
  }

  void* ReserveSpace(size_t bytes) {
    if (is_finished) {
      room = absl::NotFoundError(absl::StrCat("packed weights of ", key,
                                              ": another piece, expected all of them in ",
                                              selected.bytes, " bytes"));
      return nullptr;
    }
    if (!memory.has_value()) {
      room = absl::NotFoundError(
          absl::StrCat("packed weights of ", key, ": not in the file of packed weights"));
      return nullptr;
    }
    const size_t end = selected.offset + selected.bytes;
    if (bytes > static_cast<size_t>(memory->reserved_bytes()) - end) {
      room = absl::ResourceExhaustedError(absl::StrCat(
          "packed weights of ", key, ": expected at most ", memory->reserved_bytes() - end,
          " bytes left of the ", memory->reserved_bytes(), " reserved, found ", bytes));
      return nullptr;
    }
    absl::Status committed = memory->Commit(static_cast<int64_t>(end + bytes));
    if (!committed.ok()) {
      room = absl::ResourceExhaustedError(
          absl::StrCat("packed weights of ", key, ": ", committed.message()));
      return nullptr;
    }
    return data + end;
  }

  size_t Insert(const void* inserted, size_t bytes) {
    const size_t end = selected.offset + selected.bytes;
    if (is_finished || inserted != data + end) {
      room =
          absl::InternalError(absl::StrCat("packed weights of ", key, ": not in reserved space"));
      return kNotFound;
    }
    if (selected.bytes == 0) selected.piece_bytes = bytes;
    if (selected.bytes % selected.piece_bytes != 0) {
      room =
          absl::InternalError(absl::StrCat("packed weights of ", key, ": a piece follows one of ",
                                           "another size than ", selected.piece_bytes));
      return kNotFound;
    }
    selected.bytes += bytes;
    latest_piece = data + end;
    return end;
  }
};

namespace {

// Every callback's context is the State; XNNPACK's own key is not used.
template <typename State>
xnn_weights_cache_provider MakeProvider(State* state) {
  xnn_weights_cache_provider provider = {};
  provider.context = state;
  provider.look_up = [](void* context, const xnn_weights_cache_look_up_key*) {
    return static_cast<State*>(context)->LookUp();
  };
  provider.reserve_space = [](void* context, size_t bytes) {
    return static_cast<State*>(context)->ReserveSpace(bytes);
  };
  provider.look_up_or_insert = [](void* context, const xnn_weights_cache_look_up_key*, void* data,
                                  size_t bytes) {
    return static_cast<State*>(context)->Insert(data, bytes);
  };
  // Operators may be set up at any time: bytes of a finished tensor never change or move.
  provider.is_finalized = [](void*) { return true; };
  provider.offset_to_addr = [](void* context, size_t offset) -> void* {
    return static_cast<State*>(context)->data + offset;
  };
  // The memory is PackedWeights' own.
  provider.delete_cache = [](void*) { return xnn_status_success; };
  return provider;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PackedWeights>> PackedWeights::Create(int64_t capacity_bytes) {
  // Idempotent and thread-safe; nothing to undo.
  if (xnn_initialize(/*allocator=*/nullptr) != xnn_status_success) {
    return absl::UnimplementedError("XNNPACK doesn't support this CPU");
  }
  absl::StatusOr<AddressSpace> memory = AddressSpace::Reserve(capacity_bytes);
  if (!memory.ok()) return memory.status();
  auto state = std::make_unique<State>(*std::move(memory));
  state->provider = MakeProvider(state.get());
  return absl::WrapUnique(new PackedWeights(std::move(state)));
}

absl::StatusOr<std::unique_ptr<PackedWeights>> PackedWeights::FromFile(
    MappedFile file, int64_t data_offset, const std::vector<Entry>& entries) {
  if (xnn_initialize(/*allocator=*/nullptr) != xnn_status_success) {
    return absl::UnimplementedError("XNNPACK doesn't support this CPU");
  }
  const int64_t file_bytes = static_cast<int64_t>(file.bytes().size());
  if (data_offset < 0 || data_offset > file_bytes || data_offset % kEntryAlignment != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "packed weights: expected data inside ", file_bytes, " bytes, found offset ", data_offset));
  }
  auto state = std::make_unique<State>(std::move(file), data_offset);
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
    state->entries[entry.key] = {static_cast<size_t>(entry.offset),
                                 static_cast<size_t>(entry.bytes),
                                 static_cast<size_t>(entry.piece_bytes)};
    state->packed_bytes += entry.bytes;
  }
  state->provider = MakeProvider(state.get());
  return absl::WrapUnique(new PackedWeights(std::move(state)));
}

PackedWeights::PackedWeights(std::unique_ptr<State> state) : state_(std::move(state)) {}
PackedWeights::~PackedWeights() = default;

int64_t PackedWeights::packed_bytes() const { return state_->packed_bytes; }
int64_t PackedWeights::num_hits() const { return state_->num_hits; }
int64_t PackedWeights::num_packed() const { return state_->num_packed; }

const std::byte* PackedWeights::data() const { return state_->data; }

std::vector<PackedWeights::Entry> PackedWeights::Entries() const {
  std::vector<Entry> entries;
  for (const auto& [key, place] : state_->entries) {
    entries.push_back({key, static_cast<int64_t>(place.offset), static_cast<int64_t>(place.bytes),
                       static_cast<int64_t>(place.piece_bytes)});
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
  return entries;
}

bool PackedWeights::Select(absl::string_view key) {
  State& state = *state_;
  state.key.assign(key.data(), key.size());
  state.room = absl::OkStatus();
  state.next_piece = 0;
  const auto found = state.entries.find(state.key);
  state.is_finished = found != state.entries.end();
  if (state.is_finished) {
    state.selected = found->second;
    ++state.num_hits;
  } else {
    constexpr size_t kAlignment = kEntryAlignment;
    state.selected = {(state.used + kAlignment - 1) / kAlignment * kAlignment, 0, 0};
  }
  return state.is_finished;
}

xnn_weights_cache_provider* PackedWeights::provider() const { return &state_->provider; }

absl::Status PackedWeights::FinishTensor() {
  State& state = *state_;
  if (state.is_finished) return absl::OkStatus();
  if (!state.room.ok()) return state.room;
  if (state.selected.bytes == 0) {
    return absl::InternalError(
        absl::StrCat("packed weights of ", state.key, ": nothing was packed"));
  }
  state.entries[state.key] = state.selected;
  state.used = state.selected.offset + state.selected.bytes;
  state.packed_bytes += static_cast<int64_t>(state.selected.bytes);
  ++state.num_packed;
  state.is_finished = true;
  return absl::OkStatus();
}

const OwnKernels& PackedWeights::own_kernels() const { return state_->own_kernels; }

const std::byte* PackedWeights::latest_piece() const { return state_->latest_piece; }

const absl::Status& PackedWeights::room() const { return state_->room; }

}  // namespace inkling
