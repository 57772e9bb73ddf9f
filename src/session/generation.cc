// Each turn of the loop computes logits, chooses a token, adds it to the context, decodes it to
// text and shows what is final.

#include "src/session/generation.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/compute/pass_limits.h"
#include "src/session/constraints/constraint_access.h"
#include "src/session/constraints/token_constraint.h"
#include "src/session/sampler.h"
#include "src/session/sampling/sampling_checks.h"
#include "src/session/sampling/top_log_probabilities.h"
#include "src/session/speculation/speculative_decoder.h"
#include "src/session/text_stream.h"
#include "src/session/token_context.h"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

using Clock = std::chrono::steady_clock;

// A pass takes them along behind the last token.
constexpr int32_t kMaxDraftTokens = kDecodeRows - 1;

constexpr int32_t kMaxTopLogProbabilities = 20;

// Of text that is certain, as much as a draft may hold.
constexpr size_t kMostForcedBytes = 64;

double SecondsBetween(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

// The tokens whose text holds one of the sequence breakers, in ascending order. They are looked for
// only where DRY is on.
std::vector<int32_t> SequenceBreakers(const SamplingOptions& options, const Tokenizer& tokenizer) {
  std::vector<int32_t> tokens;
  if (options.dry_multiplier == 0) return tokens;
  for (int32_t token = 0; token < tokenizer.num_pieces(); ++token) {
    const absl::StatusOr<absl::string_view> piece = tokenizer.PieceText(token);
    const bool breaks = piece.ok() && absl::c_any_of(options.dry_sequence_breakers,
                                                     [&](const std::string& breaker) {
                                                       return absl::StrContains(*piece, breaker);
                                                     });
    if (breaks) tokens.push_back(token);
  }
  return tokens;
}

// What one call of RunGeneration carries from token to token.
class Generation {
 public:
  Generation(const Tokenizer& tokenizer, const std::vector<int32_t>& model_stop_tokens,
             const GenerateOptions& options, TextPosition text_position, TokenContext& context,
             SpeculativeDecoder& speculation, const GenerationCall& call, Sampler sampler)
      : model_stop_tokens_(model_stop_tokens),
        options_(options),
        context_(context),
        call_(call),
        sampler_(std::move(sampler)),
        decoder_(tokenizer, {.position = text_position}),
        stream_(options.stop_strings),
        speculation_(speculation),
        tokenizer_(tokenizer) {
    if (options.constraint == nullptr) return;
    constraint_ =
        ConstraintAccess::Begin(*options.constraint, text_position == TextPosition::kStart);
    mask_.resize((static_cast<size_t>(context.vocab_size()) + 63) / 64);
  }

  absl::StatusOr<GenerateResult> Run();

 private:
  // One token. True to go on; false when result_.stop_reason is decided.
  absl::StatusOr<bool> Step();
  absl::StatusOr<absl::Span<const uint64_t>> AllowedTokens();
  std::vector<int32_t> ForcedTokens();
  absl::StatusOr<SampledToken> Sample(absl::Span<const float> logits);
  bool End(StopReason reason);
  bool IsStopToken(int32_t token) const;
  absl::Status Accept(const SampledToken& sampled);
  size_t MostDraftTokens() const;
  std::string TextOf(int32_t token);
  std::string ShownText(std::string text);
  bool Show(const std::string& text);
  void ShowRest();
  void DropTokensBehindText();

  const std::vector<int32_t>& model_stop_tokens_;
  const GenerateOptions& options_;
  TokenContext& context_;
  const GenerationCall& call_;
  Sampler sampler_;
  StreamDecoder decoder_;
  TextStream stream_;
  SpeculativeDecoder& speculation_;
  const Tokenizer& tokenizer_;
  std::unique_ptr<TokenConstraint> constraint_;  // null: any text
  std::vector<uint64_t> mask_;                   // [vocab_size] bits, with a constraint
  GenerateResult result_;
  std::vector<TokenLogProbability> top_;  // of the row that is sampled
  std::string held_;                      // text that may yet be none
  std::vector<size_t> text_ends_;         // bytes of decoded text after each generated token
  size_t decoded_bytes_ = 0;
  Clock::time_point first_logits_;
};

bool Generation::IsStopToken(int32_t token) const {
  if (absl::c_linear_search(options_.stop_tokens, token)) return true;
  return !options_.ignore_model_stop_tokens && absl::c_linear_search(model_stop_tokens_, token);
}

bool Generation::Show(const std::string& text) {
  if (text.empty()) return true;
  result_.text += text;
  return call_.show(text);
}

absl::Status Generation::Accept(const SampledToken& sampled) {
  ABSL_RETURN_IF_ERROR(speculation_.Append(sampled.token));
  if (constraint_ != nullptr) {
    ABSL_RETURN_IF_ERROR(constraint_->Accept(sampled.token));
  }
  sampler_.Accept(sampled.token);
  result_.tokens.push_back(sampled.token);
  if (options_.return_log_probabilities)
    result_.log_probabilities.push_back(sampled.log_probability);
  if (!top_.empty()) result_.top_log_probabilities.push_back(std::move(top_));
  return absl::OkStatus();
}

// A model's logits may have more columns than its vocabulary has pieces; such a token has no text.
std::string Generation::TextOf(int32_t token) {
  absl::StatusOr<std::string> text = decoder_.Add(token);
  return text.ok() ? *std::move(text) : std::string();
}

// What of it belongs to the answer's text for certain, and what was held back before.
std::string Generation::ShownText(std::string text) {
  if (constraint_ == nullptr) return text;
  if (!constraint_->is_text()) {
    held_.clear();
    return "";
  }
  held_ += text;
  const size_t size = held_.size() - std::min(constraint_->held_back(), held_.size());
  text = held_.substr(0, size);
  held_.erase(0, size);
  return text;
}

// A draft needn't reach beyond the last token that is asked for.
size_t Generation::MostDraftTokens() const {
  const size_t wanted = static_cast<size_t>(options_.max_new_tokens) - result_.tokens.size();
  return std::min(static_cast<size_t>(options_.max_draft_tokens), wanted - 1);
}

bool Generation::End(StopReason reason) {
  result_.stop_reason = reason;
  return false;
}

// One bit for each token that the constraint lets through; empty without one.
absl::StatusOr<absl::Span<const uint64_t>> Generation::AllowedTokens() {
  if (constraint_ == nullptr) return absl::Span<const uint64_t>();
  constraint_->Mask(absl::MakeSpan(mask_));
  if (constraint_->is_complete()) {
    const auto allow = [&](int32_t token) {
      mask_[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
    };
    for (const int32_t token : options_.stop_tokens) allow(token);
    if (!options_.ignore_model_stop_tokens) absl::c_for_each(model_stop_tokens_, allow);
  }
  if (absl::c_all_of(mask_, [](uint64_t word) { return word == 0; })) {
    return absl::FailedPreconditionError(absl::StrCat(
        "constraint: behind ", result_.tokens.size(),
        " tokens the text must go on in a way that no token of the vocabulary spells"));
  }
  return absl::MakeConstSpan(mask_);
}

// Tokens of the text that must come next, if it is certain. The last of them may be spelled
// otherwise where the text goes on; sampling decides, as about every draft.
std::vector<int32_t> Generation::ForcedTokens() {
  if (constraint_ == nullptr || options_.max_draft_tokens == 0) return {};
  const std::string text = constraint_->ForcedText(kMostForcedBytes);
  if (text.empty()) return {};
  absl::StatusOr<std::vector<int32_t>> tokens =
      tokenizer_.Encode(text, {.position = TextPosition::kContinuation});
  return tokens.ok() ? *std::move(tokens) : std::vector<int32_t>();
}

absl::StatusOr<SampledToken> Generation::Sample(absl::Span<const float> logits) {
  const auto run_processor = [&](absl::Span<float> changed) {
    call_.run_app_code([&] { options_.logits_processor(context_.tokens(), changed); });
  };
  const Sampler::ProcessFunction process = run_processor;
  top_ = TopLogProbabilities(logits, static_cast<size_t>(options_.num_top_log_probabilities));
  ABSL_ASSIGN_OR_RETURN(const absl::Span<const uint64_t> allowed, AllowedTokens());
  return sampler_.Sample({.logits = logits,
                          .allowed = allowed,
                          .process = options_.logits_processor ? &process : nullptr},
                         options_.return_log_probabilities ? Sampler::LogProbability::kCompute
                                                           : Sampler::LogProbability::kSkip);
}

absl::StatusOr<bool> Generation::Step() {
  const bool is_first = result_.tokens.empty();
  // An accepted draft token takes no pass, so the passes alone would look for a cancel too seldom.
  absl::StatusOr<absl::Span<const float>> logits =
      call_.stop() ? absl::CancelledError("the call was cancelled")
                   : speculation_.ComputeLogits(
                         MostDraftTokens(), sampler_, [&] { return ForcedTokens(); }, call_.stop);
  if (absl::IsCancelled(logits.status()) && !is_first) return End(StopReason::kCancelled);
  ABSL_RETURN_IF_ERROR(logits.status());
  if (is_first) first_logits_ = Clock::now();
  ABSL_ASSIGN_OR_RETURN(const SampledToken sampled, Sample(*logits));
  if (is_first) result_.time_to_first_token_seconds = SecondsBetween(call_.begin, Clock::now());
  if (IsStopToken(sampled.token)) return End(StopReason::kStopToken);
  if (context_.remaining() == 0) {
    if (call_.overflow == ContextOverflow::kStop) return End(StopReason::kContextFull);
    ABSL_ASSIGN_OR_RETURN(const int32_t dropped, speculation_.Slide(call_.kept_tokens, 1));
    result_.num_dropped_tokens += dropped;
  }
  ABSL_RETURN_IF_ERROR(Accept(sampled));
  const std::string text = ShownText(TextOf(sampled.token));
  decoded_bytes_ += text.size();
  text_ends_.push_back(decoded_bytes_ + held_.size());
  if (!Show(stream_.Push(text))) return End(StopReason::kCallback);
  if (stream_.stopped()) return End(StopReason::kStopString);
  if (constraint_ != nullptr && !constraint_->can_continue()) return End(StopReason::kConstraint);
  if (result_.tokens.size() >= static_cast<size_t>(options_.max_new_tokens))
    return End(StopReason::kMaxNewTokens);
  return true;
}

// Shows what was held back: no token follows that could complete a character or a stop string.
void Generation::ShowRest() {
  const bool is_text = constraint_ == nullptr || constraint_->is_text();
  const std::string end = is_text ? absl::StrCat(held_, decoder_.Flush()) : "";
  const std::string text = stream_.Push(end);
  const std::string rest = stream_.Flush();
  if (!Show(absl::StrCat(text, rest)) && result_.stop_reason != StopReason::kCancelled) {
    result_.stop_reason = StopReason::kCallback;
  }
}

// After a stop string, tokens whose text begins behind the shown text are no part of the answer.
void Generation::DropTokensBehindText() {
  const size_t kept = static_cast<size_t>(
      std::upper_bound(text_ends_.begin(), text_ends_.end(), stream_.shown_bytes()) -
      text_ends_.begin());
  const size_t dropped = result_.tokens.size() - kept;
  result_.tokens.resize(kept);
  if (options_.return_log_probabilities) result_.log_probabilities.resize(kept);
  if (options_.num_top_log_probabilities > 0) result_.top_log_probabilities.resize(kept);
  // Where the context slid, it may have lost more of the answer than the stop string left.
  context_.Truncate(std::max(0, context_.length() - static_cast<int32_t>(dropped)));
}

absl::StatusOr<GenerateResult> Generation::Run() {
  const Clock::time_point begin = Clock::now();
  result_.seed = sampler_.seed();
  // The last token runs again even where the cache has it, because its logits are needed.
  result_.num_prompt_tokens = std::max(context_.num_uncomputed(), 1);
  result_.num_reused_tokens = context_.length() - result_.num_prompt_tokens;
  speculation_.Begin();
  for (bool go_on = true; go_on;) {
    ABSL_ASSIGN_OR_RETURN(go_on, Step());
  }
  const SpeculativeDecoder::Counts& counts = speculation_.counts();
  result_.num_draft_tokens = counts.drafted;
  result_.num_accepted_tokens = counts.accepted;
  result_.num_draft_model_tokens = counts.by_draft_model;
  result_.num_accepted_draft_model_tokens = counts.accepted_by_draft_model;
  if (result_.stop_reason == StopReason::kStopString) {
    DropTokensBehindText();
  } else if (result_.stop_reason != StopReason::kCallback) {
    ShowRest();
  }
  if (constraint_ != nullptr) result_.tool_calls = constraint_->calls();
  if (!result_.tool_calls.empty()) absl::StripTrailingAsciiWhitespace(&result_.text);
  result_.prefill_seconds = SecondsBetween(begin, first_logits_);
  result_.decode_seconds = SecondsBetween(first_logits_, Clock::now());
  return std::move(result_);
}

}  // namespace

absl::Status ValidateGenerateOptions(const GenerateOptions& options, int32_t vocab_size) {
  if (options.max_new_tokens < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_new_tokens is ", options.max_new_tokens, "; expected at least 1"));
  }
  if (options.max_draft_tokens < 0 || options.max_draft_tokens > kMaxDraftTokens) {
    return absl::InvalidArgumentError(absl::StrCat("max_draft_tokens is ", options.max_draft_tokens,
                                                   "; expected 0 to ", kMaxDraftTokens));
  }
  if (options.num_top_log_probabilities < 0 ||
      options.num_top_log_probabilities > kMaxTopLogProbabilities) {
    return absl::InvalidArgumentError(absl::StrCat("num_top_log_probabilities is ",
                                                   options.num_top_log_probabilities,
                                                   "; expected 0 to ", kMaxTopLogProbabilities));
  }
  for (size_t i = 0; i < options.stop_tokens.size(); ++i) {
    const int32_t token = options.stop_tokens[i];
    if (token < 0 || token >= vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "stop_tokens[", i, "] is ", token, "; the vocabulary has tokens 0 to ", vocab_size - 1));
    }
  }
  ABSL_RETURN_IF_ERROR(TextStream::Validate(options.stop_strings));
  return CheckSamplingOptions(options.sampling, vocab_size);
}

absl::StatusOr<GenerateResult> RunGeneration(const Tokenizer& tokenizer,
                                             const std::vector<int32_t>& model_stop_tokens,
                                             const GenerateOptions& options,
                                             TextPosition text_position, TokenContext& context,
                                             SpeculativeDecoder& speculation,
                                             const GenerationCall& call) {
  ABSL_ASSIGN_OR_RETURN(Sampler sampler,
                        Sampler::Create(options.sampling, context.vocab_size(), context.tokens(),
                                        SequenceBreakers(options.sampling, tokenizer)));
  return Generation(tokenizer, model_stop_tokens, options, text_position, context, speculation,
                    call, std::move(sampler))
      .Run();
}

}  // namespace inkling
