// ConvertedModels: checkpoints that inkling-run was given, converted once and kept in the user's
// cache folder.
//
// A converted file is found again by what it came from: the checkpoint's path, the flags, the sizes
// and times of all files that count, and the program. Another version of one of them replaces it.

#ifndef INKLING_EXAMPLES_PROGRAMS_CONVERTED_MODELS_H_
#define INKLING_EXAMPLES_PROGRAMS_CONVERTED_MODELS_H_

#include <string>

#include "absl/status/statusor.h"
#include "converter/conversion_flags.h"

namespace inkling {

class ConvertedModels {
 public:
  // `flags` are those of the command line, resolved; they must outlive this.
  explicit ConvertedModels(const ConversionFlags& flags) : flags_(flags) {}

  // The model file to open for `path`: `path` itself, unless it is a checkpoint, which is converted
  // first or was before; both are told on stderr. What is neither goes back as it came, for the
  // model's reader to refuse. Errors: those of the conversion, and of the cache folder, with what
  // to do about them; Cancelled by Ctrl-C, and then nothing is left behind.
  absl::StatusOr<std::string> ModelFileOf(const std::string& path);

  // Whether any path was a checkpoint, so that the flags had a use.
  bool converts() const { return converts_; }

 private:
  const ConversionFlags& flags_;
  bool converts_ = false;
};

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_CONVERTED_MODELS_H_
