// LlmSession: checks, turns text into tokens, hands over to the generation loop, and undoes what
// failed.
//
// Every call is a RunningCall, which keeps other callers out, and cuts the session back to where it
// was when the call fails.

#include "inkling/llm_session.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "src/compute/float_environment.h"
#include "src/decoder/kv_cache.h"
#include "src/session/chat_turns.h"
#include "src/session/draft_model.h"
#include "src/session/generation.h"
#include "src/session/model_engine.h"
#include "src/session/running_call.h"
#include "src/session/token_context.h"
#include "src/text/date_text.h"
#include "src/text/tokenizer.h"

namespace inkling {

struct LlmSession::State {
  State(std::shared_ptr<const LlmModel> shared_model, ModelEngine& model_engine,
        std::unique_ptr<KvCache> cache, std::shared_ptr<const LlmModel> shared_draft_model,
        std::unique_ptr<DraftModel> its_draft, std::string system, const CivilDate& date)
      : model(std::move(shared_model)),
        engine(model_engine),
        context(model_engine.decoder(), std::move(cache), model_engine.config().vocab_size),
        draft_model(std::move(shared_draft_model)),
        draft(std::move(its_draft)),
        turns(model_engine.tokenizer(), model_engine.prompt_template().OnDate(date),
              std::move(system)) {}

  absl::StatusOr<std::vector<int32_t>> EncodePrompt(absl::string_view text, Markup markup) const;
  absl::StatusOr<GenerateResult> Generate(int32_t kept, absl::Span<const int32_t> prompt,
                                          const GenerateOptions& options,
                                          TextPosition text_position, RunningCall& call,
                                          TextCallback callback);
  uint64_t process() const { return engine.decoder().process(); }

  const std::shared_ptr<const LlmModel> model;
  const ModelEngine& engine;
  TokenContext context;
  const std::shared_ptr<const LlmModel> draft_model;  // or null, and then no draft
  const std::unique_ptr<DraftModel> draft;
  ChatTurns turns;  // in the model's template, on the session's day

  CallGate gate;
  std::atomic<int32_t> position{0};  // context.length(), readable while a call runs
};

namespace {

// Of a call that was cancelled before its first token, in a session of `length` tokens.
GenerateResult CancelledResult(int32_t length) {
  GenerateResult result;
  result.stop_reason = StopReason::kCancelled;
  result.begin_position = length;
  return result;
}

// Whether a call was cancelled before its first token, so that it left the session as it was.
bool WasUndone(const GenerateResult& result) {
  return result.stop_reason == StopReason::kCancelled && result.tokens.empty();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LlmSession>> LlmSession::Create(
    std::shared_ptr<const LlmModel> model, const SessionOptions& options) {
  if (model == nullptr)
    return absl::InvalidArgumentError("the model is null; open one with LlmModel::Open");
  const DefaultFloats floats;
  ModelEngine& engine = *model->engine_;
  absl::StatusOr<KvCache::Options> cache_options =
      ResolveCacheOptions(options, engine.config(), engine.decoder().options().prefill_rows);
  if (!cache_options.ok()) return cache_options.status();
  const PromptTemplateData& turns = engine.prompt_template().data();
  if (!options.system_prompt.empty() && turns.system_placement == SystemPlacement::kNone) {
    return absl::InvalidArgumentError(
        absl::StrCat("system_prompt is given, but the model's prompt template (",
                     turns.name.empty() ? "none" : turns.name, ") has no place for one"));
  }
  absl::StatusOr<CivilDate> date = options.date.empty() ? CivilDate() : ParseDate(options.date);
  if (!date.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("date: ", date.status().message()));
  }
  absl::StatusOr<std::unique_ptr<KvCache>> cache = KvCache::Create(engine.config(), *cache_options);
  if (!cache.ok()) return cache.status();
  std::unique_ptr<DraftModel> draft;
  if (options.draft_model != nullptr) {
    absl::StatusOr<std::unique_ptr<DraftModel>> created =
        DraftModel::Create(*options.draft_model->engine_, engine, *cache_options);
    if (!created.ok()) return created.status();
    draft = *std::move(created);
  }
  return std::unique_ptr<LlmSession>(new LlmSession(
      std::make_unique<State>(std::move(model), engine, *std::move(cache), options.draft_model,
                              std::move(draft), options.system_prompt, *date)));
}

LlmSession::LlmSession(std::unique_ptr<State> state) : state_(std::move(state)) {}

LlmSession::~LlmSession() {
  // What a call of another thread was changing when the process was forked may be half changed. It
  // stays as it is.
  if (state_->gate.IsLeftBehind(state_->process())) (void)state_.release();
}

absl::StatusOr<std::vector<int32_t>> LlmSession::State::EncodePrompt(absl::string_view text,
                                                                     Markup markup) const {
  EncodeOptions options;
  options.markup = markup;
  if (context.length() > 0) {
    options.position = TextPosition::kContinuation;
  } else if (engine.tokenizer().data().add_bos) {
    options.added_ids = AddedIds::kBos;
  }
  return engine.tokenizer().Encode(text, options);
}

// Continues after `prompt`, which comes behind the first `kept` tokens of the session.
absl::StatusOr<GenerateResult> LlmSession::State::Generate(
    int32_t kept, absl::Span<const int32_t> prompt, const GenerateOptions& options,
    TextPosition text_position, RunningCall& call, TextCallback callback) {
  if (gate.cancelled()) return CancelledResult(context.length());
  if (prompt.empty() && kept == 0) {
    return absl::InvalidArgumentError(
        "there is nothing to continue: the prompt has no tokens and the session is empty");
  }
  const std::vector<int32_t> replaced(context.tokens().begin() + kept, context.tokens().end());
  absl::Status appended = context.Replace(kept, prompt);
  if (!appended.ok()) return appended;
  const auto show = [&](absl::string_view text) {
    position = context.length();
    return call.Show(text, callback);
  };
  const auto stop = [&] { return gate.cancelled(); };
  absl::StatusOr<GenerateResult> result =
      RunGeneration(engine.tokenizer(), engine.stop_tokens(), options, text_position, context,
                    draft.get(), {.show = show, .stop = stop, .begin = call.begin()});
  if (!result.ok()) context.Replace(kept, replaced).IgnoreError();  // they fitted before
  if (absl::IsCancelled(result.status())) {
    result = CancelledResult(context.length());
  } else if (result.ok()) {
    result->begin_position = WasUndone(*result) ? context.length() : kept;
  }
  position = context.length();
  return result;
}

absl::Status LlmSession::Prefill(absl::string_view text, const PrefillOptions& options) {
  RunningCall call(state_->gate, state_->process());
  if (absl::Status entered = call.Entered(); !entered.ok()) return entered;
  absl::StatusOr<std::vector<int32_t>> tokens =
      state_->EncodePrompt(text, options.parse_special_tokens ? Markup::kParse : Markup::kAsText);
  if (!tokens.ok()) return tokens.status();
  const auto stop = [&] { return state_->gate.cancelled(); };
  if (stop()) return absl::CancelledError("the call was cancelled");
  const int32_t before = state_->context.length();
  absl::Status status = state_->context.Append(*tokens);
  if (status.ok()) status = state_->context.Compute(stop);
  if (!status.ok()) state_->context.Truncate(before);
  state_->position = state_->context.length();
  return status;
}

absl::StatusOr<GenerateResult> LlmSession::Generate(absl::string_view prompt,
                                                    const GenerateOptions& options,
                                                    TextCallback callback) {
  RunningCall call(state_->gate, state_->process());
  if (absl::Status entered = call.Entered(); !entered.ok()) return entered;
  absl::Status valid = ValidateGenerateOptions(options, model().vocab_size());
  if (!valid.ok()) return valid;
  absl::StatusOr<std::vector<int32_t>> tokens =
      state_->EncodePrompt(prompt, options.parse_special_tokens ? Markup::kParse : Markup::kAsText);
  if (!tokens.ok()) return tokens.status();
  const bool begins_text = prompt.empty() && state_->context.length() == 0;
  return state_->Generate(state_->context.length(), *tokens, options,
                          begins_text ? TextPosition::kStart : TextPosition::kContinuation, call,
                          callback);
}

absl::StatusOr<GenerateResult> LlmSession::Generate(absl::string_view prompt,
                                                    const GenerateOptions& options) {
  return Generate(prompt, options, [](absl::string_view) { return true; });
}

absl::StatusOr<GenerateResult> LlmSession::GenerateFromTokens(absl::Span<const int32_t> prompt,
                                                              const GenerateOptions& options,
                                                              TextCallback callback) {
  RunningCall call(state_->gate, state_->process());
  if (absl::Status entered = call.Entered(); !entered.ok()) return entered;
  absl::Status valid = ValidateGenerateOptions(options, model().vocab_size());
  if (!valid.ok()) return valid;
  return state_->Generate(state_->context.length(), prompt, options, TextPosition::kContinuation,
                          call, callback);
}

absl::StatusOr<GenerateResult> LlmSession::Chat(absl::string_view user_text,
                                                const GenerateOptions& options,
                                                TextCallback callback) {
  RunningCall call(state_->gate, state_->process());
  if (absl::Status entered = call.Entered(); !entered.ok()) return entered;
  absl::Status valid = ValidateGenerateOptions(options, model().vocab_size());
  if (!valid.ok()) return valid;
  absl::StatusOr<ChatTurns::Step> step = state_->turns.Next(user_text, state_->context.tokens());
  if (!step.ok()) return step.status();
  GenerateOptions turn_options = options;
  for (const std::string& stop : state_->engine.prompt_template().data().stop_strings) {
    if (!stop.empty()) turn_options.stop_strings.push_back(stop);
  }
  absl::StatusOr<GenerateResult> result =
      state_->Generate(step->kept, step->added, turn_options, TextPosition::kStart, call, callback);
  if (result.ok() && !WasUndone(*result)) {
    result->begin_position = step->begin;
    state_->turns.Take(*std::move(step));
  }
  return result;
}

void LlmSession::Cancel() { state_->gate.Cancel(); }

absl::Status LlmSession::Rewind(int32_t position) {
  RunningCall call(state_->gate, state_->process());
  if (absl::Status entered = call.Entered(); !entered.ok()) return entered;
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
  if (absl::Status entered = call.Entered(); !entered.ok()) return entered;
  return state_->context.tokens();
}

const LlmModel& LlmSession::model() const { return *state_->model; }
bool LlmSession::has_prompt_template() const {
  return state_->engine.prompt_template().has_turns();
}

}  // namespace inkling
