// Layout, little-endian:
//   magic[8] version:u32 head_bytes:u32 data_offset:u64 data_bytes:u64 num_entries:u64
//   head_hash[16] sample_hash[16] model_id[32] fingerprint[32]
//   entries: key_bytes:u32 key offset:u64 bytes:u64 piece_bytes:u64
//   data, at data_offset, a multiple of 4096
// head_hash is over the whole head with itself as zeros.

#include "src/compute/packed_weights_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/packed_weights.h"
#include "src/format/content_hash.h"
#include "src/format/mapped_file.h"
#include "src/format/partial_file.h"

namespace inkling {
namespace {

using Bytes = absl::Span<const std::byte>;

constexpr absl::string_view kMagic = "INKLPACK";
constexpr uint32_t kVersion = 3;
constexpr int64_t kDataAlignment = 4096;
constexpr size_t kIdBytes = 32;
constexpr int64_t kNumSamples = 64;
constexpr int64_t kSampleBytes = 4096;
constexpr int64_t kWriteBytes = int64_t{16} << 20;

struct FixedHead {
  char magic[8];
  uint32_t version;
  uint32_t head_bytes;
  uint64_t data_offset;
  uint64_t data_bytes;
  uint64_t num_entries;
  std::array<std::byte, 16> head_hash;
  std::array<std::byte, 16> sample_hash;
  char model_id[kIdBytes];
  char fingerprint[kIdBytes];
};
static_assert(sizeof(FixedHead) == 136);

Bytes BytesOf(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Of pieces spread evenly over `data`, the first and the last bytes among them.
std::array<std::byte, 16> SampleHash(Bytes data) {
  ContentHash hash;
  const int64_t size = static_cast<int64_t>(data.size());
  const int64_t piece = std::min(size, kSampleBytes);
  for (int64_t i = 0; i < kNumSamples; ++i) {
    const int64_t offset = (size - piece) / (kNumSamples - 1) * i;
    hash.Add(data.subspan(static_cast<size_t>(i + 1 == kNumSamples ? size - piece : offset),
                          static_cast<size_t>(piece)));
  }
  return hash.Digest();
}

// Of a head whose own field for it is set to zeros.
std::array<std::byte, 16> HeadHash(Bytes head) {
  constexpr size_t kBegin = offsetof(FixedHead, head_hash);
  constexpr std::array<std::byte, 16> kZeros = {};
  ContentHash hash;
  hash.Add(head.first(kBegin));
  hash.Add(kZeros);
  hash.Add(head.subspan(kBegin + kZeros.size()));
  return hash.Digest();
}

template <typename Number>
void AppendNumber(Number number, std::string& out) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// Takes fields from the front of a head.
class HeadReader {
 public:
  explicit HeadReader(Bytes bytes) : rest_(bytes) {}

  template <typename Number>
  bool Take(Number& number) {
    if (rest_.size() < sizeof(number)) return false;
    std::memcpy(&number, rest_.data(), sizeof(number));
    rest_.remove_prefix(sizeof(number));
    return true;
  }

  bool Take(size_t size, std::string& text) {
    if (rest_.size() < size) return false;
    text.assign(reinterpret_cast<const char*>(rest_.data()), size);
    rest_.remove_prefix(size);
    return true;
  }

 private:
  Bytes rest_;
};

absl::Status Refused(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": packed weights: ", what));
}

std::string EncodeHead(const std::vector<PackedWeights::Entry>& entries, FixedHead fixed) {
  std::string head(sizeof(fixed), '\0');
  for (const PackedWeights::Entry& entry : entries) {
    AppendNumber(static_cast<uint32_t>(entry.key.size()), head);
    head += entry.key;
    AppendNumber(static_cast<uint64_t>(entry.offset), head);
    AppendNumber(static_cast<uint64_t>(entry.bytes), head);
    AppendNumber(static_cast<uint64_t>(entry.piece_bytes), head);
  }
  fixed.head_bytes = static_cast<uint32_t>(head.size());
  const int64_t head_bytes = static_cast<int64_t>(head.size());
  fixed.data_offset =
      static_cast<uint64_t>((head_bytes + kDataAlignment - 1) / kDataAlignment * kDataAlignment);
  std::memcpy(head.data(), &fixed, sizeof(fixed));
  fixed.head_hash = HeadHash(BytesOf(head));
  std::memcpy(head.data(), &fixed, sizeof(fixed));
  return head;
}

absl::Status PackProbe(TensorType type, MatmulKernelList kernels, PackedWeights& packed) {
  // More rows than any tile has and columns for every block size; all bytes differ from their
  // neighbours.
  constexpr int64_t kRows = 67;
  constexpr int64_t kColumns = 128;
  std::vector<std::byte> values(static_cast<size_t>(kRows * kColumns) * sizeof(float));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::byte>(i * 37 % 61 + 1);
  std::vector<float> floats(static_cast<size_t>(kRows * kColumns), 1.0f);
  for (size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<float>(i % 251 + 1);
  std::vector<uint16_t> halves(static_cast<size_t>(kRows * kColumns), 0x3f80);  // 1 in bf16
  MatrixRows matrix;
  matrix.type = type;
  matrix.rows = kRows;
  matrix.columns = kColumns;
  matrix.output_stride = kRows;
  matrix.values = type.element == ElementType::kF32
                      ? reinterpret_cast<const std::byte*>(floats.data())
                      : values.data();
  if (type.element == ElementType::kInt4Block) {
    matrix.scales = reinterpret_cast<const std::byte*>(halves.data());
  } else if (type.element != ElementType::kF32) {
    matrix.scales = reinterpret_cast<const std::byte*>(floats.data());
  }
  const MatmulKernel* kernel = FindMatmulKernel(kernels, type, kColumns);
  if (kernel == nullptr) return absl::UnimplementedError("no kernel");
  return PackMatrix(*kernel, matrix, TensorTypeName(type), packed);
}

}  // namespace

absl::StatusOr<std::string> PackingFingerprint() {
  constexpr int64_t kRoom = int64_t{1} << 20;
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<PackedWeights> packed, PackedWeights::Create(kRoom));
  const std::vector<const MatmulKernel*> kernels = MatmulKernelsOfThisCpu();
  ContentHash hash;
  for (const TensorType type :
       {TensorType{ElementType::kF32, 0}, TensorType{ElementType::kInt8Channel, 0},
        TensorType{ElementType::kInt4Channel, 0}, TensorType{ElementType::kInt4Block, 32},
        TensorType{ElementType::kInt4Block, 64}, TensorType{ElementType::kInt4Block, 128}}) {
    hash.Add(BytesOf(TensorTypeName(type)));
    // A type that this CPU has no kernels for has no layout either.
    if (!PackProbe(type, kernels, *packed).ok()) continue;
    const PackedWeights::Entry entry = packed->Entries().back();
    hash.Add({packed->data() + entry.offset, static_cast<size_t>(entry.bytes)});
  }
  return HexDigits(hash.Digest());
}

absl::Status SavePackedWeights(const PackedWeights& packed, const std::string& path,
                               absl::string_view model_id, absl::string_view fingerprint) {
  if (model_id.size() != kIdBytes || fingerprint.size() != kIdBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected ids of ", kIdBytes,
                                                   " characters, found ", model_id.size(), " and ",
                                                   fingerprint.size()));
  }
  const std::vector<PackedWeights::Entry> entries = packed.Entries();
  if (entries.empty()) return absl::FailedPreconditionError("there are no packed weights to keep");
  const int64_t data_bytes = entries.back().offset + entries.back().bytes;
  const Bytes data = {packed.data(), static_cast<size_t>(data_bytes)};
  FixedHead fixed = {};
  std::memcpy(fixed.magic, kMagic.data(), sizeof(fixed.magic));
  fixed.version = kVersion;
  fixed.data_bytes = static_cast<uint64_t>(data_bytes);
  fixed.num_entries = entries.size();
  fixed.sample_hash = SampleHash(data);
  std::memcpy(fixed.model_id, model_id.data(), kIdBytes);
  std::memcpy(fixed.fingerprint, fingerprint.data(), kIdBytes);
  const std::string head = EncodeHead(entries, fixed);
  std::memcpy(&fixed, head.data(), sizeof(fixed));
  const int64_t data_offset = static_cast<int64_t>(fixed.data_offset);
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<PartialFile> file,
                        PartialFile::Create(path, data_offset + data_bytes));
  ABSL_RETURN_IF_ERROR(file->WriteAt(0, BytesOf(head)));
  for (int64_t offset = 0; offset < data_bytes; offset += kWriteBytes) {
    const int64_t size = std::min(kWriteBytes, data_bytes - offset);
    ABSL_RETURN_IF_ERROR(
        file->WriteAt(data_offset + offset,
                      data.subspan(static_cast<size_t>(offset), static_cast<size_t>(size))));
  }
  return file->Commit();
}

absl::StatusOr<std::unique_ptr<PackedWeights>> LoadPackedWeights(const std::string& path,
                                                                 absl::string_view model_id,
                                                                 absl::string_view fingerprint) {
  ABSL_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  const Bytes bytes = file.bytes();
  HeadReader reader(bytes);
  FixedHead fixed;
  if (!reader.Take(fixed) || absl::string_view(fixed.magic, sizeof(fixed.magic)) != kMagic) {
    return Refused(path, "this is no file of packed weights");
  }
  if (fixed.version != kVersion) {
    return Refused(path, absl::StrCat("expected version ", kVersion, ", found ", fixed.version));
  }
  if (fixed.head_bytes < sizeof(fixed) || fixed.head_bytes > bytes.size() ||
      HeadHash(bytes.first(fixed.head_bytes)) != fixed.head_hash) {
    return Refused(path, "its head is damaged");
  }
  if (const absl::string_view found(fixed.model_id, kIdBytes); found != model_id) {
    return Refused(path, absl::StrCat("expected those of model ", model_id, ", found ", found));
  }
  if (const absl::string_view found(fixed.fingerprint, kIdBytes); found != fingerprint) {
    return Refused(path, absl::StrCat("expected packing ", fingerprint, ", found ", found));
  }
  if (fixed.data_offset > bytes.size() || fixed.data_bytes != bytes.size() - fixed.data_offset) {
    return Refused(path, absl::StrCat("expected ", fixed.data_offset, " + ", fixed.data_bytes,
                                      " bytes, found ", bytes.size()));
  }
  if (SampleHash(bytes.subspan(fixed.data_offset)) != fixed.sample_hash) {
    return Refused(path, "its data is damaged");
  }
  std::vector<PackedWeights::Entry> entries;
  for (uint64_t i = 0; i < fixed.num_entries; ++i) {
    uint32_t key_bytes = 0;
    uint64_t offset = 0;
    uint64_t size = 0;
    uint64_t piece_size = 0;
    PackedWeights::Entry entry;
    if (!reader.Take(key_bytes) || !reader.Take(key_bytes, entry.key) || !reader.Take(offset) ||
        !reader.Take(size) || !reader.Take(piece_size)) {
      return Refused(path, "its list of tensors is cut off");
    }
    entry.offset = static_cast<int64_t>(offset);
    entry.bytes = static_cast<int64_t>(size);
    entry.piece_bytes = static_cast<int64_t>(piece_size);
    entries.push_back(std::move(entry));
  }
  return PackedWeights::FromFile(std::move(file), static_cast<int64_t>(fixed.data_offset), entries);
}

}  // namespace inkling
