// Reading ids by name and by number (see tokenizer_ids.h).

#include "converter/tokenizer/tokenizer_ids.h"

#include <cstdint>
#include <optional>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/tokenizer/tokenizer_additions.h"
#include "converter/tokenizer/tokenizer_pipeline.h"
#include "converter/tokenizer/tokenizer_settings.h"
#include "src/text/pieces.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

enum class Stops { kNo, kYes };

// Reads an id or a list of ids under `key`; the first sets `id` where nothing has set it.
absl::Status ReadIds(const Json& config, const std::string& file, const char* key, Stops stops,
                     int32_t& id, ImportedTokenizer& imported) {
  const Json& value = Field(config, key);
  if (value.is_null()) return absl::OkStatus();
  const Json list = value.is_array() ? value : Json::array({value});
  TokenizerData& data = imported.tokenizer;
  for (const Json& item : list) {
    if (!item.is_number_integer()) {
      return absl::InvalidArgumentError(absl::StrCat(file, ": ", key,
                                                     ": expected an id or a list of ids, found ",
                                                     value.dump().substr(0, 100)));
    }
    const int64_t number =
        item.is_number_unsigned() && item > INT32_MAX ? int64_t{INT32_MAX} : item.get<int64_t>();
    if (number == -1) continue;  // how some files write "none"
    if (number < 0 || number >= NumPieces(data)) {
      imported.notes.push_back(absl::StrCat(file, ": ", key, " ", item.dump(),
                                            " is not in the vocabulary of ", NumPieces(data),
                                            " tokens: left out"));
      continue;
    }
    if (id < 0) id = static_cast<int32_t>(number);
    if (stops == Stops::kYes) AddStopId(number, data);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyConfigIds(const NamedTokens& named, const std::string& folder,
                            ImportedTokenizer& imported) {
  TokenizerData& data = imported.tokenizer;
  const auto take = [&](const std::string& key, const TokenSpec& token, int32_t& id) {
    const std::optional<int32_t> found = FindToken(data, token.content);
    if (found.has_value()) {
      id = *found;
    } else {
      imported.notes.push_back(
          absl::StrCat(key, " '", token.content, "' is not in the vocabulary: left out"));
    }
  };
  for (const auto& [key, token] : named) {
    if (key == "bos_token" && !data.add_bos) take(key, token, data.bos_id);
    if (key == "eos_token") {
      int32_t end = -1;  // the post_processor may put another behind texts
      take(key, token, end);
      AddStopId(end, data);
      if (end >= 0 && !data.add_eos) data.eos_id = end;
    }
    if (key == "pad_token") take(key, token, data.pad_id);
  }
  for (const char* file : {"generation_config.json", "config.json"}) {
    ABSL_ASSIGN_OR_RETURN(const Json config, ReadConfigFile(folder, file));
    ABSL_RETURN_IF_ERROR(ReadIds(config, file, "bos_token_id", Stops::kNo, data.bos_id, imported));
    ABSL_RETURN_IF_ERROR(ReadIds(config, file, "pad_token_id", Stops::kNo, data.pad_id, imported));
    ABSL_RETURN_IF_ERROR(ReadIds(config, file, "eos_token_id", Stops::kYes, data.eos_id, imported));
  }
  if (data.eos_id >= 0 && data.eos_id != data.bos_id) AddStopId(data.eos_id, data);
  return absl::OkStatus();
}

}  // namespace inkling
