// The header is padded so that the data begins at a multiple of 64 bytes, as the format asks.

#include "examples/programs/npy_writer.h"

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace inkling {

static_assert(std::endian::native == std::endian::little, "'<f4' is written from memory as it is");

absl::StatusOr<NpyWriter> NpyWriter::Create(const std::string& path, int64_t rows,
                                            int64_t columns) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) {
    return absl::PermissionDeniedError(
        absl::StrCat("can't write '", path, "': ", std::strerror(errno)));
  }
  NpyWriter writer(file, path, rows * columns);
  std::string header = absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows,
                                    ", ", columns, "), }");
  constexpr size_t kPrefixBytes = 10;  // magic, version, header length
  while ((kPrefixBytes + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string prefix("\x93NUMPY\x01\x00", 8);
  prefix += static_cast<char>(header.size() & 0xFF);
  prefix += static_cast<char>(header.size() >> 8);
  prefix += header;
  if (std::fwrite(prefix.data(), 1, prefix.size(), file) != prefix.size()) {
    return absl::DataLossError(absl::StrCat("can't write to '", path, "': ", std::strerror(errno)));
  }
  return writer;
}

absl::Status NpyWriter::Write(absl::Span<const float> values) {
  missing_ -= static_cast<int64_t>(values.size());
  if (std::fwrite(values.data(), sizeof(float), values.size(), file_.get()) == values.size())
    return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("can't write to '", path_, "': ", std::strerror(errno)));
}

absl::Status NpyWriter::Finish() {
  if (missing_ != 0)
    return absl::DataLossError(absl::StrCat("'", path_, "' lacks ", missing_, " values"));
  if (std::fclose(file_.release()) == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("can't write to '", path_, "': ", std::strerror(errno)));
}

}  // namespace inkling
