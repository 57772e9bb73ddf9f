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
#include "converter/lora/module_pattern.h"
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

constexpr int64_t kMostConfigBytes = int64_t{64} << 20;

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

// rank_pattern or alpha_pattern: the value of the first key that matches a module's name counts.
class PatternValues {
 public:
  // `config` has its keys in the file's order.
  static absl::StatusOr<PatternValues> Read(const nlohmann::ordered_json& config, const char* name,
                                            const std::string& path) {
    PatternValues values;
    values.where_ = absl::StrCat(path, ": ", name);
    const auto found = config.find(name);
    if (found == config.end() || found->is_null()) return values;
    if (!found->is_object())
      return absl::InvalidArgumentError(
          absl::StrCat(values.where_, ": expected an object, found ", found->dump()));
    for (const auto& [key, value] : found->items()) {
      absl::StatusOr<ModulePattern> pattern = ModulePattern::Make(key);
      if (!pattern.ok()) return values.About(key, pattern.status());
      values.values_.push_back({key, *std::move(pattern), json(value)});
    }
    return values;
  }

  // Null if no key matches.
  absl::StatusOr<const json*> Find(const std::string& module) const {
    for (const Value& value : values_) {
      const absl::StatusOr<bool> matches = value.pattern.Matches(module);
      if (!matches.ok()) return About(value.key, matches.status());
      if (*matches) return &value.value;
    }
    return nullptr;
  }

 private:
  struct Value {
    std::string key;
    ModulePattern pattern;
    json value;
  };

  absl::Status About(absl::string_view key, const absl::Status& status) const {
    return absl::Status(status.code(), absl::StrCat(where_, ": \"", key, "\": ", status.message()));
  }

  std::string where_;
  std::vector<Value> values_;
};

// What adapter_config.json says of all modules.
struct Config {
  std::string path;
  json fields;
  PatternValues ranks;
  PatternValues alphas;
};

absl::StatusOr<Config> ReadConfig(const std::string& folder) {
  Config config;
  config.path = absl::StrCat(folder, "/adapter_config.json");
  ABSL_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(config.path, kMostConfigBytes));
  ABSL_ASSIGN_OR_RETURN(config.fields, ParseJson(text, config.path));
  ABSL_RETURN_IF_ERROR(CheckConfig(config.fields, config.path));
  const auto ordered = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  ABSL_ASSIGN_OR_RETURN(config.ranks, PatternValues::Read(ordered, "rank_pattern", config.path));
  ABSL_ASSIGN_OR_RETURN(config.alphas, PatternValues::Read(ordered, "alpha_pattern", config.path));
  return config;
}

// The factor of a module's update.
absl::StatusOr<double> FactorOf(const Config& config, const std::string& module, int64_t rank) {
  ABSL_ASSIGN_OR_RETURN(const json* own_rank, config.ranks.Find(module));
  const json named_rank = own_rank != nullptr ? *own_rank : config.fields.value("r", json(8));
  if (named_rank != rank) {
    return absl::InvalidArgumentError(absl::StrCat(config.path, ": the rank of ", module, " is ",
                                                   named_rank.dump(), ", but its matrices have ",
                                                   rank));
  }
  ABSL_ASSIGN_OR_RETURN(const json* own_alpha, config.alphas.Find(module));
  ABSL_ASSIGN_OR_RETURN(
      const double alpha,
      Number(own_alpha != nullptr ? *own_alpha : config.fields.value("lora_alpha", json(8)),
             "lora_alpha", config.path));
  const bool by_root = config.fields.value("use_rslora", json(false)) == true;
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
                                        const Config& config) {
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
  ABSL_ASSIGN_OR_RETURN(module.factor, FactorOf(config, name, module.rank));
  ABSL_ASSIGN_OR_RETURN(module.down, ReadTensor(file, *down));
  ABSL_ASSIGN_OR_RETURN(module.up, ReadTensor(file, *up));
  return module;
}

}  // namespace

absl::StatusOr<SourceAdapter> ReadPeftAdapter(const std::string& folder) {
  ABSL_ASSIGN_OR_RETURN(const Config config, ReadConfig(folder));
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
  const json base = config.fields.value("base_model_name_or_path", json());
  if (base.is_string()) adapter.base_name = base.get<std::string>();
  for (const auto& [name, matrices] : pairs) {
    ABSL_ASSIGN_OR_RETURN(SourceModule module,
                          MakeModule(name, matrices.first, matrices.second, file, config));
    adapter.modules.push_back(std::move(module));
  }
  if (adapter.modules.empty())
    return absl::InvalidArgumentError(absl::StrCat(file.path(), ": it has no matrices"));
  return adapter;
}

}  // namespace inkling
