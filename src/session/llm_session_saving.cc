// Copies of a session: forks, and files from which it goes on later.

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
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "src/compute/float_environment.h"
#include "src/decoder/kv_cache.h"
#include "src/format/byte_stream.h"
#include "src/format/partial_file.h"
#include "src/format/sequential_file.h"
#include "src/session/llm_session_state.h"
#include "src/session/running_call.h"
#include "src/session/session_fields.h"
#include "src/session/session_file.h"

namespace inkling {
namespace {

SessionHead HeadOf(const ModelEngine& engine, const SessionOptions& options,
                   const AdapterSet& adapters, const ChatTurns& turns, const TokenContext& context,
                   const KvCache& cache) {
  FieldWriter turn_fields;
  turns.Write(turn_fields);
  return {.model_id = engine.reader().metadata().model_id,
          .kv_cache_type = static_cast<uint8_t>(options.kv_cache_type),
          .context_length = context.capacity(),
          .system_prompt = options.system_prompt,
          .date = options.date,
          .adapters = adapters.names,
          .tokens = context.tokens(),
          .turns = turn_fields.bytes(),
          .cache_format = std::string(cache.StateFormat()),
          .cache_bytes = cache.StateBytes()};
}

// The text that the file has, unless the options ask for another.
absl::Status ResolveText(const char* name, const std::string& saved, std::string& option) {
  if (option.empty()) option = saved;
  if (option == saved) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": expected the saved session's, '", saved,
                                                 "', or none, found '", option, "'"));
}

// Puts what the options leave open as the saved session had it. Errors: InvalidArgument where they
// ask for another session than that.
absl::Status ResolveOptions(const SessionHead& head, const ModelEngine& engine,
                            SessionOptions& options) {
  const std::string& model_id = engine.reader().metadata().model_id;
  if (head.model_id != model_id) {
    return absl::InvalidArgumentError(
        absl::StrCat("model: expected the one that the session was saved with, ", head.model_id,
                     ", found ", model_id));
  }
  if (head.kv_cache_type != static_cast<uint8_t>(options.kv_cache_type)) {
    return absl::InvalidArgumentError(absl::StrCat("kv_cache_type: expected the saved session's, ",
                                                   head.kv_cache_type, ", found ",
                                                   static_cast<int>(options.kv_cache_type)));
  }
  if (options.context_length == 0) options.context_length = head.context_length;
  if (options.context_length > 0 &&
      head.tokens.size() > static_cast<size_t>(options.context_length)) {
    return absl::InvalidArgumentError(
        absl::StrCat("context_length: expected at least the ", head.tokens.size(),
                     " tokens of the saved session, found ", options.context_length));
  }
  ABSL_RETURN_IF_ERROR(ResolveText("system_prompt", head.system_prompt, options.system_prompt));
  return ResolveText("date", head.date, options.date);
}

// Whether keys that were computed in a context of one length are those of another: LongRoPE turns
// them otherwise in long contexts.
bool SameRotation(const ModelConfig& config, int32_t saved, int32_t context_length) {
  for (const RopeTableConfig& table : config.rope_tables) {
    if (!table.long_frequencies.empty() &&
        (saved > table.long_from) != (context_length > table.long_from)) {
      return false;
    }
  }
  return true;
}

std::string NamesOrNone(const std::string& names) { return names.empty() ? "none" : names; }

absl::Status NullModel() {
  return absl::InvalidArgumentError("the model is null; open one with LlmModel::Open");
}

absl::Status InFile(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LlmSession>> LlmSession::Fork() const {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  ABSL_ASSIGN_OR_RETURN(TokenContext context, state_->context.Fork());
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<DraftModel> draft, state_->speculation.ForkDraftModel());
  auto fork = std::make_unique<State>(state_->model, state_->engine, state_->options,
                                      std::move(context), std::move(draft), state_->turns);
  fork->adapters = state_->adapters;
  fork->speculation.CopyCosts(state_->speculation);
  return std::unique_ptr<LlmSession>(new LlmSession(std::move(fork)));
}

absl::Status LlmSession::Trim(const std::string& folder) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  ABSL_RETURN_IF_ERROR(state_->context.Trim(folder));
  return state_->speculation.TrimDraftModel();
}

absl::Status LlmSession::State::Save(absl::FunctionRef<absl::Status(int64_t)> begin,
                                     ByteSink sink) {
  const KvCache& cache = context.SettledCache();
  const SessionHead head = HeadOf(engine, options, adapters, turns, context, cache);
  ABSL_RETURN_IF_ERROR(begin(SessionFileBytes(head)));
  return WriteSessionFile(head, cache, sink);
}

absl::Status LlmSession::Save(const std::string& path) const {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  std::unique_ptr<PartialFile> file;
  int64_t offset = 0;
  const auto begin = [&](int64_t bytes) {
    absl::StatusOr<std::unique_ptr<PartialFile>> created = PartialFile::Create(path, bytes);
    if (created.ok()) file = *std::move(created);
    return created.status();
  };
  ABSL_RETURN_IF_ERROR(state_->Save(begin, [&](absl::Span<const std::byte> bytes) {
    const int64_t at = offset;
    offset += static_cast<int64_t>(bytes.size());
    return file->WriteAt(at, bytes);
  }));
  return file->Commit();
}

absl::Status LlmSession::Save(ByteWriter writer) const {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  return state_->Save([](int64_t) { return absl::OkStatus(); },
                      [&](absl::Span<const std::byte> bytes) { return call.Write(bytes, writer); });
}

absl::StatusOr<std::unique_ptr<LlmSession>> LlmSession::LoadFrom(
    std::shared_ptr<const LlmModel> model, SessionOptions options, ByteSource source) {
  SessionFileReader file(source);
  ABSL_ASSIGN_OR_RETURN(const SessionHead head, file.ReadHead());
  ABSL_RETURN_IF_ERROR(ResolveOptions(head, *model->engine_, options));
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<LlmSession> session, Create(std::move(model), options));
  State& state = *session->state_;
  if (state.adapters.names != head.adapters) {
    return absl::InvalidArgumentError(absl::StrCat(
        "adapters: expected the saved session's, ", NamesOrNone(head.adapters), ", found ",
        NamesOrNone(state.adapters.names), "; SetAdapters changes them afterwards"));
  }
  const auto read = [&](KvCache& cache) -> absl::Status {
    if (cache.StateFormat() != head.cache_format ||
        !SameRotation(state.engine.config(), head.context_length, cache.capacity())) {
      return file.SkipCache(head);  // the next call computes the tokens again
    }
    return file.ReadCache(head, [&](ByteSource bytes) { return cache.ReadState(bytes); });
  };
  ABSL_RETURN_IF_ERROR(state.context.Restore(head.tokens, read));
  FieldReader turn_fields(head.turns);
  ABSL_RETURN_IF_ERROR(state.turns.Read(turn_fields, state.context.length()));
  ABSL_RETURN_IF_ERROR(turn_fields.TakeEnd());
  state.position = state.context.length();
  return session;
}

absl::StatusOr<std::unique_ptr<LlmSession>> LlmSession::Load(std::shared_ptr<const LlmModel> model,
                                                             const std::string& path,
                                                             const SessionOptions& options) {
  if (model == nullptr) return NullModel();
  const DefaultFloats floats;
  ABSL_ASSIGN_OR_RETURN(SequentialFile file, SequentialFile::Open(path));
  absl::StatusOr<std::unique_ptr<LlmSession>> session = LoadFrom(
      std::move(model), options, [&](absl::Span<std::byte> bytes) { return file.Read(bytes); });
  if (!session.ok()) return InFile(path, session.status());
  if (file.left() != 0) {
    return InFile(path,
                  absl::InvalidArgumentError(absl::StrCat("expected ", file.size() - file.left(),
                                                          " bytes, found ", file.size())));
  }
  return session;
}

absl::StatusOr<std::unique_ptr<LlmSession>> LlmSession::Load(std::shared_ptr<const LlmModel> model,
                                                             ByteReader reader,
                                                             const SessionOptions& options) {
  if (model == nullptr) return NullModel();
  DefaultFloats floats;
  return LoadFrom(std::move(model), options, [&](absl::Span<std::byte> bytes) -> absl::Status {
    const DefaultFloats::Interval interval(floats);
    while (!bytes.empty()) {
      ABSL_ASSIGN_OR_RETURN(const size_t count, reader(bytes));
      if (count == 0 || count > bytes.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat("reader: expected 1 to ", bytes.size(), " more bytes, found ", count));
      }
      bytes.remove_prefix(count);
    }
    return absl::OkStatus();
  });
}

}  // namespace inkling
