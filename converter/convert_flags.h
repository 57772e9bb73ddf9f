// The command line of inkling-convert, parsed and checked.

#ifndef INKLING_CONVERTER_CONVERT_FLAGS_H_
#define INKLING_CONVERTER_CONVERT_FLAGS_H_

#include <string>

#include "converter/convert.h"
#include "converter/lora/lora_conversion.h"

namespace inkling {

struct ConvertFlags {
  std::string checkpoint_path;
  std::string output_path;
  ConvertOptions options;  // without a progress callback
  bool quiet = false;
  bool lora = false;      // checkpoint_path is an adapter
  std::string base_path;  // of its base model, with `lora`
  LoraOptions lora_options;
};

// What a command line came to: flags to run with, or a text to print before ending.
struct ParsedCommandLine {
  enum class Outcome { kRun, kPrintHelp, kUsageError };
  Outcome outcome = Outcome::kRun;
  ConvertFlags flags;   // kRun
  std::string message;  // kPrintHelp: the help; kUsageError: one line that says what is wrong
};

ParsedCommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CONVERT_FLAGS_H_
