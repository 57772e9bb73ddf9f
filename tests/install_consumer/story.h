// What every program here does with Inkling: opens a model and has it write a few words.

#ifndef INKLING_TESTS_INSTALL_CONSUMER_STORY_H_
#define INKLING_TESTS_INSTALL_CONSUMER_STORY_H_

#include <iostream>

#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

// Returns 0, or 1 after it has said on stderr what failed.
inline int TellStory(const char* path) {
  inkling::ModelOptions model_options;
  model_options.num_threads = 2;
  auto model = inkling::LlmModel::Open(path, model_options);
  if (!model.ok()) return std::cerr << model.status() << "\n", 1;
  auto session = inkling::LlmSession::Create(*model);
  if (!session.ok()) return std::cerr << session.status() << "\n", 1;
  inkling::GenerateOptions options;
  options.max_new_tokens = 8;
  options.ignore_model_stop_tokens = true;
  auto result = (*session)->Generate("Once upon a time", options);
  if (!result.ok()) return std::cerr << result.status() << "\n", 1;
  if (result->tokens.size() != 8) return std::cerr << result->tokens.size() << " tokens\n", 1;
  return 0;
}

#endif  // INKLING_TESTS_INSTALL_CONSUMER_STORY_H_
