// Names what a file is that isn't one of our model files, so that errors can say what to do.
//
// ModelReader, inkling-convert and inkling-run ask it. It looks at the beginning of a file and
// judges nothing: the readers do that.

#ifndef INKLING_SRC_FORMAT_FOREIGN_FILE_H_
#define INKLING_SRC_FORMAT_FOREIGN_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace inkling {

struct ForeignFile {
  // What to do with a file of this kind.
  enum class Use : uint8_t {
    kConvert,        // inkling-convert reads the file itself
    kConvertFolder,  // it reads the file with those beside it (config.json, a tokenizer)
    kOther,          // see `advice`
  };

  std::string name;  // "a GGUF file"; empty: unknown
  Use use = Use::kOther;
  // kOther: "only version 0 is read"; kConvert: when it does, ", where ..."; may be empty.
  std::string advice;
};

// How much of a file's beginning is enough.
constexpr size_t kForeignFileBytes = size_t{1} << 20;

// Whether a file with this beginning says that it is a model file of Inkling, damaged or not.
bool IsModelFile(absl::string_view start);

// Whether it is the beginning of a web page, which a download gave instead of a file.
bool IsWebPage(absl::string_view start);

// What a file of `size` bytes with this beginning is. A model file of Inkling is unknown here.
ForeignFile RecognizeForeignFile(absl::string_view start, int64_t size);

// "found a GGUF file; `inkling-convert PATH model.tflite` makes a model file of it"; empty for an
// unknown file.
std::string DescribeForeignFile(const ForeignFile& file, absl::string_view path);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_FOREIGN_FILE_H_
