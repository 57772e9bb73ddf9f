// Requests are read and checked first, so that errors have a status also where a stream was asked
// for.

#include "examples/serve/server.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "examples/serve/api_error.h"
#include "examples/serve/event_stream.h"
#include "examples/serve/requests.h"
#include "examples/serve/responses.h"
#include "examples/serve/session_pool.h"
#include "httplib.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {
namespace {

using json = nlohmann::ordered_json;

constexpr size_t kLargestBody = 64 << 20;
constexpr char kJson[] = "application/json";

void Answer(httplib::Response& response, const json& body) {
  response.set_content(body.dump(-1, ' ', false, json::error_handler_t::replace), kJson);
}

void Fail(httplib::Response& response, const absl::Status& status) {
  response.status = HttpStatus(status);
  Answer(response, ErrorJson(status));
}

bool Ignore(absl::string_view) { return true; }

json Delta(const ResponseHead& head, json delta, json finish_reason) {
  return WithChoices(head, json::array({{{"index", 0},
                                         {"delta", std::move(delta)},
                                         {"logprobs", nullptr},
                                         {"finish_reason", std::move(finish_reason)}}}));
}

// The end of a stream: the reason, the usage if it was asked for, an error in their place.
// The session goes back first: the client's next request may come before this function ends, and
// wants what the session has computed.
void EndStream(EventStream& events, SessionPool::Loan& session,
               const absl::StatusOr<GenerateResult>& result, const ResponseHead& head, json last,
               bool include_usage) {
  session.GiveBack();
  if (!result.ok()) {
    events.Send(ErrorJson(result.status()));
  } else {
    events.Send(last);
    if (include_usage) {
      json usage = WithChoices(head, json::array());
      usage["usage"] = Usage(*result);
      events.Send(usage);
    }
  }
  events.End();
}

void StreamChat(EventStream& events, SessionPool::Loan& session, const ChatRequest& request,
                ResponseHead head) {
  head.object = "chat.completion.chunk";
  if (!events.Send(Delta(head, {{"role", "assistant"}, {"content", ""}}, nullptr))) return;
  const absl::StatusOr<GenerateResult> result = session->Chat(
      request.messages, request.chat, request.generation.options, [&](absl::string_view text) {
        return events.Send(Delta(head, {{"content", text}}, nullptr));
      });
  json last;
  if (result.ok()) {
    if (!result->tool_calls.empty())
      events.Send(Delta(head, {{"tool_calls", ToolCallsJson(*result, head)}}, nullptr));
    last = Delta(head, json::object(), FinishReason(*result));
    if (request.generation.options.return_log_probabilities)
      last["choices"][0]["logprobs"] = ChatLogProbabilities(*result, session->model());
  }
  EndStream(events, session, result, head, std::move(last), request.generation.include_usage);
}

json TextChoice(size_t index, absl::string_view text, json finish_reason, json log_probabilities) {
  return {{"index", index},
          {"text", text},
          {"logprobs", std::move(log_probabilities)},
          {"finish_reason", std::move(finish_reason)}};
}

void StreamCompletion(EventStream& events, SessionPool::Loan& session,
                      const CompletionRequest& request, const ResponseHead& head) {
  const auto send = [&](absl::string_view text) {
    return events.Send(WithChoices(head, json::array({TextChoice(0, text, nullptr, nullptr)})));
  };
  const std::string& prompt = request.prompts.front();
  if (request.echo && !send(prompt)) return;
  absl::StatusOr<GenerateResult> result = absl::OkStatus();
  const absl::Status reset = session->Reset();
  if (!reset.ok()) {
    result = reset;
  } else {
    result = session->Generate(prompt, request.generation.options, send);
  }
  json last;
  if (result.ok())
    last = WithChoices(head, json::array({TextChoice(0, "", FinishReason(*result), nullptr)}));
  EndStream(events, session, result, head, std::move(last), request.generation.include_usage);
}

// Sends what `write` gives, in a session that is on loan until the end.
template <typename Request, typename Write>
void Stream(httplib::Response& response, SessionPool::Loan session, Request request,
            ResponseHead head, Write write) {
  auto loan = std::make_shared<SessionPool::Loan>(std::move(session));
  response.set_header("Cache-Control", "no-cache");
  response.set_chunked_content_provider(
      "text/event-stream", [loan, request = std::move(request), head = std::move(head), write](
                               size_t, httplib::DataSink& sink) {
        EventStream events(sink);
        write(events, *loan, request, head);
        return true;
      });
}

}  // namespace

Server::Server(std::shared_ptr<const LlmModel> model, std::unique_ptr<SessionPool> sessions,
               std::string name, int32_t num_sessions)
    : model_(std::move(model)), sessions_(std::move(sessions)), name_(std::move(name)) {
  http_.set_payload_max_length(kLargestBody);
  // One thread for each session, and some that can say that all are busy.
  const auto num_threads = static_cast<size_t>(num_sessions) + 4;
  http_.new_task_queue = [num_threads] { return new httplib::ThreadPool(num_threads); };
  http_.Post("/v1/chat/completions",
             [this](const auto& request, auto& response) { Chat(request, response); });
  http_.Post("/v1/completions",
             [this](const auto& request, auto& response) { Complete(request, response); });
  http_.Post("/v1/embeddings",
             [this](const auto& request, auto& response) { Embed(request, response); });
  http_.Get("/v1/models", [this](const auto&, auto& response) { ListModels(response); });
  http_.Get("/health", [](const auto&, auto& response) { Answer(response, {{"status", "ok"}}); });
  http_.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
    if (!response.body.empty()) return;
    const int status = response.status;
    const std::string asked = absl::StrCat(request.method, " ", request.path);
    Answer(response,
           ErrorJson(status == 404 ? absl::NotFoundError(
                                         absl::StrCat(asked, " is nothing that inkling-serve has"))
                                   : absl::InternalError(absl::StrCat(
                                         asked, " can't be answered: HTTP status ", status))));
    response.status = status;
  });
}

int Server::Bind(const std::string& host, int port) {
  if (port == 0) return http_.bind_to_any_port(host);
  return http_.bind_to_port(host, port) ? port : -1;
}

void Server::Stop() {
  sessions_->CancelAll();
  http_.stop();
}

std::optional<json> Server::Body(const httplib::Request& request,
                                 httplib::Response& response) const {
  json body = json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) {
    Fail(response, absl::InvalidArgumentError("the request's body is no JSON object"));
    return std::nullopt;
  }
  if (body.contains("model") && body["model"].is_string() && body["model"] != name_) {
    Fail(response, absl::NotFoundError(absl::StrCat("there is no model ", body["model"].dump(),
                                                    "; this server has \"", name_, "\"")));
    return std::nullopt;
  }
  return body;
}

absl::StatusOr<SessionPool::Loan> Server::SessionFor(const ChatRequest& request) {
  return sessions_->Take([&](const LlmSession& session) {
    const auto prompt = session.RenderPrompt(request.messages, request.chat);
    return prompt.ok() ? prompt->num_reused_tokens : 0;
  });
}

absl::StatusOr<SessionPool::Loan> Server::AnySession() {
  return sessions_->Take([](const LlmSession&) { return 0; });
}

void Server::ListModels(httplib::Response& response) const {
  Answer(response,
         {{"object", "list"},
          {"data",
           json::array(
               {{{"id", name_}, {"object", "model"}, {"created", 0}, {"owned_by", "inkling"}}})}});
}

void Server::Chat(const httplib::Request& request, httplib::Response& response) {
  const std::optional<json> body = Body(request, response);
  if (!body.has_value()) return;
  absl::StatusOr<ChatRequest> chat = ReadChatRequest(*body, *model_);
  if (!chat.ok()) return Fail(response, chat.status());
  absl::StatusOr<SessionPool::Loan> session = SessionFor(*chat);
  if (!session.ok()) return Fail(response, session.status());
  // What can't be answered is an error with a status, also where a stream was asked for.
  const auto prompt = (*session)->RenderPrompt(chat->messages, chat->chat);
  if (!prompt.ok()) return Fail(response, prompt.status());
  ResponseHead head = NewResponseHead("chatcmpl", "chat.completion", name_);
  if (chat->generation.stream) {
    return Stream(response, *std::move(session), *std::move(chat), std::move(head), StreamChat);
  }
  const absl::StatusOr<GenerateResult> result =
      (*session)->Chat(chat->messages, chat->chat, chat->generation.options, Ignore);
  if (!result.ok()) return Fail(response, result.status());
  json choice = {{"index", 0},
                 {"message", AnswerMessage(*result, head)},
                 {"logprobs", nullptr},
                 {"finish_reason", FinishReason(*result)}};
  if (chat->generation.options.return_log_probabilities)
    choice["logprobs"] = ChatLogProbabilities(*result, *model_);
  json answer = WithChoices(head, json::array({std::move(choice)}));
  answer["usage"] = Usage(*result);
  Answer(response, answer);
}

void Server::Complete(const httplib::Request& request, httplib::Response& response) {
  const std::optional<json> body = Body(request, response);
  if (!body.has_value()) return;
  absl::StatusOr<CompletionRequest> completion = ReadCompletionRequest(*body, *model_);
  if (!completion.ok()) return Fail(response, completion.status());
  absl::StatusOr<SessionPool::Loan> session = AnySession();
  if (!session.ok()) return Fail(response, session.status());
  ResponseHead head = NewResponseHead("cmpl", "text_completion", name_);
  if (completion->generation.stream) {
    return Stream(response, *std::move(session), *std::move(completion), std::move(head),
                  StreamCompletion);
  }
  json choices = json::array();
  json usage;
  for (const std::string& prompt : completion->prompts) {
    const absl::Status reset = (*session)->Reset();
    if (!reset.ok()) return Fail(response, reset);
    const auto result = (*session)->Generate(prompt, completion->generation.options);
    if (!result.ok()) return Fail(response, result.status());
    const std::string shown = completion->echo ? prompt : "";
    json log_probabilities;
    if (completion->generation.options.return_log_probabilities)
      log_probabilities = CompletionLogProbabilities(*result, *model_, shown.size());
    choices.push_back(TextChoice(choices.size(), shown + result->text, FinishReason(*result),
                                 std::move(log_probabilities)));
    usage = usage.is_null() ? Usage(*result) : AddUsage(usage, Usage(*result));
  }
  json answer = WithChoices(head, std::move(choices));
  answer["usage"] = std::move(usage);
  Answer(response, answer);
}

void Server::Embed(const httplib::Request& request, httplib::Response& response) {
  const std::optional<json> body = Body(request, response);
  if (!body.has_value()) return;
  const absl::StatusOr<EmbeddingRequest> embedding = ReadEmbeddingRequest(*body);
  if (!embedding.ok()) return Fail(response, embedding.status());
  absl::StatusOr<SessionPool::Loan> session = AnySession();
  if (!session.ok()) return Fail(response, session.status());
  const auto vectors = (*session)->Embed(embedding->texts);
  if (!vectors.ok()) return Fail(response, vectors.status());
  int32_t num_tokens = 0;
  for (const std::string& text : embedding->texts) {
    num_tokens += model_->CountTokens(text, {.add_beginning_of_sequence = true}).value_or(0);
  }
  Answer(response, EmbeddingsJson(*vectors, embedding->base64, name_, num_tokens));
}

}  // namespace inkling::serve
