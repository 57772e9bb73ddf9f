// Options and results of Inkling's C++ API: plain structs with their defaults in sight.
//
// Every call checks the options it is given and answers with an absl::Status that names the field,
// what was expected and what was found; nothing is clamped silently.

#ifndef INKLING_LLM_OPTIONS_H_
#define INKLING_LLM_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace inkling {

class LlmModel;  // llm_model.h

// What prompts are multiplied with quantised weights as. Generated tokens, and passes of few rows,
// always use int8 rows.
enum class ActivationPrecision : uint8_t {
  // What is faster with each matrix, as measured on CPUs of this one's class: floats where it has
  // no matmuls of bytes worth the name, int8 elsewhere.
  kAuto = 0,
  // Rows are rounded to int8 (where weights are int8, rows of the widest spread twice, to 15 bits).
  kInt8 = 1,
  // Weights are dequantised to f32, a panel at a time, and rows aren't rounded at all; there is no
  // second copy of the weights. Slower than kInt8 on most CPUs. Matrices whose number of inputs
  // isn't a multiple of 32 keep int8 rows: ModelDescription::prefill_activations says so.
  kFloat = 2,
};

// How a model is loaded.
struct ModelOptions {
  // Threads that compute, the calling one included, at most 256. 0 = one for each big core that the
  // process may use (affinity, cgroup quota): small cores beside big ones and second threads of a
  // core hold the others up; with `cpus`, one for each of those. Results are the same, bit for bit,
  // for any number.
  int32_t num_threads = 0;
  // Threads that compute one token, or a few drafted ones, where that should be another number: it
  // needs the memory's speed rather than the cores'. 0 = num_threads.
  int32_t decode_threads = 0;
  // CPUs, by number, that threads are bound to, one each, in this order; at least as many as
  // threads. The calling thread is bound to the first, but only while it computes: callbacks run
  // with the mask that it had. Empty = the system chooses, and goes on choosing well when others
  // need CPUs too. Linux and Android only.
  std::vector<int32_t> cpus = {};
  // Most prompt tokens that go through the model at once, 1 to 4096. Larger chunks read the weights
  // less often and need more scratch memory.
  int32_t prefill_chunk = 128;
  // With floats, a chunk of more than 8 rows has other bits than the same tokens in smaller chunks,
  // which are int8 ones; results are still the same for any number of threads. Tokens that are
  // drafted are checked as generated ones are computed, so text is the same with and without them.
  ActivationPrecision prefill_activations = ActivationPrecision::kAuto;
  // Folder for packed weights, which must exist. The first start writes a file there, about as
  // large as the model's; later ones map it instead of packing, which takes milliseconds, and
  // processes share its memory. A file that is damaged or belongs to another model, CPU or version
  // is written anew (its head is checked in full, its data by samples); one that can't be written
  // is done without (ModelDescription::packed_weights says why). Empty = nothing is kept.
  std::string cache_dir = {};
};

// Element type of the key/value cache.
enum class KvCacheType : uint8_t {
  kFloat16 = 0,  // half of kFloat32's memory; differences in logits of about 1e-3 of their size
  kFloat32 = 1,
  kInt8 = 2,  // half of kFloat16's memory and a scale for each position and head
};

// How a session is made.
struct SessionOptions {
  // Context: prompt and generated tokens together. 0 = what the model was made for, at most 4096. A
  // number above what the model was made for is refused.
  int32_t context_length = 0;
  KvCacheType kv_cache_type = KvCacheType::kFloat16;
  // Goes in front of the first Chat turn, where the model's prompt template has a place for it.
  std::string system_prompt = {};
  // The day that a prompt template writes which tells the model the date, like "2024-07-26". Empty:
  // that very day, which such templates fall back to. No clock is read, so that equal options give
  // equal text.
  std::string date = {};
  // A smaller model of exactly the same vocabulary that says what the session's may say next;
  // several of its tokens are then checked in one pass of the session's model, which is faster if
  // they are often right. The text is the same with any draft model, greedy or drawn. It has memory
  // and a key/value cache of its own, and where its context is shorter than the session, it helps
  // up to there. Null: none. GenerateOptions::max_draft_tokens bounds what it says at once.
  std::shared_ptr<const LlmModel> draft_model = nullptr;
};

// How the next token is chosen. Steps, in this order: logit bias, penalties, temperature, top-k,
// top-p, min-p, draw.
struct SamplingOptions {
  // 0 = always the most likely token (greedy); otherwise logits are divided by it. 0 to 100.
  float temperature = 0.8f;
  // Only the k most likely tokens are candidates; 0 = all.
  int32_t top_k = 40;
  // Only the fewest most likely tokens whose probabilities reach this sum; 1 = all. Above 0, at
  // most 1. Holtzman et al., 2020.
  float top_p = 0.95f;
  // Only tokens at least this fraction as likely as the most likely one; 0 = all. 0 to 1.
  float min_p = 0.0f;
  // Logits of tokens that occurred are divided (positive) or multiplied (negative) by this; 1 =
  // off. Above 0. Keskar et al., 2019.
  float repetition_penalty = 1.0f;
  // Subtracted from the logit of each token that occurred, once and per occurrence. 0 = off. -100
  // to 100.
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  // Penalties look at this many of the latest tokens, prompt included; 0 = all of the session's.
  int32_t penalty_window = 64;
  // (token id, number added to its logit); -infinity forbids a token. Numbers for the same token
  // are added up first.
  std::vector<std::pair<int32_t, float>> logit_bias = {};
  // The same seed gives the same tokens for the same logits.
  uint64_t seed = 0;
};

// How a text is added to a session.
struct PrefillOptions {
  // Special tokens written in the text ("<bos>", "<|im_start|>") are taken as such. Off, they are
  // ordinary text, which is what text from users should be.
  bool parse_special_tokens = false;
};

// How text is generated.
struct GenerateOptions {
  // At least 1.
  int32_t max_new_tokens = 512;
  SamplingOptions sampling = {};
  // Generation ends in front of the first occurrence of any of these; none may be empty.
  std::vector<std::string> stop_strings = {};
  // Generation ends when one of these is chosen, besides the model's own stop tokens.
  std::vector<int32_t> stop_tokens = {};
  // Goes on after the model's own stop tokens, as benchmarks need. `stop_tokens` still count.
  bool ignore_model_stop_tokens = false;
  // Special tokens written in a Generate prompt ("<bos>", "<|im_start|>") are taken as such. Off,
  // they are ordinary text, which is what text from users should be. Chat never takes them from
  // user text.
  bool parse_special_tokens = false;
  // Fill GenerateResult::log_probabilities.
  bool return_log_probabilities = false;
  // Tokens that may be drafted at once, from repetitions in the session's text or by its draft
  // model, and checked in one pass of the model, which makes text that repeats itself (a summary,
  // an edited program) faster. How many it are follows from how often drafts are accepted and from
  // the measured time of passes. The text is the same whatever is drafted. 0 = off, at most 7.
  int32_t max_draft_tokens = 7;
};

// Why generation ended. None of these is an error.
enum class StopReason : uint8_t {
  kStopToken = 0,   // the model said that it is done, or a token of stop_tokens came
  kStopString = 1,  // a string of stop_strings came
  kMaxNewTokens = 2,
  kContextFull = 3,  // no position is left
  kCancelled = 4,    // Cancel()
  kCallback = 5,     // the callback returned false
};

struct GenerateResult {
  // All text that the callback got, whole UTF-8 characters; ends in front of the stop string if
  // that was the reason.
  std::string text;
  StopReason stop_reason = StopReason::kMaxNewTokens;
  // Tokens that became part of the session, in order; a stop token isn't among them.
  std::vector<int32_t> tokens;
  // LlmSession::Rewind to this position takes the call back: where the session stood before it, or
  // for a Chat that dropped what the model had thought, where it stood without that.
  int32_t begin_position = 0;
  // Natural logarithm of the model's own probability of each of `tokens`, before sampling options;
  // empty unless asked.
  std::vector<float> log_probabilities;
  // Prompt tokens that went through the model in this call, and the wall-clock time that took.
  int32_t num_prompt_tokens = 0;
  double prefill_seconds = 0;
  // Wall-clock time from the first generated token's logits to the end, and from the call to the
  // first token, turning the prompt into tokens included.
  double decode_seconds = 0;
  double time_to_first_token_seconds = 0;
  // Tokens that were drafted (GenerateOptions::max_draft_tokens), and how many of them came true.
  int32_t num_draft_tokens = 0;
  int32_t num_accepted_tokens = 0;
  // Those of them that the draft model said (SessionOptions::draft_model).
  int32_t num_draft_model_tokens = 0;
  int32_t num_accepted_draft_model_tokens = 0;
};

// What a model and one session of it need. All in bytes.
struct MemoryEstimate {
  int64_t packed_weights = 0;  // one copy, shared by all sessions
  int64_t scratch = 0;         // activations, shared by all sessions
  int64_t kv_cache = 0;        // of one session with all positions filled, and of its draft's
  int64_t total() const { return packed_weights + scratch + kv_cache; }
};

// Facts about an open model, for people and logs.
struct ModelDescription {
  std::string model_id;      // 32 hex digits that name exactly these weights, config and tokenizer
  std::string source;        // what it was converted from
  std::string recipe;        // how it was converted
  std::string architecture;  // one line: layers, widths, heads, positions
  std::string weight_types;  // "int4/32 + int8 embedding", from the tensors
  std::string
      prompt_template;  // how turns are written and what to know about it, or why there is none
  std::string
      kernel_class;  // instruction class of the quantised matmuls: "avx512vnni", "neoni8mm", ...
  std::string simd_target;  // instruction class of Inkling's own kernels
  // What ModelOptions::prefill_activations came to: "int8", "float from 9 rows on", or which of
  // both for how many matrices and why.
  std::string prefill_activations;
  int32_t num_threads = 0;
  int32_t decode_threads = 0;
  std::vector<int32_t> cpus;  // that threads are bound to
  int32_t vocab_size = 0;
  int32_t context_length = 0;  // positions the model was made for
  int64_t num_parameters = 0;
  int64_t file_bytes = 0;
  int64_t packed_weight_bytes = 0;
  int64_t scratch_bytes = 0;
  // Where the packed weights came from: "packed", "packed and kept in FILE", "mapped from FILE", or
  // "packed; not kept: " and why.
  std::string packed_weights;
};

}  // namespace inkling

#endif  // INKLING_LLM_OPTIONS_H_
