// The mark can reach over several tokens, or end in the middle of one; tokens that would end it and
// go on as no call does are known beforehand, for each length of what is there of it.

#include "src/session/tools/tool_constraint.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_message.h"
#include "inkling/output_constraint.h"
#include "src/format/tool_template_data.h"
#include "src/session/constraints/token_constraint.h"
#include "src/session/model_engine.h"
#include "src/session/tools/tool_call_grammar.h"
#include "src/session/tools/tool_call_reader.h"
#include "src/session/tools/tool_markers.h"
#include "src/structured/compiled_grammar.h"
#include "src/structured/grammar_matcher.h"
#include "src/structured/token_vocabulary.h"
#include "src/text/json_value.h"
#include "src/text/template_message.h"

namespace inkling {
namespace {

// How answers may call: compiled once, shared by all of them.
struct CallGuide {
  std::shared_ptr<const CompiledGrammar> grammar;
  ToolCallFormat format;  // marks encoded
  ToolChoice choice = ToolChoice::kAuto;
  std::string mark;           // what calls begin with
  bool at_beginning = false;  // only at the beginning of an answer
  // [bytes of the mark that are there]: tokens that end it and go on as no call does; with
  // ToolChoice::kNone all that end it.
  std::vector<std::vector<int32_t>> forbidden;
};

class ToolCallConstraint final : public TokenConstraint {
 public:
  ToolCallConstraint(std::shared_ptr<const CallGuide> guide, bool drops_leading_space)
      : guide_(std::move(guide)),
        matcher_(guide_->grammar, drops_leading_space && IsRequired()),
        is_call_(IsRequired()) {}

  void Mask(absl::Span<uint64_t> mask) override {
    if (is_call_) return matcher_.Mask(mask);
    std::fill(mask.begin(), mask.end(), ~uint64_t{0});
    for (const size_t there : MarkBytesThere()) {
      for (const int32_t token : guide_->forbidden[there])
        mask[static_cast<size_t>(token) / 64] &= ~(uint64_t{1} << (token % 64));
    }
  }

  absl::Status Accept(int32_t token) override {
    const absl::string_view text = TextOf(token);
    if (!is_call_) {
      AcceptText(text);
      return absl::OkStatus();
    }
    if (!matcher_.Accept(token))
      return absl::InternalError("the grammar of tool calls refuses a token that it allowed");
    absl::StrAppend(&calls_, text);
    if (!matcher_.overflowed()) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        "tools: a call fits the parameters' schemas in more ways at once than are followed");
  }

  bool is_complete() const override { return !is_call_ || matcher_.is_complete(); }
  bool can_continue() const override { return !is_call_ || matcher_.can_continue(); }
  std::string ForcedText(size_t most) override {
    const std::string text = is_call_ ? matcher_.ForcedText(most) : "";
    return text.substr(0, text.find(ToolMarkers::kEscape));
  }
  bool is_text() const override { return !is_call_; }
  size_t held_back() const override {
    if (is_call_) return 0;
    if (guide_->at_beginning) return may_begin_ ? std::numeric_limits<size_t>::max() : 0;
    const std::vector<size_t> there = MarkBytesThere();
    return there.empty() ? 0 : there.front();
  }
  std::vector<ToolCall> calls() const override { return ReadToolCalls(calls_, guide_->format); }

 private:
  bool IsRequired() const { return guide_->choice == ToolChoice::kRequired; }

  absl::string_view TextOf(int32_t token) const {
    const TokenVocabulary& vocabulary = guide_->grammar->vocabulary();
    return token < 0 || token >= vocabulary.vocab_size() ? "" : vocabulary.text(token);
  }

  // How much of the mark the text may have ended with, longest first.
  std::vector<size_t> MarkBytesThere() const {
    std::vector<size_t> there;
    if (guide_->at_beginning) {
      if (may_begin_) there.push_back(tail_.size());
      return there;
    }
    for (size_t size = std::min(tail_.size(), guide_->mark.size() - 1) + 1; size-- > 0;) {
      if (absl::EndsWith(tail_, guide_->mark.substr(0, size))) there.push_back(size);
    }
    return there;
  }

  // More free text, with which the calls may begin.
  void AcceptText(absl::string_view text) {
    if (!may_begin_) return;
    absl::StrAppend(&tail_, text);
    if (guide_->at_beginning) tail_ = std::string(absl::StripLeadingAsciiWhitespace(tail_));
    const size_t found = guide_->at_beginning ? 0 : tail_.find(guide_->mark);
    if (found != std::string::npos && absl::StartsWith(tail_.substr(found), guide_->mark)) {
      const std::string rest = tail_.substr(found + guide_->mark.size());
      is_call_ = matcher_.AcceptText(guide_->mark) && (rest.empty() || matcher_.AcceptText(rest));
      if (is_call_) calls_ = absl::StrCat(guide_->mark, rest);
      return;
    }
    if (guide_->at_beginning) {
      may_begin_ = absl::StartsWith(guide_->mark, tail_);
    } else if (tail_.size() >= guide_->mark.size()) {
      tail_.erase(0, tail_.size() - (guide_->mark.size() - 1));
    }
  }

  const std::shared_ptr<const CallGuide> guide_;
  GrammarMatcher matcher_;
  bool is_call_;
  bool may_begin_ = true;  // at_beginning: nothing but a beginning of the mark came yet
  std::string tail_;       // of the text, as far as the mark can have begun in it
  std::string calls_;      // marks encoded
};

class ToolConstraint final : public OutputConstraint {
 public:
  ToolConstraint(std::shared_ptr<const CallGuide> guide, uint64_t vocabulary_hash)
      : guide_(std::move(guide)), vocabulary_hash_(vocabulary_hash) {}

  int64_t memory_bytes() const override {
    return static_cast<int64_t>(guide_->grammar->memory_bytes());
  }

 private:
  std::unique_ptr<TokenConstraint> Begin(bool drops_leading_space) const override {
    return std::make_unique<ToolCallConstraint>(guide_, drops_leading_space);
  }
  uint64_t vocabulary_hash() const override { return vocabulary_hash_; }

  const std::shared_ptr<const CallGuide> guide_;
  const uint64_t vocabulary_hash_;
};

// What an answer's calls begin with. Where the format begins with a token of its own, that; else
// its first text; else what is the same of all calls.
void SetMark(CallGuide& guide) {
  const std::string lead = absl::StrCat(guide.format.begin, guide.format.prefix);
  if (!lead.empty() && lead.front() == ToolMarkers::kEscape) {
    guide.mark = lead.substr(0, 2);
    return;
  }
  guide.mark = std::string(absl::StripTrailingAsciiWhitespace(lead));
  guide.at_beginning = guide.mark.empty();
  if (!guide.at_beginning) return;
  guide.mark = guide.format.syntax == ToolCallSyntax::kJson
                   ? absl::StrCat("{", QuoteJson(guide.format.name_key))
                   : "{";
}

void SetForbidden(CallGuide& guide) {
  const TokenVocabulary& vocabulary = guide.grammar->vocabulary();
  GrammarMatcher matcher(guide.grammar, false);
  const bool can_begin = matcher.AcceptText(guide.mark);
  guide.forbidden.resize(guide.mark.size());
  for (size_t there = 0; there < guide.mark.size(); ++there) {
    const std::string missing = guide.mark.substr(there);
    for (const int32_t token : vocabulary.TokensWithPrefix(missing)) {
      const absl::string_view rest = vocabulary.text(token).substr(missing.size());
      const bool fits = can_begin && (rest.empty() || matcher.AcceptText(rest));
      if (fits && !rest.empty()) matcher.Rewind(1);
      if (!fits || guide.choice == ToolChoice::kNone) guide.forbidden[there].push_back(token);
    }
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const OutputConstraint>> MakeToolConstraint(
    const ModelEngine& engine, const ToolCallFormat& format, absl::Span<const TemplateTool> tools,
    const ToolUse& use) {
  const ToolMarkers markers(engine.tokenizer().data(), engine.stop_tokens(), format);
  auto guide = std::make_shared<CallGuide>();
  guide->format = markers.format();
  guide->format.one_call |= !use.several_calls;
  guide->choice = use.choice;
  ABSL_ASSIGN_OR_RETURN(Grammar grammar, ToolCallGrammar(guide->format, tools));
  const std::shared_ptr<const void> vocabulary =
      engine.SharedVocabulary(markers.key(), [&](const TokenizerData& data, int32_t vocab_size) {
        return std::shared_ptr<const void>(
            TokenVocabulary::Make(data, vocab_size, markers.tokens()));
      });
  ABSL_ASSIGN_OR_RETURN(
      guide->grammar,
      CompiledGrammar::Make(std::move(grammar),
                            std::static_pointer_cast<const TokenVocabulary>(vocabulary)));
  SetMark(*guide);
  SetForbidden(*guide);
  return std::make_shared<const ToolConstraint>(std::move(guide), engine.vocabulary_hash());
}

}  // namespace inkling
