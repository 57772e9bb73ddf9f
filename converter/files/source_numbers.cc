// Loops without branches, which the compiler turns into SIMD: reading must not be the bottleneck.

#include "converter/files/source_numbers.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/casts.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "converter/files/block_formats.h"

namespace inkling {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints are little-endian");

uint16_t Load16(const std::byte* bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

float ConvertBfloat16(uint16_t bits) { return absl::bit_cast<float>(uint32_t{bits} << 16); }

// The exponent moves by a multiplication, which also makes subnormal halves normal; infinities and
// NaNs (exponent 31) get the float's own exponent bits instead.
float ConvertHalf(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t magnitude = uint32_t{bits & 0x7FFFu} << 13;
  const uint32_t finite = absl::bit_cast<uint32_t>(absl::bit_cast<float>(magnitude) * 0x1p112f);
  const uint32_t special = magnitude | 0x7F800000u;
  return absl::bit_cast<float>(sign | ((bits & 0x7C00u) == 0x7C00u ? special : finite));
}

}  // namespace

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
  const size_t num_values = static_cast<size_t>(format->num_values);
  std::vector<float> values(bytes.size() / block_bytes * num_values);
  if (format->dequantize != nullptr) {
    for (size_t i = 0; i < bytes.size() / block_bytes; ++i) {
      format->dequantize(&bytes[i * block_bytes], &values[i * num_values]);
    }
  } else if (dtype == "F32") {
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  } else if (dtype == "BF16") {
    for (size_t i = 0; i < values.size(); ++i) values[i] = ConvertBfloat16(Load16(&bytes[2 * i]));
  } else {
    for (size_t i = 0; i < values.size(); ++i) values[i] = ConvertHalf(Load16(&bytes[2 * i]));
  }
  return values;
}

}  // namespace inkling
