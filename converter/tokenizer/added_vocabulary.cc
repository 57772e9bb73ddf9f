// Adding tokens (see added_vocabulary.h).

#include "converter/tokenizer/added_vocabulary.h"

#include <algorithm>
#include <utility>

#include "converter/tokenizer/tokenizer_pipeline.h"

namespace inkling {

using Json = nlohmann::json;

TokenSpec ReadTokenSpec(const Json& value, bool special) {
  TokenSpec token;
  if (value.is_string()) {
    token.content = value.get<std::string>();
    token.only_text = true;
    token.special = special;
    token.normalized = !special;
    return token;
  }
  token.content = StringField(value, "content");
  token.special = BoolField(value, "special", special);
  token.normalized = BoolField(value, "normalized", !token.special);
  token.single_word = BoolField(value, "single_word", false);
  token.lstrip = BoolField(value, "lstrip", false);
  token.rstrip = BoolField(value, "rstrip", false);
  return token;
}

AddedVocabulary::AddedVocabulary(const Json& model) {
  const Json& vocab = Field(model, "vocab");
  if (vocab.is_object()) {
    for (const auto& item : vocab.items()) {
      if (item.value().is_number_integer()) vocab_[item.key()] = item.value().get<int64_t>();
    }
  } else if (vocab.is_array()) {
    for (size_t id = 0; id < vocab.size(); ++id) {
      const Json& entry = vocab[id];
      if (!entry.is_array() || entry.empty() || !entry[0].is_string()) continue;
      vocab_[entry[0].get<std::string>()] = static_cast<int64_t>(id);
    }
  }
}

void AddedVocabulary::Add(const TokenSpec& token) {
  if (token.content.empty()) return;
  const bool new_special = token.special && special_.insert(token.content).second;
  if (new_special) order_.push_back(token);
  int64_t id = Find(token.content);
  if (const TokenSpec* known = At(id); known != nullptr && *known == token) return;
  if (id < 0) id = NextId();
  last_ = std::max(last_, id);
  ids_[token.content] = id;
  tokens_[id] = token;
  if (!special_.contains(token.content)) order_.push_back(token);
}

int64_t AddedVocabulary::NextId() const {
  return std::max(static_cast<int64_t>(vocab_.size()), last_ + 1);
}

int64_t AddedVocabulary::Find(absl::string_view content) const {
  if (const auto added = ids_.find(content); added != ids_.end()) return added->second;
  const auto known = vocab_.find(content);
  return known == vocab_.end() ? -1 : known->second;
}

const TokenSpec* AddedVocabulary::At(int64_t id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : &found->second;
}

Json AddedVocabulary::ToJson() const {
  Json list = Json::array();
  absl::flat_hash_set<std::string> written;
  for (const TokenSpec& searched : order_) {
    const bool special = special_.contains(searched.content);
    // Twice in the list: looked for in both texts. One entry is enough for a special token.
    const bool normalized = searched.normalized && !special;
    if (!written.insert(searched.content + (normalized ? "n" : "g")).second) continue;
    const int64_t id = Find(searched.content);
    const TokenSpec& token = tokens_.at(id);
    list.push_back({{"id", id},
                    {"content", token.content},
                    {"single_word", token.single_word},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", normalized},
                    {"special", special}});
  }
  return list;
}

}  // namespace inkling
