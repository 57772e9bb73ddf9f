// One scale and at most one zero point for each row.

#include "converter/checkpoints/mediapipe/mediapipe_companions.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>

#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace inkling {
namespace {

using Type = MediapipeTensor::Type;

constexpr absl::string_view kScaleEnding = "_quantized_scale";
constexpr absl::string_view kZeroPointEnding = "_quantized_zp";
constexpr absl::string_view kSumEnding = ".sum_i";
constexpr absl::string_view kEndings[] = {kScaleEnding, kZeroPointEnding, kSumEnding};

std::string Describe(const MediapipeTensor& tensor, absl::Span<const int64_t> shape) {
  return absl::StrCat("tensor \"", tensor.name, "\" [", absl::StrJoin(shape, ", "), "]");
}

// Whether `companion` has a FLOAT32 for each of `rows`.
bool HasOnePerRow(const MediapipeTensor& companion, int64_t rows) {
  return companion.type == Type::kF32 && companion.bytes / 4 == rows && companion.bytes % 4 == 0;
}

// Files for gpu of converter 0.10.35 that are quantised in blocks have room for one scale a row,
// and zeros there.
absl::StatusOr<bool> AreZeros(const InputFile& file, const MediapipeTensor& scales) {
  constexpr int64_t kMostBytes = 4096;
  std::vector<std::byte> bytes(static_cast<size_t>(std::min(scales.bytes, kMostBytes)));
  ABSL_RETURN_IF_ERROR(file.ReadAt(scales.offset, absl::MakeSpan(bytes)));
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::byte byte) { return byte == std::byte{0}; });
}

absl::Status BlocksAreNotRead(const std::string& where) {
  return absl::UnimplementedError(absl::StrCat(
      where,
      ": quantised in blocks, of which MediaPipe's converter doesn't keep the scales: "
      "expected one scale for each row; convert the checkpoint that it was made from"));
}

}  // namespace

MediapipeCompanions::MediapipeCompanions(absl::Span<const MediapipeTensor> tensors) {
  for (const MediapipeTensor& tensor : tensors) by_name_[tensor.name] = &tensor;
}

bool MediapipeCompanions::IsCompanion(const MediapipeTensor& tensor) const {
  return std::any_of(std::begin(kEndings), std::end(kEndings), [&](absl::string_view ending) {
    absl::string_view name = tensor.name;
    return absl::ConsumeSuffix(&name, ending) && by_name_.contains(name);
  });
}

const MediapipeTensor* MediapipeCompanions::Companion(const MediapipeTensor& tensor,
                                                      absl::string_view ending) const {
  const auto found = by_name_.find(absl::StrCat(tensor.name, ending));
  return found == by_name_.end() ? nullptr : found->second;
}

absl::Status MediapipeCompanions::Find(const MediapipeTensor& tensor,
                                       absl::Span<const int64_t> shape, MediapipeBackend backend,
                                       const InputFile& file, MediapipeMatrix& matrix) const {
  const std::string where = Describe(tensor, shape);
  if (tensor.type == Type::kInt32) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": expected type FLOAT32, INT8 or INT4, found INT32"));
  }
  if (tensor.type == Type::kF32 || tensor.type == Type::kF16) return absl::OkStatus();
  const MediapipeTensor* scales = Companion(tensor, kScaleEnding);
  if (scales != nullptr && scales->type == Type::kF32 && shape.size() == 2 &&
      scales->bytes > 4 * matrix.rows && scales->bytes % (4 * matrix.rows) == 0) {
    return BlocksAreNotRead(where);
  }
  if (scales == nullptr || shape.size() != 2 || !HasOnePerRow(*scales, matrix.rows)) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": expected a matrix and ", matrix.rows,
                     " scales of type FLOAT32 in \"", tensor.name, kScaleEnding, "\", found ",
                     scales == nullptr ? "none" : absl::StrCat(scales->bytes, " bytes")));
  }
  if (backend == MediapipeBackend::kGpu && tensor.type == Type::kInt4) {
    ABSL_ASSIGN_OR_RETURN(const bool lost, AreZeros(file, *scales));
    if (lost) return BlocksAreNotRead(where);
  }
  matrix.scales = scales->offset;
  const MediapipeTensor* zero_points = Companion(tensor, kZeroPointEnding);
  if (zero_points == nullptr) return absl::OkStatus();
  if (backend == MediapipeBackend::kCpu) {
    return absl::UnimplementedError(absl::StrCat("tensor \"", zero_points->name,
                                                 "\": asymmetric quantisation is not supported in "
                                                 "files for cpu"));
  }
  if (!HasOnePerRow(*zero_points, matrix.rows)) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": expected ", matrix.rows, " zero points of type FLOAT32 in \"",
                     zero_points->name, "\", found ", zero_points->bytes, " bytes"));
  }
  matrix.zero_points = zero_points->offset;
  return absl::OkStatus();
}

}  // namespace inkling
