// OpenAI's HTTP API over one model: which path does what, and how answers are streamed.

#ifndef INKLING_EXAMPLES_SERVE_SERVER_H_
#define INKLING_EXAMPLES_SERVE_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "examples/serve/requests.h"
#include "examples/serve/session_pool.h"
#include "httplib.h"
#include "inkling/llm_model.h"

namespace inkling::serve {

class Server {
 public:
  // `name` is what clients call the model.
  Server(std::shared_ptr<const LlmModel> model, std::unique_ptr<SessionPool> sessions,
         std::string name, int32_t num_sessions);

  // Listens until Stop. `port` 0 takes any; Bind returns which, or -1 if it can't be had.
  int Bind(const std::string& host, int port);
  bool Run() { return http_.listen_after_bind(); }
  void Stop();

 private:
  void Chat(const httplib::Request& request, httplib::Response& response);
  void Complete(const httplib::Request& request, httplib::Response& response);
  void Embed(const httplib::Request& request, httplib::Response& response);
  void ListModels(httplib::Response& response) const;
  // The body as JSON, if it is for this model; else the response has the error.
  std::optional<nlohmann::ordered_json> Body(const httplib::Request& request,
                                             httplib::Response& response) const;
  absl::StatusOr<SessionPool::Loan> SessionFor(const ChatRequest& request);
  absl::StatusOr<SessionPool::Loan> AnySession();

  const std::shared_ptr<const LlmModel> model_;
  const std::unique_ptr<SessionPool> sessions_;
  const std::string name_;
  httplib::Server http_;
};

}  // namespace inkling::serve

#endif  // INKLING_EXAMPLES_SERVE_SERVER_H_
