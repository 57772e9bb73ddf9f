// Names of types and qualities to ConvertOptions (see conversion_flags.h).

#include "converter/conversion_flags.h"

#include <cstdlib>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

// "int4" with --block's value, "int8", "f16", "f32". The names were checked by CLI11.
TensorType TypeByName(const std::string& name, const std::string& block) {
  if (name == "f32") return {ElementType::kF32, 0};
  if (name == "f16") return {ElementType::kF16, 0};
  if (name == "int8") return {ElementType::kInt8Channel, 0};
  if (block == "channel") return {ElementType::kInt4Channel, 0};
  return {ElementType::kInt4Block, block == "128" ? 128 : block == "64" ? 64 : 32};
}

}  // namespace

void ConversionFlags::AddTo(CLI::App& app, const std::string& group) {
  const CLI::IsMember types({"int4", "int8", "f16", "f32"});
  app.add_option("--weights", weights_,
                 "type of the linear layers (default int4; weights that are quantised in the "
                 "checkpoint stay as they are or get the nearest type)")
      ->check(types)
      ->group(group);
  app.add_option("--block", block_, "inputs that share a scale of int4 (default 32)")
      ->check(CLI::IsMember({"32", "64", "128", "channel"}))
      ->group(group);
  app.add_option("--embedding", embedding_,
                 "type of the embedding (default int8; f16 and f32 follow --weights)")
      ->check(types)
      ->group(group);
  app.add_option("--head", head_, "type of the output matrix (default as --embedding)")
      ->check(types)
      ->group(group);
  app.add_option("--tokenizer", options_.tokenizer_path,
                 "tokenizer.json, tokenizer.model, tokenizer.bin or GGUF file to use instead of "
                 "the checkpoint's")
      ->group(group);
  app.add_option("--variant", options_.variant,
                 "which weights of a folder that has several: fp16 reads model.fp16.safetensors "
                 "(or its shards) instead of model.safetensors")
      ->group(group);
  app.add_option(
         "--quality", quality_,
         "normal (default), or best: rounds weights by the error of their matmuls and evens out "
         "their inputs; much slower")
      ->check(CLI::IsMember({"normal", "best"}))
      ->group(group);
  app.add_option("--importance", options_.importance_path,
                 "statistics of the model's inputs, made by inkling-eval importance; best needs "
                 "them, and the summary tells the expected loss")
      ->group(group);
  app.add_option("--bits", bits_,
                 "most bits per weight: the most sensitive int4 matrices become int8, and int8 f16 "
                 "(f32 in memory), within it; needs --importance")
      ->check(CLI::Range(1.0, 32.0))
      ->group(group);
}

std::string ConversionFlags::Resolve() {
  std::string weights = weights_;
  if (!block_.empty() && weights.empty()) weights = "int4";
  if (!block_.empty() && weights != "int4" && embedding_ != "int4" && head_ != "int4") {
    return "--block needs int4 in --weights, --embedding or --head";
  }
  if (options_.importance_path.empty() && (quality_ == "best" || !bits_.empty())) {
    return "--quality=best and --bits need --importance, which inkling-eval importance makes";
  }
  if (quality_ == "best") options_.quality = ConvertQuality::kBest;
  if (!weights.empty()) options_.weights = TypeByName(weights, block_);
  if (!embedding_.empty()) options_.embedding = TypeByName(embedding_, block_);
  if (!head_.empty()) options_.head = TypeByName(head_, block_);
  if (!bits_.empty()) options_.bits_per_weight = std::strtod(bits_.c_str(), nullptr);
  return "";
}

std::string ConversionFlags::Given() const {
  std::string given;
  const std::pair<const char*, const std::string*> flags[] = {
      {"--weights", &weights_},
      {"--block", &block_},
      {"--embedding", &embedding_},
      {"--head", &head_},
      {"--tokenizer", &options_.tokenizer_path},
      {"--variant", &options_.variant},
      {"--quality", &quality_},
      {"--importance", &options_.importance_path},
      {"--bits", &bits_}};
  for (const auto& [name, value] : flags) {
    if (!value->empty()) absl::StrAppend(&given, given.empty() ? "" : " ", name, "=", *value);
  }
  return given;
}

}  // namespace inkling
