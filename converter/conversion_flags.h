// The flags that say how a checkpoint is converted, for every program that converts one.
//
// inkling-convert and inkling-run have the same ones.

#ifndef INKLING_CONVERTER_CONVERSION_FLAGS_H_
#define INKLING_CONVERTER_CONVERSION_FLAGS_H_

#include <string>

#include "converter/convert.h"

namespace CLI {
class App;
}

namespace inkling {

class ConversionFlags {
 public:
  // Adds the flags to `app`, in this group of its help. `this` must outlive the parsing.
  void AddTo(CLI::App& app, const std::string& group);

  // After parsing: sets options(). Returns what is wrong with the flags together, or nothing.
  std::string Resolve();

  // The flags given, as "--weights=int8 --embedding=f16"; empty if none was.
  std::string Given() const;

  const ConvertOptions& options() const { return options_; }

 private:
  std::string weights_;
  std::string block_;
  std::string embedding_;
  std::string head_;
  std::string quality_;
  std::string bits_;
  ConvertOptions options_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_CONVERSION_FLAGS_H_
