// Header checks in the order of the file. A count is compared with the bytes that are left before
// anything is reserved for it.

#include "converter/files/gguf_header.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "converter/files/block_formats.h"
#include "converter/files/checked_size.h"
#include "converter/files/input_cursor.h"

namespace inkling {
namespace {

using absl::StatusCode;
using nlohmann::json;

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint32_t kOldestVersion = 2;   // 1 counted with 32 bits
constexpr uint32_t kNewestVersion = 3;
constexpr int64_t kDefaultAlignment = 32;
constexpr int64_t kMaxAlignment = int64_t{1} << 20;
constexpr uint32_t kMaxDimensions = 4;

// Four times what the largest published vocabularies need.
constexpr int64_t kMaxHeaderBytes = int64_t{256} << 20;
constexpr uint64_t kMaxArrayItems = uint64_t{1} << 22;
constexpr uint64_t kMaxStringBytes = uint64_t{16} << 20;  // chat templates, normalisation tables
constexpr uint64_t kMaxNameBytes = 65535;                 // the format's own limit for keys

// The least an entry can have: a key's length, a type, a value of one byte; a name's length, a
// number of dimensions, a size, a type, an offset.
constexpr int64_t kMinEntryBytes = 8 + 4 + 1;
constexpr int64_t kMinTensorBytes = 8 + 4 + 8 + 4 + 8;

enum ValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

struct ValueTypeInfo {
  absl::string_view name;  // as the format's specification has it
  int64_t min_bytes;       // the fewest of a value
};

// In the order of ValueType.
constexpr ValueTypeInfo kValueTypes[] = {
    {"uint8", 1},  {"int8", 1},    {"uint16", 2},  {"int16", 2},  {"uint32", 4},
    {"int32", 4},  {"float32", 4}, {"bool", 1},    {"string", 8}, {"array", 12},
    {"uint64", 8}, {"int64", 8},   {"float64", 8},
};

// The fewest bytes of a value; 0 for a type that isn't known.
int64_t MinValueBytes(uint32_t type) {
  return type < std::size(kValueTypes) ? kValueTypes[type].min_bytes : 0;
}

class HeaderReader {
 public:
  HeaderReader(const InputFile& file, GgufParts parts)
      : file_(file), parts_(parts), cursor_(file, std::min(file.size(), kMaxHeaderBytes)) {}

  absl::StatusOr<GgufHeader> Read() {
    ABSL_RETURN_IF_ERROR(ReadStart());
    for (uint64_t i = 0; i < num_entries_ && cursor_.status().ok(); ++i) ReadEntry();
    ABSL_RETURN_IF_ERROR(cursor_.status());
    if (parts_ == GgufParts::kMetadata) return std::move(header_);
    for (uint64_t i = 0; i < num_tensors_; ++i) ABSL_RETURN_IF_ERROR(ReadTensor());
    ABSL_RETURN_IF_ERROR(PlaceTensors());
    return std::move(header_);
  }

 private:
  absl::Status ReadStart() {
    const uint32_t magic = cursor_.Number<uint32_t>();
    const uint32_t version = cursor_.Number<uint32_t>();
    if (cursor_.status().ok() && magic != kMagic) {
      cursor_.Fail(StatusCode::kInvalidArgument, "expected a file that begins with GGUF");
    }
    if (cursor_.status().ok() && (version < kOldestVersion || version > kNewestVersion)) {
      const bool swapped = version != 0 && (version & 0xFFFF) == 0;
      cursor_.Fail(StatusCode::kUnimplemented,
                   absl::StrCat("version: expected 2 or 3, found ",
                                swapped ? "a big-endian file" : absl::StrCat(version)));
    }
    num_tensors_ = Count("number of tensors", kMinTensorBytes);
    num_entries_ = Count("number of metadata entries", kMinEntryBytes);
    return cursor_.status();
  }

  // A count of things of at least `min_bytes` that follow.
  uint64_t Count(absl::string_view what, int64_t min_bytes) {
    const uint64_t count = cursor_.Number<uint64_t>();
    const uint64_t most = static_cast<uint64_t>(cursor_.left() / min_bytes);
    if (cursor_.status().ok() && count > most) {
      cursor_.Fail(StatusCode::kInvalidArgument,
                   absl::StrCat(what, ": at most ", most, " fit in what follows, found ", count));
    }
    return cursor_.status().ok() ? count : 0;
  }

  std::string Name(absl::string_view what) {
    return cursor_.Text(cursor_.Number<uint64_t>(), kMaxNameBytes, what);
  }

  void ReadEntry() {
    const std::string key = Name("a key");
    const uint32_t type = cursor_.Number<uint32_t>();
    uint32_t item_type = type;
    json value = type == kArray ? ReadArray(key, item_type) : ReadValue(type, key);
    if (!cursor_.status().ok()) return;
    header_.spelling.types[key] =
        absl::StrCat(type == kArray ? "array of " : "", kValueTypes[item_type].name);
    if (header_.metadata.contains(key)) {
      return cursor_.Fail(StatusCode::kInvalidArgument,
                          absl::StrCat("the key \"", key, "\" occurs twice"));
    }
    header_.metadata[key] = std::move(value);
  }

  // One value that is no array.
  json ReadValue(uint32_t type, const std::string& key) {
    switch (type) {
      case kUint8:
        return cursor_.Number<uint8_t>();
      case kInt8:
        return cursor_.Number<int8_t>();
      case kUint16:
        return cursor_.Number<uint16_t>();
      case kInt16:
        return cursor_.Number<int16_t>();
      case kUint32:
        return cursor_.Number<uint32_t>();
      case kInt32:
        return cursor_.Number<int32_t>();
      case kFloat32:
        return cursor_.Number<float>();
      case kUint64:
        return cursor_.Number<uint64_t>();
      case kInt64:
        return cursor_.Number<int64_t>();
      case kFloat64:
        return cursor_.Number<double>();
      case kString:
        return cursor_.Text(cursor_.Number<uint64_t>(), kMaxStringBytes, key);
      case kBool: {
        const uint8_t byte = cursor_.Number<uint8_t>();
        if (byte <= 1) return byte == 1;
        cursor_.Fail(StatusCode::kInvalidArgument,
                     absl::StrCat(key, ": expected a boolean of 0 or 1, found ", byte));
        return nullptr;
      }
      default:
        cursor_.Fail(StatusCode::kInvalidArgument,
                     absl::StrCat(key, ": expected a value type from 0 to 12, found ", type));
        return nullptr;
    }
  }

  json ReadArray(const std::string& key, uint32_t& type) {
    type = cursor_.Number<uint32_t>();
    const int64_t min_bytes = MinValueBytes(type);
    if (cursor_.status().ok() && (min_bytes == 0 || type == kArray)) {
      cursor_.Fail(
          StatusCode::kInvalidArgument,
          absl::StrCat(key, ": expected an array of numbers, booleans or strings, found ",
                       type == kArray ? "one of arrays" : absl::StrCat("the value type ", type)));
    }
    if (!cursor_.status().ok()) return nullptr;
    const uint64_t count = Count(key, min_bytes);
    if (count > kMaxArrayItems) {
      cursor_.Fail(
          StatusCode::kInvalidArgument,
          absl::StrCat(key, ": expected at most ", kMaxArrayItems, " items, found ", count));
      return nullptr;
    }
    const bool wanted = parts_ == GgufParts::kMetadata || !absl::StartsWith(key, "tokenizer.");
    json array = json::array();
    if (!wanted && type != kString) {
      cursor_.Skip(count * static_cast<uint64_t>(min_bytes));
      return array;
    }
    for (uint64_t i = 0; i < count && cursor_.status().ok(); ++i) {
      if (wanted) {
        array.push_back(ReadValue(type, key));
      } else {
        cursor_.Skip(cursor_.Number<uint64_t>());
      }
    }
    return array;
  }

  absl::Status ReadTensor() {
    GgufTensor entry;
    SourceTensor& tensor = entry.tensor;
    tensor.file = file_.path();
    tensor.name = Name("a tensor's name");
    const uint32_t num_dimensions = cursor_.Number<uint32_t>();
    ABSL_RETURN_IF_ERROR(cursor_.status());
    if (num_dimensions < 1 || num_dimensions > kMaxDimensions) {
      return Invalid(tensor, absl::StrCat("expected 1 to ", kMaxDimensions, " dimensions, found ",
                                          num_dimensions));
    }
    for (uint32_t i = 0; i < num_dimensions; ++i) {
      const uint64_t size = cursor_.Number<uint64_t>();
      if (size < 1 || size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        ABSL_RETURN_IF_ERROR(cursor_.status());
        return Invalid(tensor, absl::StrCat("a size of ", size));
      }
      tensor.shape.insert(tensor.shape.begin(), static_cast<int64_t>(size));
    }
    const uint32_t type = cursor_.Number<uint32_t>();
    const uint64_t offset = cursor_.Number<uint64_t>();
    ABSL_RETURN_IF_ERROR(cursor_.status());
    const BlockFormat* format = FindBlockFormat(type);
    if (format == nullptr) {
      return absl::UnimplementedError(absl::StrCat(
          file_.path(), ": tensor \"", tensor.name, "\": its type ", UnreadTypeName(type),
          " is not supported; this version reads ", BlockFormatNames()));
    }
    tensor.dtype = std::string(format->name);
    ABSL_RETURN_IF_ERROR(SetBytes(*format, tensor));
    if (offset > static_cast<uint64_t>(file_.size())) {
      return absl::DataLossError(absl::StrCat(file_.path(), ": tensor \"", tensor.name,
                                              "\": truncated: begins at data byte ", offset,
                                              " of a file of ", file_.size(), " bytes"));
    }
    entry.offset = static_cast<int64_t>(offset);  // from the data's start, until it is known
    if (!names_.insert(tensor.name).second) return Invalid(tensor, "occurs twice");
    header_.tensors.push_back(std::move(entry));
    return absl::OkStatus();
  }

  // Blocks lie along the last dimension of a shape, which is whole blocks long.
  absl::Status SetBytes(const BlockFormat& format, SourceTensor& tensor) const {
    const int64_t columns = tensor.shape.back();
    if (columns % format.num_values != 0) {
      return Invalid(tensor, absl::StrCat("expected rows of whole ", format.name, " blocks of ",
                                          format.num_values, ", found ", columns));
    }
    if (format.num_values > 1 && tensor.shape.size() == 1) {
      return Invalid(tensor,
                     absl::StrCat("expected a vector of plain numbers, found ", format.name));
    }
    // Rows times columns too must fit: with four bits a value, they are more than the bytes.
    const absl::Span<const int64_t> rows =
        absl::MakeSpan(tensor.shape).first(tensor.shape.size() - 1);
    int64_t num_values = 0;
    int64_t row_bytes = 0;
    if (!CheckedMultiply(columns, rows, num_values) ||
        !CheckedMultiply(columns / format.num_values, int64_t{format.num_bytes}, row_bytes) ||
        !CheckedMultiply(row_bytes, rows, tensor.bytes)) {
      return Invalid(tensor, "its size overflows 63 bits");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> Alignment() const {
    const auto found = header_.metadata.find("general.alignment");
    if (found == header_.metadata.end()) return kDefaultAlignment;
    const std::string& type = header_.spelling.types.at("general.alignment");
    if (type != "uint32") {
      return absl::InvalidArgumentError(
          absl::StrCat(file_.path(), ": general.alignment: expected uint32, found ", type));
    }
    const uint64_t alignment = found->get<uint64_t>();
    if (!std::has_single_bit(alignment) || alignment > static_cast<uint64_t>(kMaxAlignment)) {
      return absl::InvalidArgumentError(absl::StrCat(
          file_.path(), ": general.alignment: expected a power of two up to ", kMaxAlignment,
          ", found ", found->dump(-1, ' ', false, json::error_handler_t::replace)));
    }
    return static_cast<int64_t>(alignment);
  }

  // Offsets become positions in the file; no tensor may reach past its end or into another.
  absl::Status PlaceTensors() {
    ABSL_ASSIGN_OR_RETURN(const int64_t alignment, Alignment());
    const int64_t data_start = (cursor_.position() + alignment - 1) / alignment * alignment;
    std::vector<const GgufTensor*> order;
    for (GgufTensor& entry : header_.tensors) {
      if (entry.offset % alignment != 0) {
        return Invalid(entry.tensor, absl::StrCat("expected an offset that is a multiple of ",
                                                  alignment, ", found ", entry.offset));
      }
      entry.offset += data_start;
      if (entry.tensor.bytes > file_.size() || entry.offset > file_.size() - entry.tensor.bytes) {
        return absl::DataLossError(absl::StrCat(file_.path(), ": tensor \"", entry.tensor.name,
                                                "\": truncated: expected ", entry.tensor.bytes,
                                                " bytes from byte ", entry.offset,
                                                " on, found a file of ", file_.size()));
      }
      order.push_back(&entry);
    }
    std::sort(order.begin(), order.end(), [](const GgufTensor* a, const GgufTensor* b) {
      return std::pair(a->offset, a->tensor.bytes) < std::pair(b->offset, b->tensor.bytes);
    });
    for (size_t i = 1; i < order.size(); ++i) {
      const GgufTensor& before = *order[i - 1];
      if (order[i]->offset >= before.offset + before.tensor.bytes) continue;
      return Invalid(order[i]->tensor,
                     absl::StrCat("it overlaps tensor \"", before.tensor.name, "\""));
    }
    return absl::OkStatus();
  }

  absl::Status Invalid(const SourceTensor& tensor, absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(file_.path(), ": tensor \"", tensor.name, "\": ", what));
  }

  const InputFile& file_;
  GgufParts parts_;
  InputCursor cursor_;
  uint64_t num_tensors_ = 0;
  uint64_t num_entries_ = 0;
  absl::flat_hash_set<std::string> names_;
  GgufHeader header_{json::object(), {}, {}};
};

}  // namespace

bool IsGguf(const InputFile& file) {
  InputCursor cursor(file, file.size());
  return cursor.Number<uint32_t>() == kMagic;
}

absl::StatusOr<GgufHeader> ReadGgufHeader(const InputFile& file, GgufParts parts) {
  return HeaderReader(file, parts).Read();
}

}  // namespace inkling
