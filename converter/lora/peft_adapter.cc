// Every key of adapter_config.json that changes what is computed is obeyed or refused by name;
// those that only matter for training aren't looked at.
//
// Source: peft's config.py, tuners/lora/config.py and utils/save_and_load.py.

#include "converter/lora/peft_adapter.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <regex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "converter/checkpoints/pytorch/pytorch_archive.h"
#include "converter/files/input_file.h"
#include "converter/files/json_text.h"
#include "converter/files/safetensors_header.h"
#include "converter/files/source_numbers.h"
#include "converter/files/source_tensor.h"
#include "nlohmann/json.hpp"
#include "src/format/lora_file.h"

namespace inkling {
namespace {

using nlohmann::json;

// Keys that must be absent, null, false, empty, 0 or "none".
constexpr const char* kUnsupported[] = {"use_dora",
                                        "use_qalora",
                                        "use_bdlora",
                                        "lora_bias",
                                        "modules_to_save",
                                        "layer_replication",
                                        "trainable_token_indices",
                                        "target_parameters",
                                        "alora_invocation_tokens",
                                        "megatron_config",
                                        "velora_config"};

// Values of init_lora_weights that take something out of the base model's own weights.
constexpr const char* kBaseChangingInits[] = {"pissa", "olora", "corda", "loftq", "lora_ga"};

bool IsOff(const json& value) {
  if (value.is_null()) return true;
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value.get<double>() == 0;
  if (value.is_string()) return value == "none" || value == "";
  return value.empty();
}

absl::Status Refuse(const std::string& path, absl::string_view what, const json& found) {
  return absl::UnimplementedError(
      absl::StrCat(path, ": ", what, " is ", found.dump(), "; Inkling's adapters can't do that"));
}

absl::Status CheckConfig(const json& config, const std::string& path) {
  if (!config.is_object())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected an object, found ", JsonTypeName(config)));
  if (config.value("peft_type", json("LORA")) != "LORA")
    return Refuse(path, "peft_type", config["peft_type"]);
  for (const char* key : kUnsupported) {
    if (config.contains(key) && !IsOff(config[key])) return Refuse(path, key, config[key]);
  }
  if (config.contains("bias") && !IsOff(config["bias"]))
    return Refuse(path, "bias", config["bias"]);
  const json init = config.value("init_lora_weights", json());
  if (!init.is_string()) return absl::OkStatus();
  for (const char* name : kBaseChangingInits) {
    if (absl::StartsWith(init.get<std::string>(), name))
      return Refuse(path, "init_lora_weights (which changes the base model's weights)", init);
  }
  return absl::OkStatus();
}

absl::StatusOr<double> Number(const json& value, absl::string_view what, const std::string& path) {
  if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", what, ": expected a number, found ", value.dump()));
}

constexpr size_t kMostPatternBytes = 256;
constexpr size_t kMostModuleBytes = 1024;

// PEFT's rule for rank_pattern and alpha_pattern: the first key that, as a regular expression,
// matches the module's name or what is behind a dot of it.
absl::StatusOr<const json*> InPattern(const json& config, const char* pattern,
                                      const std::string& module, const std::string& path) {
  if (!config.contains(pattern) || !config[pattern].is_object()) return nullptr;
  for (const auto& [key, value] : config[pattern].items()) {
    // The standard library's matcher goes a call deeper with each character.
    if (key.size() > kMostPatternBytes || module.size() > kMostModuleBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", pattern, ": expected keys of at most ", kMostPatternBytes,
                       " bytes and modules of at most ", kMostModuleBytes, ", found ", key.size(),
                       " and ", module.size()));
    }
    try {
      if (std::regex_match(module, std::regex(absl::StrCat("(.*\\.)?(", key, ")")))) return &value;
    } catch (const std::regex_error&) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", pattern, ": ", key, " is no regular expression"));
    }
  }
  return nullptr;
}

// The factor of a module's update.
absl::StatusOr<double> FactorOf(const json& config, const std::string& module, int64_t rank,
                                const std::string& path) {
  ABSL_ASSIGN_OR_RETURN(const json* own_rank, InPattern(config, "rank_pattern", module, path));
  const json named_rank = own_rank != nullptr ? *own_rank : config.value("r", json(8));
  if (named_rank != rank) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": the rank of ", module, " is ",
                                                   named_rank.dump(), ", but its matrices have ",
                                                   rank));
  }
  ABSL_ASSIGN_OR_RETURN(const json* own_alpha, InPattern(config, "alpha_pattern", module, path));
  ABSL_ASSIGN_OR_RETURN(
      const double alpha,
      Number(own_alpha != nullptr ? *own_alpha : config.value("lora_alpha", json(8)), "lora_alpha",
             path));
  const bool by_root = config.value("use_rslora", json(false)) == true;
  return alpha / (by_root ? std::sqrt(static_cast<double>(rank)) : static_cast<double>(rank));
}

// The module of a tensor's name, and which of its two matrices it is ("A" or "B"). Empty if it is
// neither.
std::pair<std::string, char> ModuleOf(absl::string_view name) {
  absl::ConsumePrefix(&name, "base_model.model.");
  if (!absl::ConsumeSuffix(&name, ".weight")) return {};
  absl::ConsumeSuffix(&name, ".default");  // the adapter's name, in files of older versions
  for (const char which : {'A', 'B'}) {
    if (absl::ConsumeSuffix(&name, absl::StrCat(".lora_", std::string(1, which))))
      return {std::string(name), which};
  }
  return {};
}

absl::StatusOr<std::vector<float>> ReadTensor(const InputFile& file, const WeightEntry& entry) {
  const int64_t rows = NumRows(entry.tensor);
  std::vector<std::byte> bytes(static_cast<size_t>(entry.tensor.bytes));
  const int64_t row_bytes = RowBytes(entry.tensor);
  for (int64_t row = 0; row < rows; ++row) {
    ABSL_RETURN_IF_ERROR(
        file.ReadAt(entry.offset + row * entry.row_stride,
                    absl::MakeSpan(bytes).subspan(static_cast<size_t>(row * row_bytes),
                                                  static_cast<size_t>(row_bytes))));
  }
  return ConvertToFloat(bytes, entry.tensor.dtype);
}

absl::StatusOr<InputFile> OpenWeights(const std::string& folder) {
  std::error_code error;
  for (const char* name : {"adapter_model.safetensors", "adapter_model.bin"}) {
    const std::string path = absl::StrCat(folder, "/", name);
    if (std::filesystem::exists(path, error)) return InputFile::Open(path);
  }
  return absl::NotFoundError(absl::StrCat(
      folder, ": no adapter_model.safetensors and no adapter_model.bin: not a PEFT adapter"));
}

// One module from its two matrices.
absl::StatusOr<SourceModule> MakeModule(const std::string& name, const WeightEntry* down,
                                        const WeightEntry* up, const InputFile& file,
                                        const json& config, const std::string& config_path) {
  const bool has_both = down != nullptr && up != nullptr && down->tensor.shape.size() == 2 &&
                        up->tensor.shape.size() == 2 &&
                        up->tensor.shape[1] == down->tensor.shape[0] && up->tensor.shape[1] > 0 &&
                        up->tensor.shape[1] <= kMaxLoraRank;
  if (!has_both) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), ": ", name,
                     ": expected lora_A [rank, inputs] and lora_B [outputs, rank] of one rank"));
  }
  SourceModule module;
  module.name = name;
  module.rank = down->tensor.shape[0];
  module.num_inputs = down->tensor.shape[1];
  module.num_outputs = up->tensor.shape[0];
  ABSL_ASSIGN_OR_RETURN(module.factor, FactorOf(config, name, module.rank, config_path));
  ABSL_ASSIGN_OR_RETURN(module.down, ReadTensor(file, *down));
  ABSL_ASSIGN_OR_RETURN(module.up, ReadTensor(file, *up));
  return module;
}

}  // namespace

absl::StatusOr<SourceAdapter> ReadPeftAdapter(const std::string& folder) {
  const std::string config_path = absl::StrCat(folder, "/adapter_config.json");
  ABSL_ASSIGN_OR_RETURN(const json config, ReadJsonFile(config_path));
  ABSL_RETURN_IF_ERROR(CheckConfig(config, config_path));
  ABSL_ASSIGN_OR_RETURN(const InputFile file, OpenWeights(folder));
  ABSL_ASSIGN_OR_RETURN(const std::vector<WeightEntry> entries, LooksLikeSafetensors(file)
                                                                    ? ReadSafetensorsHeader(file)
                                                                    : ReadPytorchArchive(file));
  std::map<std::string, std::pair<const WeightEntry*, const WeightEntry*>> pairs;
  for (const WeightEntry& entry : entries) {
    const auto [module, which] = ModuleOf(entry.tensor.name);
    if (module.empty()) {
      return absl::UnimplementedError(absl::StrCat(
          file.path(), ": tensor ", entry.tensor.name,
          " is neither lora_A nor lora_B of a linear layer; Inkling's adapters have no others"));
    }
    (which == 'A' ? pairs[module].first : pairs[module].second) = &entry;
  }
  SourceAdapter adapter;
  adapter.format = "PEFT";
  if (config.value("base_model_name_or_path", json()).is_string())
    adapter.base_name = config["base_model_name_or_path"].get<std::string>();
  for (const auto& [name, matrices] : pairs) {
    ABSL_ASSIGN_OR_RETURN(SourceModule module, MakeModule(name, matrices.first, matrices.second,
                                                          file, config, config_path));
    adapter.modules.push_back(std::move(module));
  }
  if (adapter.modules.empty())
    return absl::InvalidArgumentError(absl::StrCat(file.path(), ": it has no matrices"));
  return adapter;
}

}  // namespace inkling
