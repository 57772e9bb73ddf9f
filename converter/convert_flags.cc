// Flags through CLI11, which throws; the exceptions end here.

#include "converter/convert_flags.h"

#include <cstdint>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"

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
    "  an LLM file of MediaPipe for CPUs (gemma-2b-it-cpu-int4.bin); its int4 and int8 weights\n"
    "    stay as they are unless --weights asks for another type\n"
    "  a llama2.c .bin file\n"
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
    "levels; those with a negative one, about half, lose one level. --weights=int8 loses less.\n"
    "Of tokenizer files that contradict each other, that counts which transformers 5 reads; the\n"
    "list, and the exceptions, are in converter/TOKENIZER_FILES.md.\n\n"
    "Exit status: 0 done, 1 failed, 2 bad command line, 130 or 143 stopped by a signal.";

// "int4" with --block's value, "int8", "f16", "f32". The names were checked by CLI11.
TensorType TypeByName(const std::string& name, const std::string& block) {
  if (name == "f32") return {ElementType::kF32, 0};
  if (name == "f16") return {ElementType::kF16, 0};
  if (name == "int8") return {ElementType::kInt8Channel, 0};
  if (block == "channel") return {ElementType::kInt4Channel, 0};
  return {ElementType::kInt4Block, block == "128" ? 128 : block == "64" ? 64 : 32};
}

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
  std::string weights;
  std::string block = "32";
  std::string embedding;
  std::string head;
  std::string quality = "normal";

  CLI::App app(kDescription, "inkling-convert");
  app.footer(kFooter);
  app.add_option("CHECKPOINT", flags.checkpoint_path, "the checkpoint's folder or file")
      ->required();
  app.add_option("OUT", flags.output_path, "the model file to write")->required();
  const CLI::IsMember types({"int4", "int8", "f16", "f32"});
  app.add_option("--weights", weights,
                 "type of the linear layers (default int4; weights that are quantised in the "
                 "checkpoint stay as they are or get the nearest type)")
      ->check(types);
  CLI::Option* block_option =
      app.add_option("--block", block, "inputs that share a scale of int4 (default 32)")
          ->check(CLI::IsMember({"32", "64", "128", "channel"}));
  app.add_option("--embedding", embedding,
                 "type of the embedding (default int8; f16 and f32 follow --weights)")
      ->check(types);
  app.add_option("--head", head, "type of the output matrix (default as --embedding)")
      ->check(types);
  app.add_option("--tokenizer", flags.options.tokenizer_path,
                 "tokenizer.json, tokenizer.model, tokenizer.bin or GGUF file to use instead of "
                 "the checkpoint's");
  app.add_option("--variant", flags.options.variant,
                 "which weights of a folder that has several: fp16 reads model.fp16.safetensors "
                 "(or its shards) instead of model.safetensors");
  app.add_option(
         "--quality", quality,
         "normal (default), or best: rounds weights by the error of their products and evens out "
         "their inputs; much slower")
      ->check(CLI::IsMember({"normal", "best"}));
  app.add_option("--importance", flags.options.importance_path,
                 "statistics of the model's inputs, made by inkling-eval importance; best needs "
                 "them, and the summary tells the expected loss");
  app.add_option("--bits", flags.options.bits_per_weight,
                 "most bits per weight: the most sensitive int4 matrices become int8, and int8 f16 "
                 "(f32 in memory), within it; needs --importance")
      ->check(CLI::Range(1.0, 32.0));
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
  if (block_option->count() > 0 && weights.empty()) weights = "int4";
  if (block_option->count() > 0 && weights != "int4" && embedding != "int4" && head != "int4") {
    return UsageError("--block needs int4 in --weights, --embedding or --head");
  }
  if (flags.options.importance_path.empty() &&
      (quality == "best" || flags.options.bits_per_weight.has_value())) {
    return UsageError(
        "--quality=best and --bits need --importance, which inkling-eval importance makes");
  }
  if (quality == "best") flags.options.quality = ConvertQuality::kBest;
  if (!weights.empty()) flags.options.weights = TypeByName(weights, block);
  if (!embedding.empty()) flags.options.embedding = TypeByName(embedding, block);
  if (!head.empty()) flags.options.head = TypeByName(head, block);
  return parsed;
}

}  // namespace inkling
