// Merging the files (see TOKENIZER_FILES.md for the order).

#include "converter/tokenizer/tokenizer_settings.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "converter/files/json_text.h"
#include "converter/tokenizer/tokenizer_pipeline.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

constexpr char kConfig[] = "tokenizer_config.json";
constexpr char kSpecialTokensMap[] = "special_tokens_map.json";
constexpr char kAddedTokens[] = "added_tokens.json";
constexpr char kExtra[] = "extra_special_tokens";
constexpr char kAdditional[] = "additional_special_tokens";  // its older name

// The special tokens that every class may have, in transformers' order.
constexpr const char* kNamed[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};

bool IsStandard(const std::string& key) {
  for (const char* name : kNamed) {
    if (key == name) return true;
  }
  return false;
}

absl::StatusOr<TokenSpec> ReadToken(const Json& value, absl::string_view where) {
  TokenSpec token = ReadTokenSpec(value, true);
  if (!token.content.empty()) return token;
  return absl::InvalidArgumentError(
      absl::StrCat(where, ": expected a token or an object with its content, found ",
                   value.dump().substr(0, 100)));
}

// Values of special_tokens_map.json replace those of tokenizer_config.json, but lists are joined.
void MergeSpecialTokensMap(const Json& map, TokenizerSettings& result) {
  for (const auto& item : map.items()) {
    Json value = item.value();
    if (item.key() == kExtra && value.is_array() && Field(result.config, kExtra).is_array()) {
      Json joined = result.config[kExtra];
      for (const Json& token : value) {
        if (std::find(joined.begin(), joined.end(), token) == joined.end()) joined.push_back(token);
      }
      value = std::move(joined);
    }
    result.config[item.key()] = std::move(value);
  }
  result.extra_from_map = map.contains(kAdditional) && !result.config.contains(kExtra);
}

// added_tokens_decoder: {"500": {"content": ..., flags}}.
absl::Status ReadDecoder(const Json& decoder, const std::string& path, TokenizerSettings& result) {
  if (!decoder.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": added_tokens_decoder: expected an object, found ", JsonTypeName(decoder)));
  }
  for (const auto& item : decoder.items()) {
    const std::string where = absl::StrCat(path, ": added_tokens_decoder['", item.key(), "']");
    int64_t id = 0;
    if (!absl::SimpleAtoi(item.key(), &id) || id < 0) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": expected an id as the key"));
    }
    TokenSpec token = ReadTokenSpec(item.value(), false);
    if (!item.value().is_object() || token.content.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(where,
                                                     ": expected an object with a content, found ",
                                                     item.value().dump().substr(0, 100)));
    }
    result.added[id] = std::move(token);
  }
  result.has_decoder = true;
  return absl::OkStatus();
}

// added_tokens.json: {"<|im_start|>": 500}. What the config names is special.
absl::Status ReadAddedTokens(const Json& tokens, const std::string& path,
                             TokenizerSettings& result) {
  std::set<std::string> special;
  for (const char* key : kNamed)
    special.insert(ReadTokenSpec(Field(result.config, key), true).content);
  for (const char* key : {kExtra, kAdditional}) {
    const Json& list = Field(result.config, key);
    if (!list.is_array()) continue;
    for (const Json& item : list) special.insert(ReadTokenSpec(item, true).content);
  }
  for (const auto& item : tokens.items()) {
    if (!item.value().is_number_integer() || item.value() < 0) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": '", item.key(),
                                                     "': expected an id, found ",
                                                     item.value().dump().substr(0, 100)));
    }
    if (item.key().empty()) continue;
    result.added[item.value().get<int64_t>()] =
        ReadTokenSpec(Json(item.key()), special.contains(item.key()));
  }
  return absl::OkStatus();
}

void ReadTokenizerJsonTokens(const Json& tokenizer, TokenizerSettings& result) {
  const Json& list = Field(tokenizer, "added_tokens");
  if (!list.is_array()) return;
  for (const Json& item : list) {
    const Json& id = Field(item, "id");
    TokenSpec token = ReadTokenSpec(item, false);
    if (!id.is_number_integer() || token.content.empty()) continue;  // named when it is read itself
    result.added[id.get<int64_t>()] = std::move(token);
  }
}

// A flag set of the same token elsewhere.
TokenSpec WithFlags(TokenSpec token, const TokenizerSettings& settings) {
  for (const auto& [id, added] : settings.added) {
    if (added.content == token.content) return added;
  }
  return token;
}

absl::Status ReadNamed(const std::string& path, TokenizerSettings& result) {
  const auto add = [&](const std::string& key, const Json& value) -> absl::Status {
    TokenSpec token;
    if (!value.is_null()) {
      ABSL_ASSIGN_OR_RETURN(token, ReadToken(value, absl::StrCat(path, ": ", key)));
      token = WithFlags(std::move(token), result);
    }
    result.named.emplace_back(key, std::move(token));
    return absl::OkStatus();
  };
  for (const char* key : kNamed) {
    const auto found = result.config.find(key);
    if (found == result.config.end()) continue;
    ABSL_RETURN_IF_ERROR(add(key, *found));
  }
  for (const auto& item : result.config.items()) {
    const bool token = absl::EndsWith(item.key(), "_token") && !IsStandard(item.key()) &&
                       (item.value().is_string() || !StringField(item.value(), "content").empty());
    if (!token || item.value() == "") continue;
    ABSL_RETURN_IF_ERROR(add(item.key(), item.value()));
  }
  const Json& extra = Field(result.config, kExtra);
  if (!extra.is_object()) return absl::OkStatus();
  for (const auto& item : extra.items()) ABSL_RETURN_IF_ERROR(add(item.key(), item.value()));
  return absl::OkStatus();
}

absl::Status ReadExtra(const std::string& path, TokenizerSettings& result) {
  for (const char* key : {kExtra, kAdditional}) {
    const Json& list = Field(result.config, key);
    if (list.is_null() || list.is_object()) continue;
    if (!list.is_array()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", key, ": expected a list, found ", JsonTypeName(list)));
    }
    result.has_extra = true;
    for (size_t i = 0; i < list.size(); ++i) {
      ABSL_ASSIGN_OR_RETURN(TokenSpec token,
                            ReadToken(list[i], absl::StrCat(path, ": ", key, "[", i, "]")));
      result.extra.push_back(std::move(token));
    }
    break;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Json> ReadConfigFile(const std::string& folder, const std::string& name) {
  const std::string path = absl::StrCat(folder, "/", name);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return Json::object();
  ABSL_ASSIGN_OR_RETURN(Json parsed, ReadJsonFile(path));
  if (!parsed.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected an object, found ", JsonTypeName(parsed)));
  }
  return parsed;
}

absl::StatusOr<TokenizerSettings> ReadTokenizerSettings(const std::string& folder,
                                                        const Json& tokenizer_json) {
  TokenizerSettings result;
  const std::string path = absl::StrCat(folder, "/", kConfig);
  std::error_code error;
  result.has_config = std::filesystem::is_regular_file(path, error);
  ABSL_ASSIGN_OR_RETURN(result.config, ReadConfigFile(folder, kConfig));
  if (result.config.contains(kAdditional) && !result.config.contains(kExtra)) {
    result.config[kExtra] = result.config[kAdditional];
    result.config.erase(kAdditional);
  }
  const auto decoder = result.config.find("added_tokens_decoder");
  if (decoder != result.config.end()) {
    ABSL_RETURN_IF_ERROR(ReadDecoder(*decoder, path, result));
  } else {
    ABSL_ASSIGN_OR_RETURN(const Json map, ReadConfigFile(folder, kSpecialTokensMap));
    MergeSpecialTokensMap(map, result);
    ABSL_ASSIGN_OR_RETURN(const Json added, ReadConfigFile(folder, kAddedTokens));
    ABSL_RETURN_IF_ERROR(ReadAddedTokens(added, absl::StrCat(folder, "/", kAddedTokens), result));
    ReadTokenizerJsonTokens(tokenizer_json, result);
  }
  ABSL_RETURN_IF_ERROR(ReadNamed(path, result));
  ABSL_RETURN_IF_ERROR(ReadExtra(path, result));
  return result;
}

}  // namespace inkling
