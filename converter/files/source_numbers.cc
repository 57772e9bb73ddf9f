// Sizes of number types by name, and their conversion: plain numbers go through DequantizeRows.

#include "converter/files/source_numbers.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "converter/files/block_formats.h"
#include "src/format/element_type.h"
#include "src/format/quantization.h"

namespace inkling {

static_assert(std::endian::native == std::endian::little, "checkpoints are little-endian");

int64_t DtypeBytes(absl::string_view dtype) {
  static constexpr std::pair<absl::string_view, int64_t> kSizes[] = {
      {"F32", 4},  {"F16", 2}, {"BF16", 2},    {"F64", 8},     {"I64", 8},    {"U64", 8},
      {"I32", 4},  {"U32", 4}, {"I16", 2},     {"U16", 2},     {"I8", 1},     {"U8", 1},
      {"BOOL", 1}, {"C64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1}};
  for (const auto& [name, bytes] : kSizes) {
    if (name == dtype) return bytes;
  }
  return 0;
}

// Plain numbers of GGUF files have the same names.
bool CanDequantize(absl::string_view dtype) { return FindBlockFormat(dtype) != nullptr; }

absl::StatusOr<std::vector<float>> ConvertToFloat(absl::Span<const std::byte> bytes,
                                                  absl::string_view dtype) {
  const BlockFormat* format = FindBlockFormat(dtype);
  if (format == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("numbers of type ", dtype, ": expected one of ", BlockFormatNames()));
  }
  const size_t block_bytes = static_cast<size_t>(format->num_bytes);
  if (bytes.size() % block_bytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(bytes.size(), " bytes are no whole number of ", dtype, " values"));
  }
  if (bytes.empty()) return std::vector<float>();
  const size_t num_blocks = bytes.size() / block_bytes;
  if (format->dequantize == nullptr) {
    const ElementType element = dtype == "F32"    ? ElementType::kF32
                                : dtype == "BF16" ? ElementType::kBf16
                                                  : ElementType::kF16;
    return DequantizeRows(bytes, {}, 1, static_cast<int64_t>(num_blocks), {element});
  }
  const size_t num_values = static_cast<size_t>(format->num_values);
  std::vector<float> values(num_blocks * num_values);
  for (size_t i = 0; i < num_blocks; ++i) {
    format->dequantize(&bytes[i * block_bytes], &values[i * num_values]);
  }
  return values;
}

}  // namespace inkling
