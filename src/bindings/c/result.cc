// Results of the C API.

#include "inkling/c/result.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "inkling/llm_options.h"
#include "src/bindings/c/handles.h"

using inkling::c_api::ToC;

namespace {

// Alternative `rank` of token `index`; null if there is none.
const inkling::TokenLogProbability* Top(const inkling_result* result, size_t index, size_t rank) {
  if (result == nullptr || index >= result->result.top_log_probabilities.size()) return nullptr;
  const auto& alternatives = result->result.top_log_probabilities[index];
  return rank < alternatives.size() ? &alternatives[rank] : nullptr;
}

const inkling::ToolCall* Call(const inkling_result* result, size_t index) {
  if (result == nullptr || index >= result->result.tool_calls.size()) return nullptr;
  return &result->result.tool_calls[index];
}

}  // namespace

inkling_string inkling_result_text(const inkling_result* result) {
  return result == nullptr ? inkling_str("") : ToC(result->result.text);
}
int32_t inkling_result_stop_reason(const inkling_result* result) {
  return result == nullptr ? 0 : static_cast<int32_t>(result->result.stop_reason);
}

const int32_t* inkling_result_tokens(const inkling_result* result) {
  return inkling_result_num_tokens(result) == 0 ? nullptr : result->result.tokens.data();
}
size_t inkling_result_num_tokens(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.tokens.size();
}
const float* inkling_result_log_probabilities(const inkling_result* result) {
  return result == nullptr || result->result.log_probabilities.empty()
             ? nullptr
             : result->result.log_probabilities.data();
}

size_t inkling_result_num_top(const inkling_result* result, size_t index) {
  if (result == nullptr || index >= result->result.top_log_probabilities.size()) return 0;
  return result->result.top_log_probabilities[index].size();
}
int32_t inkling_result_top_token(const inkling_result* result, size_t index, size_t rank) {
  const inkling::TokenLogProbability* top = Top(result, index, rank);
  return top == nullptr ? -1 : top->token;
}
float inkling_result_top_log_probability(const inkling_result* result, size_t index, size_t rank) {
  const inkling::TokenLogProbability* top = Top(result, index, rank);
  return top == nullptr ? 0 : top->log_probability;
}

size_t inkling_result_num_tool_calls(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.tool_calls.size();
}
inkling_string inkling_result_tool_call_name(const inkling_result* result, size_t index) {
  const inkling::ToolCall* call = Call(result, index);
  return call == nullptr ? inkling_str("") : ToC(call->name);
}
inkling_string inkling_result_tool_call_arguments(const inkling_result* result, size_t index) {
  const inkling::ToolCall* call = Call(result, index);
  return call == nullptr ? inkling_str("") : ToC(call->arguments);
}
inkling_string inkling_result_tool_call_id(const inkling_result* result, size_t index) {
  const inkling::ToolCall* call = Call(result, index);
  return call == nullptr ? inkling_str("") : ToC(call->id);
}

uint64_t inkling_result_seed(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.seed;
}
int32_t inkling_result_begin_position(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.begin_position;
}
int32_t inkling_result_num_prompt_tokens(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.num_prompt_tokens;
}
int32_t inkling_result_num_reused_tokens(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.num_reused_tokens;
}
int32_t inkling_result_num_dropped_tokens(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.num_dropped_tokens;
}
int32_t inkling_result_num_draft_tokens(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.num_draft_tokens;
}
int32_t inkling_result_num_accepted_tokens(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.num_accepted_tokens;
}
double inkling_result_prefill_seconds(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.prefill_seconds;
}
double inkling_result_decode_seconds(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.decode_seconds;
}
double inkling_result_time_to_first_token_seconds(const inkling_result* result) {
  return result == nullptr ? 0 : result->result.time_to_first_token_seconds;
}

void inkling_result_release(inkling_result* result) { delete result; }
