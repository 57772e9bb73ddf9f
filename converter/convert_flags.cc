// Flags through CLI11, which throws; the exceptions end here.

#include "converter/convert_flags.h"

#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "converter/conversion_flags.h"

namespace inkling {
namespace {

constexpr char kDescription[] =
    "Converts a checkpoint to one Inkling model file.\n\n"
    "CHECKPOINT is one of these, recognised by its content:\n"
    "  a Hugging Face folder: config.json, a tokenizer, and the weights in safetensors or\n"
    "    pytorch_model.bin, in one file or in shards (a weight file alone will do if the rest\n"
    "    lies next to it)\n"
    "  a GGUF file (F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K), any one of\n"
    "    its shards, or a folder with one such model; config and tokenizer are inside\n"
    "  an LLM file of MediaPipe for cpu or gpu (gemma-2b-it-gpu-int4.bin), or a .task bundle with\n"
    "    such a file; its int4 and int8 weights stay as they are unless --weights asks for "
    "another\n"
    "    type; those with zero points become int4 in blocks of 32, and int8\n"
    "  a llama2.c .bin file\n"
    "With --lora, CHECKPOINT is the folder of a PEFT adapter, or a LoRA file of MediaPipe's:\n"
    "  inkling-convert --lora ADAPTER OUT --base=MODEL\n"
    "OUT appears when it is complete, or not at all.";

constexpr char kFooter[] =
    "\nAn int4 matrix whose columns don't divide into blocks is stored as int8; the summary says "
    "so.\n"
    "A model whose head is tied to its embedding keeps one matrix for both, unless --embedding "
    "and\n"
    "--head are both given and differ.\n"
    "Quantised weights of a GGUF file become the nearest type, and are rounded a second time: 4 "
    "bits\n"
    "become int4 in blocks of 32, 5 to 8 bits int8. Blocks of Q4_0 with a positive scale keep "
    "their\n"
    "values; those with a negative one, about half, lose one value. --weights=int8 loses less.\n"
    "Of tokenizer files that contradict each other, that counts which transformers 5 reads; the\n"
    "list, and the exceptions, are in converter/tokenizer/TOKENIZER_FILES.md.\n\n"
    "Exit status: 0 done, 1 failed, 2 bad command line, 130 or 143 stopped by a signal.";

ParsedCommandLine UsageError(const std::string& message) {
  ParsedCommandLine parsed;
  parsed.outcome = ParsedCommandLine::Outcome::kUsageError;
  parsed.message = message;
  return parsed;
}

}  // namespace

ParsedCommandLine ParseCommandLine(int argc, const char* const* argv) {
  ParsedCommandLine parsed;
  ConvertFlags& flags = parsed.flags;
  ConversionFlags conversion;
  CLI::App app(kDescription, "inkling-convert");
  app.footer(kFooter);
  app.add_option("CHECKPOINT", flags.checkpoint_path, "the checkpoint's folder or file")
      ->required();
  app.add_option("OUT", flags.output_path, "the model file to write")->required();
  conversion.AddTo(app, "Options");
  app.add_flag("--lora", flags.lora,
               "CHECKPOINT is a LoRA adapter (PEFT's folder, MediaPipe's file); OUT becomes an "
               "adapter file")
      ->group("LoRA");
  app.add_option("--base", flags.base_path,
                 "with --lora: the base model's file, any conversion of its checkpoint")
      ->group("LoRA");
  std::string projection;
  app.add_option("--mediapipe-output-projection", projection,
                 "with --lora, for a file of MediaPipe's: attention's output as it was meant to be "
                 "(default), or as MediaPipe's runtime computes it, whose converter reshapes those "
                 "matrices where it should transpose them")
      ->check(CLI::IsMember({"meant", "as-run"}))
      ->group("LoRA");
  app.add_flag("--quiet", flags.quiet, "print errors only");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    parsed.outcome = ParsedCommandLine::Outcome::kPrintHelp;
    parsed.message = app.help();
    return parsed;
  } catch (const CLI::ParseError& error) {
    return UsageError(error.what());
  }
  if (flags.lora != !flags.base_path.empty()) {
    return UsageError(flags.lora ? "--lora needs --base=MODEL, the base model's file"
                                 : "--base is for --lora");
  }
  if (flags.lora && !conversion.Given().empty()) {
    return UsageError(absl::StrCat(conversion.Given(), " is for models, not for --lora"));
  }
  if (!projection.empty()) {
    if (!flags.lora) return UsageError("--mediapipe-output-projection is for --lora");
    flags.lora_options.mediapipe_output_projection = projection == "meant"
                                                         ? MediapipeOutputProjection::kMeant
                                                         : MediapipeOutputProjection::kAsRun;
  }
  const std::string wrong = conversion.Resolve();
  if (!wrong.empty()) return UsageError(wrong);
  flags.options = conversion.options();
  return parsed;
}

}  // namespace inkling
