// ImportanceFile: what a model's matrices are multiplied with, and how much an error in each costs.
//
// `inkling-eval importance` measures it on a text with a model that is converted already, and
// writes it; inkling-convert reads it, to round weights by the error of the matmuls instead of the
// error of the weights. A safetensors file of f32 tensors:
//   NAME.inputs   [columns, block]  mean of x[i] * x[block * (i / block) + j] over the inputs x of
//                                   the matrix; 0 beyond the last column
//   NAME.outputs  [3]               mean of |y|^2 over the outputs y, the sensitivity, and the mean
//                                   of the squared range of an input
// Matrices that read the same input (q, k and v; gate and up) share the `inputs` of one of them.

#ifndef INKLING_CONVERTER_QUANTIZE_IMPORTANCE_FILE_H_
#define INKLING_CONVERTER_QUANTIZE_IMPORTANCE_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/files/input_file.h"
#include "converter/files/source_tensor.h"

namespace inkling {

// Second moments of a matrix's inputs, for each pair of one block of columns.
struct InputMoments {
  int64_t columns = 0;
  int64_t block = 0;          // columns of a block; the last one may be shorter
  std::vector<float> values;  // [columns, block], as in the file
};

struct OutputImportance {
  double power = 0;  // mean of |y|^2

  // The KL divergence of the model's predictions that independent noise of power p in this matrix's
  // outputs brings about, divided by p / power. Divergences of several matrices add up while they
  // are small.
  double sensitivity = 0;

  // Mean of (max x - min x)^2 over the inputs x, 0 counted among their values: int8 inputs are
  // rounded to a 255th of their range.
  double squared_range = 0;
};

// What a program that measures fills in, by the names of the tensors.
struct ImportanceData {
  std::map<std::string, InputMoments> inputs;
  std::map<std::string, OutputImportance> outputs;
};

// The tensor under whose name the inputs of `weight` are kept.
std::string InputOwner(absl::string_view weight);

// Writes `path`. Errors: those of the file system.
absl::Status WriteImportance(const std::string& path, const ImportanceData& data);

class ImportanceFile {
 public:
  // Errors: those of a safetensors file; InvalidArgument for tensors of other names, types or
  // shapes, and for numbers that can't be.
  static absl::StatusOr<std::unique_ptr<ImportanceFile>> Open(const std::string& path);

  // The inputs of matrix `weight`, read from the file. Errors: NotFound; InvalidArgument if they
  // have another number of columns or aren't finite; DataLoss.
  absl::StatusOr<InputMoments> ReadInputs(absl::string_view weight, int64_t columns) const;

  // Errors: NotFound.
  absl::StatusOr<OutputImportance> Outputs(absl::string_view weight) const;

 private:
  explicit ImportanceFile(InputFile file) : file_(std::move(file)) {}

  absl::Status ReadEntries();
  absl::StatusOr<std::vector<float>> ReadNumbers(const WeightEntry& entry) const;

  InputFile file_;
  std::map<std::string, WeightEntry, std::less<>> inputs_;
  std::map<std::string, OutputImportance, std::less<>> outputs_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_QUANTIZE_IMPORTANCE_FILE_H_
