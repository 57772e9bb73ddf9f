// The config's word first, then the names by which each tool's tensors are known.

#include "converter/checkpoints/foreign_quantization.h"

#include <string>

#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/files/config_fields.h"
#include "nlohmann/json.hpp"

namespace inkling {
namespace {

using nlohmann::json;

constexpr char kBitsAndBytes[] = "bitsandbytes";

// What the name of a tensor gives away. In this order: more than one may fit.
struct TellTale {
  absl::string_view suffix;
  absl::string_view method;
};
constexpr TellTale kTellTales[] = {
    {".qweight", "GPTQ or AWQ"},
    {".weight_packed", "compressed-tensors"},
    {".weight.absmax", kBitsAndBytes},
    {".weight.quant_map", kBitsAndBytes},
    {".SCB", kBitsAndBytes},
    {".weight_scale", "FP8 with scales"},
    {".weight_scale_inv", "FP8 with scales"},
    {".weight._data", "quanto"},
    {".scales", "MLX"},
};

absl::Status Refusal(absl::string_view where, absl::string_view method) {
  return absl::UnimplementedError(
      absl::StrCat(where, ": weights quantised by ", method,
                   " are not read; convert the original checkpoint, whose weights aren't quantised "
                   "yet, or a GGUF file of the model"));
}

// The method that an object of config.json describes; empty if nothing stored is changed by it.
std::string MethodOf(ConfigFields fields) {
  const std::string method = fields.String("quant_method", "");
  if (!method.empty()) return method == kBitsAndBytes ? "" : method;
  const bool on_loading = fields.Has("load_in_4bit") || fields.Has("load_in_8bit");
  return on_loading ? "" : "a method that it doesn't name";
}

// MLX writes `quantization`, and in later versions the same again under the other name.
constexpr absl::string_view kKeys[] = {"quantization", "quantization_config", "compression_config"};

absl::Status RefuseByConfig(const json& config) {
  const ConfigFields fields(config, "config.json");
  for (const absl::string_view key : kKeys) {
    if (!fields.Has(key)) continue;
    const std::string method = key == "quantization" ? "MLX" : MethodOf(fields.Object(key));
    if (!method.empty()) return Refusal(absl::StrCat("config.json: ", key), method);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RefuseForeignQuantization(const Checkpoint& checkpoint) {
  ABSL_RETURN_IF_ERROR(RefuseByConfig(checkpoint.config()));
  for (const TellTale& tell_tale : kTellTales) {
    for (const SourceTensor& tensor : checkpoint.tensors()) {
      if (!absl::EndsWith(tensor.name, tell_tale.suffix)) continue;
      return Refusal(absl::StrCat(tensor.file, ": tensor \"", GivenName(tensor), "\""),
                     tell_tale.method);
    }
  }
  return absl::OkStatus();
}

}  // namespace inkling
