// LlmSession checks options, turns text into tokens, hands over to the generation loop, and undoes
// what failed.
//
// Every call has a RunningCall, which keeps other callers out. A call that fails cuts the session
// back to where it was before.

#include "inkling/llm_session.h"

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
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "src/compute/float_environment.h"
#include "src/decoder/kv_cache.h"
#include "src/session/chat_turns.h"
#include "src/session/constraints/constraint_access.h"
#include "src/session/generation.h"
#include "src/session/llm_session_state.h"
#include "src/session/model_engine.h"
#include "src/session/running_call.h"
#include "src/session/speculation/draft_model.h"
#include "src/session/speculation/speculative_decoder.h"
#include "src/session/token_context.h"
#include "src/text/date_text.h"
#include "src/text/tokenizer.h"

namespace inkling {

namespace {

absl::Status CheckOverflow(const SessionOptions& options, int32_t context_length) {
  const int overflow = static_cast<int>(options.context_overflow);
  if (overflow > static_cast<int>(ContextOverflow::kSlide)) {
    return absl::InvalidArgumentError(
        absl::StrCat("context_overflow is ", overflow, "; expected kStop (0) or kSlide (1)"));
  }
  if (options.kept_tokens < 0 || options.kept_tokens >= context_length) {
    return absl::InvalidArgumentError(absl::StrCat("kept_tokens is ", options.kept_tokens,
                                                   "; expected 0 to ", context_length - 1));
  }
  return absl::OkStatus();
}

bool IgnoreText(absl::string_view) { return true; }

}  // namespace

absl::Status CancelledCall() {
  return absl::CancelledError(
      "the call was cancelled before it generated a token; the session is as it was before");
}

absl::StatusOr<std::unique_ptr<LlmSession>> LlmSession::Create(
    std::shared_ptr<const LlmModel> model, const SessionOptions& options) {
  if (model == nullptr)
    return absl::InvalidArgumentError("the model is null; open one with LlmModel::Open");
  const DefaultFloats floats;
  ModelEngine& engine = *model->engine_;
  ABSL_ASSIGN_OR_RETURN(const CacheOptions cache_options,
                        ResolveCacheOptions(options, engine.config(), engine.decoder().max_rows()));
  const PromptTemplateData& turns = engine.prompt_template().data();
  if (!options.system_prompt.empty() && turns.system_placement == SystemPlacement::kNone) {
    return absl::InvalidArgumentError(
        absl::StrCat("system_prompt is given, but the model's prompt template (",
                     turns.name.empty() ? "none" : turns.name, ") has no place for one"));
  }
  ABSL_RETURN_IF_ERROR(CheckOverflow(options, cache_options.capacity));
  absl::StatusOr<CivilDate> date = options.date.empty() ? CivilDate() : ParseDate(options.date);
  if (!date.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("date: ", date.status().message()));
  }
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<KvCache> cache,
                        engine.decoder().CreateCache(cache_options));
  std::unique_ptr<DraftModel> draft;
  if (options.draft_model != nullptr) {
    ABSL_ASSIGN_OR_RETURN(draft,
                          DraftModel::Create(*options.draft_model->engine_, engine, cache_options));
  }
  ABSL_ASSIGN_OR_RETURN(AdapterSet adapters, CheckedAdapters(options.adapters, *model));
  auto state = std::make_unique<State>(
      std::move(model), engine, options,
      TokenContext(engine.decoder(), std::move(cache), engine.config().vocab_size),
      std::move(draft),
      ChatTurns(engine.tokenizer(), engine.prompt_template().OnDate(*date), options.system_prompt));
  state->context.SetAdapters(adapters.active);
  state->adapters = std::move(adapters);
  return std::unique_ptr<LlmSession>(new LlmSession(std::move(state)));
}

LlmSession::LlmSession(std::unique_ptr<State> state) : state_(std::move(state)) {}

LlmSession::~LlmSession() {
  // What a call of another thread was changing when the process was forked may be half changed. It
  // stays as it is.
  if (state_->gate.IsLeftBehind(state_->process())) (void)state_.release();
}

absl::StatusOr<int32_t> LlmSession::State::Place(int32_t kept, absl::Span<const int32_t> tokens) {
  const bool fits = tokens.size() <= static_cast<size_t>(context.capacity() - kept);
  if (fits || options.context_overflow == ContextOverflow::kStop) {
    ABSL_RETURN_IF_ERROR(context.Replace(kept, tokens));
    return 0;
  }
  const std::vector<int32_t> before = context.tokens();
  context.Truncate(kept);
  const auto room =
      static_cast<int32_t>(std::min<size_t>(tokens.size(), std::numeric_limits<int32_t>::max()));
  absl::StatusOr<int32_t> dropped = context.Slide(options.kept_tokens, room);
  if (dropped.ok()) {
    const absl::Status status = context.Append(tokens);
    if (!status.ok()) dropped = status;
  }
  if (!dropped.ok()) Restore(before);
  return dropped;
}

void LlmSession::State::Restore(absl::Span<const int32_t> tokens) {
  const std::vector<int32_t>& now = context.tokens();
  const size_t end = std::min(now.size(), tokens.size());
  const auto same =
      std::mismatch(now.begin(), now.begin() + static_cast<ptrdiff_t>(end), tokens.begin()).first -
      now.begin();
  context.Replace(static_cast<int32_t>(same), tokens.subspan(static_cast<size_t>(same)))
      .IgnoreError();  // they fitted before
}

// Continues after `prompt`, which comes behind the first `kept` tokens of the session.
absl::StatusOr<GenerateResult> LlmSession::State::Generate(
    int32_t kept, absl::Span<const int32_t> prompt, const GenerateOptions& generate_options,
    TextPosition text_position, RunningCall& call, TextCallback callback, ChatTurns::Step* step,
    absl::string_view assistant_prefix) {
  if (gate.cancelled()) return CancelledCall();
  if (generate_options.constraint != nullptr &&
      ConstraintAccess::VocabularyHash(*generate_options.constraint) != engine.vocabulary_hash()) {
    return absl::InvalidArgumentError(
        "constraint was made for a model with another vocabulary; make it for the session's");
  }
  if (prompt.empty() && kept == 0) {
    return absl::InvalidArgumentError(
        "there is nothing to continue: the prompt has no tokens and the session is empty");
  }
  const std::vector<int32_t> before = context.tokens();
  ABSL_ASSIGN_OR_RETURN(const int32_t dropped, Place(kept, prompt));
  const auto show = [&](absl::string_view text) {
    position = context.length();
    return call.RunAppCode([&] { return callback(text); });
  };
  const auto stop = [&] { return gate.cancelled(); };
  const auto run_app_code = [&](absl::FunctionRef<void()> code) { call.RunAppCode(code); };
  absl::StatusOr<GenerateResult> result =
      RunGeneration(engine.tokenizer(), engine.stop_tokens(), generate_options, text_position,
                    context, speculation,
                    {.show = show,
                     .stop = stop,
                     .run_app_code = run_app_code,
                     .begin = call.begin(),
                     .overflow = options.context_overflow,
                     .kept_tokens = options.kept_tokens});
  if (result.ok()) {
    result->num_dropped_tokens += dropped;
    result->begin_position =
        Moved(step != nullptr ? step->begin : kept, result->num_dropped_tokens);
    if (step != nullptr) {
      turns.Take(std::move(*step), absl::StrCat(assistant_prefix, result->text),
                 context.length() + result->num_dropped_tokens);
    }
    turns.Slide(options.kept_tokens, result->num_dropped_tokens);
  } else {
    Restore(before);
    if (absl::IsCancelled(result.status())) result = CancelledCall();
  }
  position = context.length();
  return result;
}

absl::Status LlmSession::State::Prefill(absl::string_view text,
                                        const PrefillOptions& prefill_options) {
  ABSL_ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, EncodePrompt(text, prefill_options));
  if (gate.cancelled()) return CancelledCall();
  const std::vector<int32_t> before = context.tokens();
  ABSL_ASSIGN_OR_RETURN(const int32_t dropped, Place(context.length(), tokens));
  const absl::Status status = context.Compute([&] { return gate.cancelled(); });
  if (status.ok()) {
    turns.Slide(options.kept_tokens, dropped);
  } else {
    Restore(before);
  }
  position = context.length();
  return absl::IsCancelled(status) ? CancelledCall() : status;
}

absl::Status LlmSession::Prefill(absl::string_view text, const PrefillOptions& options) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  return state_->Prefill(text, options);
}

absl::StatusOr<GenerateResult> LlmSession::Generate(absl::string_view prompt,
                                                    const GenerateOptions& options,
                                                    TextCallback callback) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  ABSL_RETURN_IF_ERROR(ValidateGenerateOptions(options, model().vocab_size()));
  ABSL_ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, state_->EncodePrompt(prompt, options));
  const bool begins_text = prompt.empty() && state_->context.length() == 0;
  return state_->Generate(state_->context.length(), tokens, options,
                          begins_text ? TextPosition::kStart : TextPosition::kContinuation, call,
                          callback);
}

absl::StatusOr<GenerateResult> LlmSession::Generate(absl::string_view prompt,
                                                    const GenerateOptions& options) {
  return Generate(prompt, options, IgnoreText);
}

absl::StatusOr<GenerateResult> LlmSession::GenerateFromTokens(absl::Span<const int32_t> prompt,
                                                              const GenerateOptions& options,
                                                              TextCallback callback) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  ABSL_RETURN_IF_ERROR(ValidateGenerateOptions(options, model().vocab_size()));
  return state_->Generate(state_->context.length(), prompt, options, TextPosition::kContinuation,
                          call, callback);
}

absl::StatusOr<GenerateResult> LlmSession::GenerateFromTokens(absl::Span<const int32_t> prompt,
                                                              const GenerateOptions& options) {
  return GenerateFromTokens(prompt, options, IgnoreText);
}

void LlmSession::Cancel() { state_->gate.Cancel(); }

absl::Status LlmSession::Rewind(int32_t position) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  if (position < 0 || position > state_->context.length()) {
    return absl::OutOfRangeError(absl::StrCat("can't rewind to position ", position,
                                              "; expected 0 to ", state_->context.length()));
  }
  state_->context.Truncate(position);
  state_->turns.Truncate(position);
  state_->position = position;
  return absl::OkStatus();
}

absl::Status LlmSession::Reset() { return Rewind(0); }

int32_t LlmSession::position() const { return state_->position; }
int32_t LlmSession::context_length() const { return state_->context.capacity(); }
int32_t LlmSession::remaining_tokens() const { return context_length() - position(); }

absl::StatusOr<std::vector<int32_t>> LlmSession::tokens() const {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  return state_->context.tokens();
}

const LlmModel& LlmSession::model() const { return *state_->model; }
bool LlmSession::has_prompt_template() const {
  return state_->engine.prompt_template().has_turns();
}

}  // namespace inkling
