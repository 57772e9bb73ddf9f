// Loops without branches, which the compiler turns into SIMD: reading must not be the bottleneck.

#include "converter/source_numbers.h"

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

namespace inkling {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints are little-endian");

uint16_t Load16(const std::byte* bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

float WidenBfloat16(uint16_t bits) { return absl::bit_cast<float>(uint32_t{bits} << 16); }

// The exponent moves by a multiplication, which also makes subnormal halves normal; infinities and
// NaNs (exponent 31) get the float's own exponent bits instead.
float WidenHalf(uint16_t bits) {
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

bool CanWiden(absl::string_view dtype) {
  return dtype == "F32" || dtype == "F16" || dtype == "BF16";
}

absl::StatusOr<std::vector<float>> WidenToFloat(absl::Span<const std::byte> bytes,
                                                absl::string_view dtype) {
  if (!CanWiden(dtype)) {
    return absl::UnimplementedError(
        absl::StrCat("numbers of type ", dtype, ": expected F32, F16 or BF16"));
  }
  const size_t size = static_cast<size_t>(DtypeBytes(dtype));
  if (bytes.size() % size != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(bytes.size(), " bytes are no whole number of ", dtype, " values"));
  }
  std::vector<float> values(bytes.size() / size);
  if (dtype == "F32") {
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  } else if (dtype == "BF16") {
    for (size_t i = 0; i < values.size(); ++i) values[i] = WidenBfloat16(Load16(&bytes[2 * i]));
  } else {
    for (size_t i = 0; i < values.size(); ++i) values[i] = WidenHalf(Load16(&bytes[2 * i]));
  }
  return values;
}

}  // namespace inkling
