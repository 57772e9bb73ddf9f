// Tiles become rows strip by strip: four inputs of all outputs asked for lie together.

#include "converter/checkpoints/mediapipe/mediapipe_matrix.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/status/status_macros.h"
#include "absl/types/span.h"
#include "converter/files/checked_size.h"
#include "converter/files/source_numbers.h"

namespace inkling {
namespace {

using Type = MediapipeTensor::Type;

constexpr int64_t kTile = 4;  // rows, and columns

int64_t RoundedUp(int64_t size) { return (size + kTile - 1) / kTile * kTile; }

int64_t Bits(Type type) {
  switch (type) {
    case Type::kF32:
    case Type::kInt32:
      return 32;
    case Type::kF16:
      return 16;
    case Type::kInt8:
      return 8;
    case Type::kInt4:
      return 4;
  }
  return 32;
}

bool IsFloat(Type type) { return type == Type::kF32 || type == Type::kF16; }

// Bytes of a row in the order of model files.
int64_t RowBytes(Type type, int64_t columns) { return (columns * Bits(type) + 7) / 8; }

absl::Span<std::byte> Grow(std::vector<std::byte>& bytes, int64_t more) {
  const size_t end = bytes.size();
  bytes.resize(end + static_cast<size_t>(more));
  return absl::MakeSpan(bytes).subspan(end);
}

// Puts a strip of four inputs, [row][4 inputs][4 outputs] from the tile of `skip` rows on, into
// rows of whole bytes.
void ScatterBytes(const std::byte* strip, int64_t size, int64_t skip, int64_t num_rows,
                  int64_t num_columns, int64_t row_bytes, std::byte* rows) {
  for (int64_t row = 0; row < num_rows; ++row) {
    const int64_t place = row + skip;
    const std::byte* tile = strip + (place / kTile * kTile * kTile + place % kTile) * size;
    for (int64_t column = 0; column < num_columns; ++column) {
      std::memcpy(rows + row * row_bytes + column * size, tile + column * kTile * size,
                  static_cast<size_t>(size));
    }
  }
}

// The same for nibbles, the lower one first on both sides; a column that isn't there stays 0.
void ScatterNibbles(const std::byte* strip, int64_t skip, int64_t num_rows, int64_t num_columns,
                    int64_t row_bytes, std::byte* rows) {
  for (int64_t row = 0; row < num_rows; ++row) {
    const int64_t place = row + skip;
    for (int64_t column = 0; column < num_columns; ++column) {
      const int64_t index = place / kTile * kTile * kTile + column * kTile + place % kTile;
      const auto pair = std::to_integer<unsigned>(strip[index / 2]);
      const unsigned nibble = index % 2 == 0 ? pair & 15u : pair >> 4;
      rows[row * row_bytes + column / 2] |=
          static_cast<std::byte>(column % 2 == 0 ? nibble : nibble << 4);
    }
  }
}

// Rows of a tiled tensor, as they are numbered in the file: int8 has 128 added still.
absl::Status ReadTiles(const InputFile& file, const MediapipeMatrix& matrix, int64_t first_row,
                       int64_t num_rows, absl::Span<std::byte> rows) {
  const int64_t bits = Bits(matrix.type);
  const int64_t row_bytes = RowBytes(matrix.type, matrix.columns);
  const int64_t first_tile = first_row / kTile;
  const int64_t skip = first_row % kTile;
  const int64_t strip_bytes = RoundedUp(skip + num_rows) * kTile * bits / 8;
  const int64_t stride = RoundedUp(matrix.rows) * kTile * bits / 8;
  const int64_t begin = matrix.values + first_tile * kTile * kTile * bits / 8;
  std::vector<std::byte> strip(static_cast<size_t>(strip_bytes));
  for (int64_t column = 0; column < matrix.columns; column += kTile) {
    ABSL_RETURN_IF_ERROR(file.ReadAt(begin + column / kTile * stride, absl::MakeSpan(strip)));
    const int64_t count = std::min(kTile, matrix.columns - column);
    std::byte* out = rows.data() + column * bits / 8;
    if (matrix.type == Type::kInt4) {
      ScatterNibbles(strip.data(), skip, num_rows, count, row_bytes, out);
    } else {
      ScatterBytes(strip.data(), bits / 8, skip, num_rows, count, row_bytes, out);
    }
  }
  return absl::OkStatus();
}

// Numbers of one a row: scales, zero points.
absl::Status AppendOnePerRow(const InputFile& file, int64_t start, int64_t first_row,
                             int64_t num_rows, std::vector<std::byte>& bytes) {
  constexpr int64_t kSize = sizeof(float);
  return file.ReadAt(start + first_row * kSize, Grow(bytes, num_rows * kSize));
}

// Number `row` of those.
float NumberAt(absl::Span<const std::byte> bytes, int64_t row) {
  float number = 0;
  std::memcpy(&number, bytes.data() + row * static_cast<int64_t>(sizeof(number)), sizeof(number));
  return number;
}

// The quantised value of each value of one row, as in the order of model files.
void ReadQuants(const std::byte* row, Type type, absl::Span<float> quants) {
  for (size_t i = 0; i < quants.size(); ++i) {
    if (type == Type::kInt8) {
      quants[i] = static_cast<float>(std::to_integer<int8_t>(row[i]));
    } else {
      const int pair = std::to_integer<int>(row[i / 2]);
      quants[i] = static_cast<float>((i % 2 == 0 ? pair & 15 : pair >> 4) - 8);
    }
  }
}

}  // namespace

std::optional<int64_t> MediapipeValueBytes(Type type, int64_t rows, int64_t columns, bool tiled) {
  constexpr int64_t kMost = int64_t{1} << 60;
  if (rows > kMost || columns > kMost) return std::nullopt;
  int64_t bits = 0;
  const int64_t sizes[] = {tiled ? RoundedUp(rows) : rows, tiled ? RoundedUp(columns) : columns};
  if (!CheckedMultiply(Bits(type), sizes, bits)) return std::nullopt;
  return bits / 8;
}

absl::Status AppendStoredRows(const InputFile& file, const MediapipeMatrix& matrix,
                              int64_t first_row, int64_t num_rows, QuantizedRows& rows) {
  const int64_t row_bytes = RowBytes(matrix.type, matrix.columns);
  const absl::Span<std::byte> values = Grow(rows.values, num_rows * row_bytes);
  if (matrix.tiled) {
    ABSL_RETURN_IF_ERROR(ReadTiles(file, matrix, first_row, num_rows, values));
    if (matrix.type == Type::kInt8) {
      for (std::byte& value : values) value ^= std::byte{0x80};
    }
  } else {
    ABSL_RETURN_IF_ERROR(file.ReadAt(matrix.values + first_row * row_bytes, values));
  }
  if (matrix.scales < 0) return absl::OkStatus();
  return AppendOnePerRow(file, matrix.scales, first_row, num_rows, rows.scales);
}

absl::Status AppendFloatRows(const InputFile& file, const MediapipeMatrix& matrix,
                             int64_t first_row, int64_t num_rows, std::vector<float>& rows) {
  QuantizedRows stored;
  ABSL_RETURN_IF_ERROR(AppendStoredRows(file, matrix, first_row, num_rows, stored));
  if (IsFloat(matrix.type)) {
    ABSL_ASSIGN_OR_RETURN(const std::vector<float> values,
                          ConvertToFloat(stored.values, matrix.type == Type::kF16 ? "F16" : "F32"));
    rows.insert(rows.end(), values.begin(), values.end());
    return absl::OkStatus();
  }
  std::vector<std::byte> zero_points;
  if (matrix.zero_points >= 0) {
    ABSL_RETURN_IF_ERROR(
        AppendOnePerRow(file, matrix.zero_points, first_row, num_rows, zero_points));
  }
  const size_t width = static_cast<size_t>(matrix.columns);
  size_t end = rows.size();
  rows.resize(end + static_cast<size_t>(num_rows) * width);
  for (int64_t row = 0; row < num_rows; ++row, end += width) {
    const absl::Span<float> values = absl::MakeSpan(rows).subspan(end, width);
    ReadQuants(stored.values.data() + row * RowBytes(matrix.type, matrix.columns), matrix.type,
               values);
    const float scale = NumberAt(stored.scales, row);
    const float zero_point = zero_points.empty() ? 0.0f : NumberAt(zero_points, row);
    for (float& value : values) value = (value - zero_point) * scale;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> UsesBothEnds(const InputFile& file, const MediapipeMatrix& matrix,
                                  int64_t num_rows) {
  QuantizedRows stored;
  ABSL_RETURN_IF_ERROR(AppendStoredRows(file, matrix, 0, num_rows, stored));
  const float highest = matrix.type == Type::kInt8 ? 127.0f : 7.0f;
  std::vector<float> quants(static_cast<size_t>(matrix.columns));
  for (int64_t row = 0; row < num_rows; ++row) {
    ReadQuants(stored.values.data() + row * RowBytes(matrix.type, matrix.columns), matrix.type,
               absl::MakeSpan(quants));
    const auto [low, high] = std::minmax_element(quants.begin(), quants.end());
    if (*low != -highest - 1 || *high != highest) return false;
  }
  return true;
}

}  // namespace inkling
