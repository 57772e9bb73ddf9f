// Writes float32 matrices as NumPy's .npy files, version 1.0.
//
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

#ifndef INKLING_EXAMPLES_PROGRAMS_NPY_WRITER_H_
#define INKLING_EXAMPLES_PROGRAMS_NPY_WRITER_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace inkling {

class NpyWriter {
 public:
  // Creates `path` for a [rows, columns] matrix and writes the header. Errors: PermissionDenied.
  static absl::StatusOr<NpyWriter> Create(const std::string& path, int64_t rows, int64_t columns);

  // Appends values in row order.
  absl::Status Write(absl::Span<const float> values);

  // Errors: DataLoss if the number of values isn't rows x columns or the disk is full.
  absl::Status Finish();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  NpyWriter(std::FILE* file, std::string path, int64_t expected)
      : file_(file), path_(std::move(path)), missing_(expected) {}

  std::unique_ptr<std::FILE, Closer> file_;
  std::string path_;
  int64_t missing_;
};

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_NPY_WRITER_H_
