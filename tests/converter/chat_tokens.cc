// For chat_oracle_test.py: the tokens that a session has after turns whose answers are given.
//
// usage: chat_tokens MODEL TURNS.json, a list of [user, answer] pairs of which the last has no
// answer; prints the ids in front of the last answer, for every conversation of the list one line.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_join.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "nlohmann/json.hpp"
#include "src/format/model_reader.h"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

bool Ignore(absl::string_view) { return true; }

absl::Status Run(const std::string& model_path, const std::string& turns_path) {
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<ModelReader> reader, ModelReader::Open(model_path));
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<const Tokenizer> tokenizer,
                        Tokenizer::Create(reader->metadata().tokenizer));
  ABSL_ASSIGN_OR_RETURN(std::shared_ptr<const LlmModel> model, LlmModel::Open(model_path));
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<LlmSession> session, LlmSession::Create(model));
  std::ifstream file(turns_path);
  const nlohmann::json talks = nlohmann::json::parse(file, nullptr, false);
  GenerateOptions one;
  one.max_new_tokens = 1;
  one.ignore_model_stop_tokens = true;
  for (const nlohmann::json& talk : talks) {
    ABSL_RETURN_IF_ERROR(session->Reset());
    for (const nlohmann::json& turn : talk) {
      ABSL_RETURN_IF_ERROR(session->Chat(turn[0].get<std::string>(), one, Ignore).status());
      ABSL_RETURN_IF_ERROR(session->Rewind(session->position() - 1));
      if (turn.size() < 2) continue;
      EncodeOptions options;
      options.markup = Markup::kParse;
      options.position = TextPosition::kContinuation;
      ABSL_ASSIGN_OR_RETURN(const std::vector<int32_t> answer,
                            tokenizer->Encode(turn[1].get<std::string>(), options));
      ABSL_RETURN_IF_ERROR(session->GenerateFromTokens(answer, one, Ignore).status());
      ABSL_RETURN_IF_ERROR(session->Rewind(session->position() - 1));
    }
    ABSL_ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, session->tokens());
    std::cout << absl::StrJoin(tokens, " ") << "\n";
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: chat_tokens MODEL TURNS.json\n", stderr), 2;
  const absl::Status status = inkling::Run(argv[1], argv[2]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "chat_tokens: %s\n", std::string(status.message()).c_str());
  return 1;
}
