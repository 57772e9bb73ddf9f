// Stop ids and prompt templates (see tokenizer_additions.h).

#include "converter/tokenizer/tokenizer_additions.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/text/pieces.h"
#include "src/text/tool_text.h"

namespace inkling {
namespace {

// Whether a token is written by the template: then text of users must never become it.
bool IsTurnMark(const PromptTemplateData& data, const std::string& content) {
  if (content.size() < 3 || (content[0] != '<' && content[0] != '[')) return false;
  for (const std::string* text :
       {&data.session_prefix, &data.user.prefix, &data.user.suffix, &data.model.prefix,
        &data.model.suffix, &data.system.prefix, &data.system.suffix, &data.generation_prompt}) {
    if (absl::StrContains(*text, content)) return true;
  }
  const std::vector<const std::string*> texts = ToolTexts(data.tools);
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string* text) { return absl::StrContains(*text, content); });
}

}  // namespace

std::optional<int32_t> FindToken(const TokenizerData& data, absl::string_view content) {
  if (content.empty()) return std::nullopt;
  for (const AddedToken& token : data.added_tokens) {
    if (token.content == content) return token.id;
  }
  for (int32_t id = 0; id < NumPieces(data); ++id) {
    if (PieceBytes(data, id) == content) return id;
  }
  return std::nullopt;
}

std::string TokenContent(const TokenizerData& data, int32_t id) {
  for (const AddedToken& token : data.added_tokens) {
    if (token.id == id) return token.content;
  }
  return id >= 0 ? std::string(PieceBytes(data, id)) : "";
}

void AddStopId(int64_t id, TokenizerData& data) {
  if (id < 0 || id >= NumPieces(data)) return;
  const int32_t stop = static_cast<int32_t>(id);
  if (std::find(data.stop_ids.begin(), data.stop_ids.end(), stop) == data.stop_ids.end()) {
    data.stop_ids.push_back(stop);
  }
}

void AddPromptTemplate(PromptTemplateData prompt, ImportedTokenizer& imported) {
  TokenizerData& data = imported.tokenizer;
  for (AddedToken& token : data.added_tokens) {
    if (!IsTurnMark(prompt, token.content)) continue;
    token.markup = true;
    token.match_normalized = false;
  }
  for (const std::string& text : prompt.stop_strings) {
    const std::optional<int32_t> id = FindToken(data, text);
    if (id.has_value()) {
      prompt.stop_ids.push_back(*id);
      AddStopId(*id, data);
    } else if (!prompt.name.empty()) {
      imported.notes.push_back(absl::StrCat("an answer ends where the model writes '", text,
                                            "', which is no token of this vocabulary"));
    }
  }
  // Others than tokens are for the session to look for where tools are given.
  for (const std::string& text : prompt.tools.stop_strings) {
    const std::optional<int32_t> id = FindToken(data, text);
    if (!id.has_value()) continue;
    prompt.stop_ids.push_back(*id);
    AddStopId(*id, data);
  }
  imported.notes.push_back(prompt.note);
  imported.prompt_template = std::move(prompt);
}

TemplateTokens VocabularyTokens(const TokenizerData& data) {
  TemplateTokens tokens;
  if (data.bos_id >= 0) tokens.named.emplace_back("bos_token", TokenContent(data, data.bos_id));
  if (data.eos_id >= 0) tokens.named.emplace_back("eos_token", TokenContent(data, data.eos_id));
  for (const AddedToken& token : data.added_tokens) tokens.added.push_back(token.content);
  return tokens;
}

void ApplyChatTemplate(const std::string& source, const TemplateTokens& tokens,
                       ImportedTokenizer& imported) {
  AddPromptTemplate(RecognizeChatTemplate(source, tokens), imported);
}

void DropTokensWithoutRows(int32_t vocab_size, ImportedTokenizer& imported) {
  TokenizerData& data = imported.tokenizer;
  const auto is_beyond = [vocab_size](int32_t id) { return id >= vocab_size; };
  std::vector<std::string> dropped;
  for (int32_t id = vocab_size; id < NumPieces(data); ++id) {
    const auto token = std::find_if(data.added_tokens.begin(), data.added_tokens.end(),
                                    [id](const AddedToken& added) { return added.id == id; });
    if (token != data.added_tokens.end()) {
      dropped.push_back(token->content);
    } else if (TypeOfPiece(data, id) != PieceType::kUnused) {
      return;
    }
  }
  for (const TokenizerMerge& merge : data.merges) {
    if (is_beyond(merge.left) || is_beyond(merge.right) || is_beyond(merge.result)) return;
  }
  if (dropped.empty()) return;
  const size_t size = static_cast<size_t>(vocab_size);
  data.piece_offsets.resize(size + 1);
  data.piece_bytes.resize(data.piece_offsets.back());
  data.piece_types.resize(size);
  if (!data.piece_scores.empty()) data.piece_scores.resize(size);
  std::erase_if(data.added_tokens, [&](const AddedToken& token) { return is_beyond(token.id); });
  std::erase_if(data.stop_ids, is_beyond);
  std::erase_if(imported.prompt_template.stop_ids, is_beyond);
  const bool end_dropped = is_beyond(data.eos_id);
  for (int32_t* id : {&data.bos_id, &data.eos_id, &data.unk_id, &data.pad_id}) {
    if (is_beyond(*id)) *id = -1;
  }
  data.add_bos = data.add_bos && data.bos_id >= 0;
  data.add_eos = data.add_eos && data.eos_id >= 0;
  constexpr size_t kMaxNamed = 5;
  const size_t count = dropped.size();
  dropped.resize(std::min(count, kMaxNamed));
  imported.notes.push_back(absl::StrCat(
      "left out: ", count, " tokens beyond the ", vocab_size,
      " that the model has rows for: ", absl::StrJoin(dropped, ", "),
      count > kMaxNamed ? ", ..." : "", end_dropped ? "; eos_token is one of them" : ""));
}

}  // namespace inkling
