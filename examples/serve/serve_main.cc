// inkling-serve: a model behind OpenAI's HTTP API, for trying an app against Inkling before a line
// of it is written. For developers, on their own machine: it knows no users, no keys and no TLS.

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "examples/serve/server.h"
#include "examples/serve/session_pool.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"

namespace {

struct Flags {
  std::string model;
  std::string name;
  std::string host = "127.0.0.1";
  int port = 8080;
  int32_t num_sessions = 4;
  int32_t num_threads = 0;
  int32_t context_length = 0;
  std::string cache_dir;
};

inkling::serve::Server* serving = nullptr;

void Interrupt(int) {
  if (serving != nullptr) serving->Stop();
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "inkling-serve: %s\n", std::string(status.message()).c_str());
  return 1;
}

int Serve(const Flags& flags) {
  inkling::ModelOptions options;
  options.num_threads = flags.num_threads;
  options.cache_dir = flags.cache_dir;
  auto model = inkling::LlmModel::Open(flags.model, options);
  if (!model.ok()) return Fail(model.status());
  inkling::SessionOptions session_options;
  session_options.context_length = flags.context_length;
  auto sessions = inkling::serve::SessionPool::Create(*model, session_options,
                                                      static_cast<size_t>(flags.num_sessions));
  if (!sessions.ok()) return Fail(sessions.status());
  const std::string name =
      flags.name.empty() ? std::filesystem::path(flags.model).stem().string() : flags.name;
  inkling::serve::Server server(*model, *std::move(sessions), name, flags.num_sessions);
  const int port = server.Bind(flags.host, flags.port);
  if (port < 0) {
    std::fprintf(stderr, "inkling-serve: can't listen on %s:%d; is another program there?\n",
                 flags.host.c_str(), flags.port);
    return 1;
  }
  std::printf("inkling-serve: %s at http://%s:%d/v1\n", name.c_str(), flags.host.c_str(), port);
  std::fflush(stdout);
  serving = &server;
  std::signal(SIGINT, Interrupt);
  std::signal(SIGTERM, Interrupt);
  server.Run();
  serving = nullptr;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app(
      "Serves a model over OpenAI's HTTP API: /v1/chat/completions, /v1/completions, "
      "/v1/embeddings, /v1/models. For developers, not for production.");
  app.add_option("model", flags.model, "Model file made by inkling-convert")->required();
  app.add_option("--name", flags.name, "What clients call the model; default: the file's name");
  app.add_option("--host", flags.host, "Address to listen on")->capture_default_str();
  app.add_option("--port", flags.port, "Port to listen on; 0: any that is free")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  app.add_option("--sessions", flags.num_sessions,
                 "Conversations that are kept and answered at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("-t,--threads", flags.num_threads,
                 "Threads that compute; 0: one for each big core");
  app.add_option("--context-length", flags.context_length,
                 "Context length of each conversation, in tokens");
  app.add_option("--cache-dir", flags.cache_dir, "Folder that keeps packed weights");
  CLI11_PARSE(app, argc, argv);
  return Serve(flags);
}
