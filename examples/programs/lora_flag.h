// --lora=FILE[=WEIGHT]: LoRA adapters of a program's sessions.

#ifndef INKLING_EXAMPLES_PROGRAMS_LORA_FLAG_H_
#define INKLING_EXAMPLES_PROGRAMS_LORA_FLAG_H_

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "inkling/lora_adapter.h"

namespace inkling {

inline constexpr char kLoraHelp[] =
    "LoRA adapter made by `inkling-convert --lora`, with a weight if it isn't 1: FILE or "
    "FILE=0.5; may be given several times";

struct LoraFlag {
  std::string path;
  float weight = 1;
};

// FILE or FILE=WEIGHT; a file whose name has a "=" is taken as it is. Errors: InvalidArgument.
inline absl::StatusOr<LoraFlag> ParseLoraFlag(const std::string& value) {
  std::error_code error;
  const size_t equals = value.rfind('=');
  if (equals == std::string::npos || std::filesystem::exists(value, error))
    return LoraFlag{value, 1};
  LoraFlag flag = {value.substr(0, equals), 1};
  if (absl::SimpleAtof(value.substr(equals + 1), &flag.weight)) return flag;
  return absl::InvalidArgumentError(
      absl::StrCat("--lora=", value, ": expected FILE or FILE=WEIGHT"));
}

// Loads the adapters of the flag's values. Errors: those of loading; InvalidArgument for a weight
// that is no number.
inline absl::StatusOr<std::vector<WeightedAdapter>> LoadAdapters(
    const std::shared_ptr<const LlmModel>& model, const std::vector<std::string>& values) {
  std::vector<WeightedAdapter> adapters;
  for (const std::string& value : values) {
    absl::StatusOr<LoraFlag> flag = ParseLoraFlag(value);
    if (!flag.ok()) return flag.status();
    absl::StatusOr<std::shared_ptr<const LoraAdapter>> adapter =
        LoraAdapter::Load(model, flag->path);
    if (!adapter.ok()) return adapter.status();
    adapters.push_back({*std::move(adapter), flag->weight});
  }
  return adapters;
}

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_LORA_FLAG_H_
