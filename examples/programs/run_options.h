// What inkling-run was asked to do.

#ifndef INKLING_EXAMPLES_PROGRAMS_RUN_OPTIONS_H_
#define INKLING_EXAMPLES_PROGRAMS_RUN_OPTIONS_H_

#include <string>
#include <vector>

#include "examples/programs/constraint_flags.h"
#include "inkling/llm_message.h"
#include "inkling/llm_options.h"

namespace inkling {

struct RunOptions {
  std::string model;
  std::vector<std::string> lora;  // as --lora has them
  std::string draft;              // file of the draft model, or empty
  std::string prompt;             // with has_prompt
  bool has_prompt = false;        // one prompt, then the program ends
  bool chat = false;              // the prompt is a user's turn, not text to continue
  std::string messages;           // file with a conversation to answer, or empty
  std::string tools;              // file with functions that the model may call, or empty
  bool stats = false;
  std::string save;    // file that the session is written to at the end, or empty
  std::string load;    // file that it is read from, or empty
  bool slide = false;  // a full context drops older tokens
  ModelOptions model_options;
  SessionOptions session_options;
  ChatOptions chat_options;  // its tools are those of `tools`
  GenerateOptions generate_options;
  ConstraintFlags constraint;
};

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_RUN_OPTIONS_H_
