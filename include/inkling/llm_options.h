// Options and results of Inkling's C++ API: plain structs with their defaults in sight.
//
// Every call checks the options it is given. It answers a wrong one with an absl::Status that names
// the field, what was expected and what was found. No value is clamped silently.
//
// In each struct the fields that most apps set come first. Those under the heading "Most apps leave
// these alone" have defaults that are right for nearly everybody. Name fields when you set them
// (designated initialisers, or one assignment a field), because later versions may add some.

#ifndef INKLING_LLM_OPTIONS_H_
#define INKLING_LLM_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_message.h"

namespace inkling {

class LlmModel;          // llm_model.h
class LoraAdapter;       // lora_adapter.h
class OutputConstraint;  // output_constraint.h

// A LoRA adapter of a session, and what its updates are multiplied with.
struct WeightedAdapter {
  std::shared_ptr<const LoraAdapter> adapter;  // not null
  float weight = 1.0f;                         // finite; 1: as it was trained
};

// What LlmSession::SetAdapters does with tokens that were computed with other adapters.
enum class AdapterChange : uint8_t {
  kRecompute = 0,  // the next call computes them again
  kRefuse = 1,     // if there are any, the change is an error
};

// The precision of activations in matmuls with quantised weights while a prompt is processed.
// Generated tokens, and passes of few tokens, always use int8 activations.
enum class ActivationPrecision : uint8_t {
  // Whichever is faster for each matrix, as measured on CPUs of this one's class: floats where the
  // CPU has no fast int8 matmul, int8 elsewhere.
  kAuto = 0,
  // Activations are rounded to int8. Where weights are int8 too, the widest activations are rounded
  // twice, which makes them 15 bits.
  kInt8 = 1,
  // Activations aren't rounded. Weights are dequantised to f32, a panel at a time, without a second
  // copy of them in memory. Slower than kInt8 on most CPUs. Matrices whose number of inputs isn't a
  // multiple of 32 use int8 all the same: ModelDescription::prefill_activations says so.
  kFloat = 2,
};

// What a model gives back under memory pressure (LlmModel::Trim).
enum class TrimLevel : uint8_t {
  kScratch = 0,        // intermediate values of passes
  kPackedWeights = 1,  // and what can be read from files again
};

// How far LlmModel::Open has come: bytes of the model's matrices that are packed. With a cache_dir
// that has them already, all are there at once.
struct LoadProgress {
  int64_t done_bytes = 0;   // packed so far
  int64_t total_bytes = 0;  // of all matrices
};

// How a model is loaded (LlmModel::Open).
struct ModelOptions {
  // Threads that compute, the calling one included, at most 256. 0 = one for each big core that the
  // process may use (affinity, cgroup quota), without small cores and second threads of a core,
  // which hold the others up; or one for each of `cpus`. Results have the same bits for any number.
  int32_t num_threads = 0;
  // Folder that keeps packed weights; it must exist. The first start writes a file there, about as
  // large as the model's. Later starts map that file instead of packing, which takes milliseconds,
  // and processes share its memory. A file that is damaged, or of another model, CPU or version, is
  // written anew: its head is checked in full, its data by samples. If the file can't be written,
  // the model opens without it, and ModelDescription::packed_weights says why. Empty = none.
  std::string cache_dir = {};

  // Called while the model is opened, on the calling thread: at the beginning, behind each matrix
  // or some tens of MB of one, and at the end. Returns false to give up: then Open frees what it
  // has made and returns Cancelled. Null = not called.
  std::function<bool(const LoadProgress&)> progress = nullptr;

  // --- Most apps leave these alone ---

  // Threads that compute a single token, or a few draft tokens, where that should be another number
  // than `num_threads`: decoding needs the memory's speed rather than the cores'. 0 = num_threads.
  int32_t decode_threads = 0;
  // CPUs, by number, that threads are bound to: one each, in this order, at least as many as
  // threads. The calling thread is bound to the first while it computes; callbacks run with the
  // thread's own mask. Empty = the system chooses, which also works well when other processes need
  // CPUs. Linux and Android only.
  std::vector<int32_t> cpus = {};
  // Most prompt tokens in one forward pass, 1 to 4096. Larger chunks read the weights less often
  // and need more scratch memory.
  int32_t prefill_chunk = 128;
  // With floats, a chunk of more than 8 tokens has other bits than the same tokens in smaller
  // chunks, which use int8. Results still have the same bits for any number of threads. Draft
  // tokens are verified with the arithmetic of generated ones, so they never change the text.
  ActivationPrecision prefill_activations = ActivationPrecision::kAuto;
};

// Element type of the key/value cache.
enum class KvCacheType : uint8_t {
  kFloat16 = 0,  // half of kFloat32's memory; logits differ by about 1e-3 of their size
  kFloat32 = 1,
  kInt8 = 2,  // half of kFloat16's memory, and one f32 scale for each position and head
};

// What happens when a session has no position left.
enum class ContextOverflow : uint8_t {
  // Generation ends with StopReason::kContextFull; a prompt that doesn't fit is an error.
  kStop = 0,
  // The first SessionOptions::kept_tokens stay; of those behind them, the older half goes, or more
  // if a prompt needs more. What is left is computed again, so that the session equals one that
  // never had the others: nothing is approximated, and it takes the time of such a prompt. A prompt
  // that doesn't fit behind the kept tokens stays an error: no prompt is cut. (StreamingLLM, Xiao
  // et al., 2023, keeps first tokens for the same reason, but re-uses the others' keys.)
  kSlide = 1,
};

// How a session is made (LlmSession::Create).
struct SessionOptions {
  // Context length in tokens: prompts and generated tokens together. 0 = what the model was made
  // for, at most 4096. More than the model was made for is an error.
  int32_t context_length = 0;
  // Goes in front of the first Chat turn. It is an error where the model's prompt template has no
  // place for it.
  std::string system_prompt = {};
  // The date that some prompt templates tell the model, as "2024-07-26". Empty = that very day,
  // which such templates fall back to. No clock is read, so that equal options give equal prompts.
  std::string date = {};

  // When the context is full. Chat's turns move along; of turns that are cut, what is left stays.
  ContextOverflow context_overflow = ContextOverflow::kStop;
  // With kSlide: how many of the first tokens always stay, 0 to context_length - 1: the
  // beginning-of-sequence token (1), which many models need, or a system prompt.
  int32_t kept_tokens = 0;

  // --- Most apps leave these alone ---

  // Trades memory for precision.
  KvCacheType kv_cache_type = KvCacheType::kFloat16;
  // LoRA adapters that the session computes with, at most 8, as LlmSession::SetAdapters sets them.
  // The draft model has none; texts stay the same, drafts are accepted less often.
  std::vector<WeightedAdapter> adapters = {};
  // Speculative decoding: a smaller model of exactly the same vocabulary that proposes draft tokens
  // for the session's model to verify, several in one pass. Generation is faster if drafts are
  // often accepted; the text is the same with any draft model, greedy or sampled. The draft model
  // has weights and a key/value cache of its own. Where its context is shorter than the session's,
  // it drafts up to there. Null = none. GenerateOptions::max_draft_tokens bounds a draft's length.
  std::shared_ptr<const LlmModel> draft_model = nullptr;
};

// How the next token is chosen. The steps, in this order: GenerateOptions::logits_processor and
// constraint, logit bias, penalties, no-repeat n-grams, DRY (greedy sampling ends here),
// top-n-sigma, temperature, top-k, typical, top-p, min-p, XTC, draw. Mirostat takes the place of
// the steps from top-k to XTC. The log-probabilities of results are the model's own, before all of
// them.
struct SamplingOptions {
  // Logits are divided by it, 0 to 100. 0 = always the most likely token (greedy).
  float temperature = 0.8f;
  // Keeps the k most likely tokens. 0 = all.
  int32_t top_k = 40;
  // Keeps the fewest most likely tokens whose probabilities reach this sum. Above 0, at most 1; 1 =
  // all. Holtzman et al., 2020.
  float top_p = 0.95f;
  // Keeps tokens at least this fraction as likely as the most likely one. 0 to 1; 0 = all.
  float min_p = 0.0f;
  // Where random numbers start. The same seed, session and options give the same text again. None =
  // another text each time, from a seed of the system; GenerateResult::seed says which it was.
  std::optional<uint64_t> seed = std::nullopt;

  // --- Most apps leave these alone ---

  // Logits of tokens that occurred are divided (positive) or multiplied (negative) by this. Above
  // 0, at most 100; 1 = off. Keskar et al., 2019.
  float repetition_penalty = 1.0f;
  // Subtracted from the logit of each token that occurred: once, and once per occurrence. -100 to
  // 100; 0 = off.
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  // Penalties look at this many of the latest tokens, the prompt's included. 0 = all, those too
  // that this call drops from a full context.
  int32_t penalty_window = 64;
  // (token id, number added to its logit); -infinity forbids a token. Numbers for the same token
  // are summed first.
  std::vector<std::pair<int32_t, float>> logit_bias = {};
  // A token that would end a sequence of this many tokens which the session has already is
  // forbidden, the prompt's included. 0 = off. Paulus et al., 2017.
  int32_t no_repeat_ngram_size = 0;
  // DRY: a token that would continue a repeated sequence of n tokens costs dry_multiplier *
  // dry_base ^ (n - dry_allowed_length) of its logit, if n is at least dry_allowed_length.
  // Multiplier 0 to 100, 0 = off; base 1 to 100. p-e-w, 2024.
  float dry_multiplier = 0.0f;
  float dry_base = 1.75f;
  int32_t dry_allowed_length = 2;
  // DRY looks at this many of the latest tokens. 0 = all.
  int32_t dry_window = 0;
  // Sequences end at tokens whose text holds one of these.
  std::vector<std::string> dry_sequence_breakers = {"\n", ":", "\"", "*"};
  // Keeps the tokens whose surprise is nearest to what the distribution lets expect, until their
  // probabilities reach this sum. Above 0, at most 1; 1 = off. Meister et al., 2022.
  float typical_p = 1.0f;
  // Keeps the tokens whose logits are at most this many standard deviations below the highest. 0 to
  // 100; 0 = off. Tang et al., 2024.
  float top_n_sigma = 0.0f;
  // XTC: with this probability, of the tokens that are at least as likely as the threshold only the
  // least likely stays. Both 0 to 1; probability 0 = off. p-e-w, 2024.
  float xtc_probability = 0.0f;
  float xtc_threshold = 0.1f;
  // Mirostat 2: keeps the average surprise of tokens near this many bits, following it at the rate
  // mirostat_eta. 0 to 100, 0 = off; the rate 0 to 1. Basu et al., 2020.
  float mirostat_tau = 0.0f;
  float mirostat_eta = 0.1f;
};

// How text becomes tokens (LlmModel::Tokenize, CountTokens).
struct TokenizeOptions {
  // The beginning-of-sequence token goes in front, if the model's vocabulary wants one there.
  bool add_beginning_of_sequence = false;
  // Special tokens written in the text ("<bos>", "<|im_start|>") become those tokens. Off, they are
  // ordinary text, which is right for text from users.
  bool parse_special_tokens = false;
  // The text goes on behind other tokens. Then nothing goes in front of it: no
  // beginning-of-sequence token, and no space where the vocabulary begins every text with one.
  bool continues_text = false;
};

// How LlmSession::Prefill adds a text to a session.
struct PrefillOptions {
  // In an empty session, the beginning-of-sequence token goes in front, if the model's vocabulary
  // wants one there.
  bool add_beginning_of_sequence = true;
  // As TokenizeOptions::parse_special_tokens.
  bool parse_special_tokens = false;
};

// Sees the session's tokens and may change the logits [vocab_size] of the next one, on the thread
// that generates, with that thread's own floating-point environment. -infinity forbids a token.
using LogitsProcessor =
    std::function<void(absl::Span<const int32_t> tokens, absl::Span<float> logits)>;

// How text is generated (LlmSession::Generate, GenerateFromTokens, Chat).
struct GenerateOptions {
  // Most tokens to generate, at least 1.
  int32_t max_new_tokens = 512;
  SamplingOptions sampling = {};
  // Generation ends in front of the first occurrence of any of these. None may be empty; all are
  // UTF-8.
  std::vector<std::string> stop_strings = {};
  // Generation ends when one of these token ids is chosen, besides the model's own stop tokens.
  std::vector<int32_t> stop_tokens = {};
  // Generate only: as PrefillOptions has them. GenerateFromTokens adds tokens as they are, and Chat
  // follows the prompt template, which never takes special tokens from text of users.
  bool add_beginning_of_sequence = true;
  bool parse_special_tokens = false;
  // What the text must look like (output_constraint.h), of a model with the same vocabulary. Null =
  // any text.
  std::shared_ptr<const OutputConstraint> constraint = nullptr;
  // Fills GenerateResult::log_probabilities.
  bool return_log_probabilities = false;
  // Fills GenerateResult::top_log_probabilities with this many tokens each, 0 to 20.
  int32_t num_top_log_probabilities = 0;

  // --- Most apps leave these alone ---

  // A sampling rule of the app's own. Null = none.
  LogitsProcessor logits_processor = nullptr;
  // Goes on after the model's own stop tokens, as benchmarks need. `stop_tokens` still end it.
  bool ignore_model_stop_tokens = false;
  // Speculative decoding: most draft tokens that are verified in one pass of the model, 0 (off) to
  // 7. They come from repetitions in the session's text or from its draft model, and make text that
  // repeats itself (a summary, an edited program) faster. How many are proposed follows from how
  // often they are accepted and from the measured time of passes. The text is the same with any.
  int32_t max_draft_tokens = 7;
};

// Why generation ended. None of these is an error.
enum class StopReason : uint8_t {
  kStopToken = 0,     // a stop token of the model, or one of GenerateOptions::stop_tokens
  kStopString = 1,    // one of GenerateOptions::stop_strings
  kMaxNewTokens = 2,  // GenerateOptions::max_new_tokens were generated
  kContextFull = 3,   // the session has no position left
  kCancelled = 4,     // LlmSession::Cancel, after at least one token
  kCallback = 5,      // the callback returned false
  kConstraint = 6,    // the text is complete as GenerateOptions::constraint has it
};

// A token and the natural logarithm of the model's own probability of it.
struct TokenLogProbability {
  int32_t token = 0;          // its id
  float log_probability = 0;  // at most 0
};

// What a call generated, and what it took. Times are wall-clock seconds.
struct GenerateResult {
  // All text that the callback got: whole UTF-8 characters, without the stop string.
  std::string text;
  // Functions that the answer calls, in order (ChatOptions::tools). They are no part of `text`. An
  // answer that was cut off has those that were whole.
  std::vector<ToolCall> tool_calls;
  StopReason stop_reason = StopReason::kMaxNewTokens;
  // Tokens that became part of the session, in order. A stop token isn't among them.
  std::vector<int32_t> tokens;
  // The seed of the random numbers: SamplingOptions::seed, or the one that was drawn for this call.
  uint64_t seed = 0;
  // LlmSession::Rewind to this position takes the call back. It is where the session stood before
  // the call; for a Chat that dropped what the model had thought, where it stood without that.
  // Tokens that ContextOverflow::kSlide dropped don't come back; positions behind them are smaller.
  int32_t begin_position = 0;
  // Tokens of the session, older ones or this call's own, that ContextOverflow::kSlide dropped from
  // behind SessionOptions::kept_tokens. Those of this call are in `tokens` all the same.
  int32_t num_dropped_tokens = 0;
  // Natural logarithm of the model's own probability of each of `tokens`, before any sampling
  // option. Empty unless GenerateOptions::return_log_probabilities asks for it.
  std::vector<float> log_probabilities;
  // For each of `tokens`, the tokens that were most likely in its place, most likely first. Empty
  // unless GenerateOptions::num_top_log_probabilities asks for them.
  std::vector<std::vector<TokenLogProbability>> top_log_probabilities;
  // Tokens in front of the answer that had been computed before this call.
  int32_t num_reused_tokens = 0;
  // Prompt tokens that went through the model in this call, and the time that took.
  int32_t num_prompt_tokens = 0;
  double prefill_seconds = 0;
  // From the first generated token's logits to the end.
  double decode_seconds = 0;
  // From the call to the first token, tokenisation of the prompt included.
  double time_to_first_token_seconds = 0;
  // Draft tokens that were verified (GenerateOptions::max_draft_tokens), and how many of them were
  // accepted.
  int32_t num_draft_tokens = 0;
  int32_t num_accepted_tokens = 0;
  // How many of either came from SessionOptions::draft_model.
  int32_t num_draft_model_tokens = 0;
  int32_t num_accepted_draft_model_tokens = 0;
};

// A token that text can't spell unless it is parsed for special tokens, or that isn't shown as
// text: the beginning of a sequence, the end of a turn.
struct SpecialToken {
  int32_t id = 0;    // as Tokenize gives it
  std::string text;  // how prompts write it: "<bos>", "<|im_end|>"
};

// Memory of a model and of one session of it, in bytes.
struct MemoryEstimate {
  // One copy, shared by all sessions; of a source that can't be used in place (model_source.h), the
  // embedding as well.
  int64_t packed_weights = 0;
  int64_t scratch = 0;   // activations, shared by all sessions
  int64_t kv_cache = 0;  // of one session with a full context, its draft model's included
  int64_t total() const { return packed_weights + scratch + kv_cache; }
};

// Facts about an open model, for people and logs. The texts may change from version to version.
struct ModelDescription {
  std::string model_id;      // 32 hex digits that name exactly these weights, config and tokenizer
  std::string source;        // what it was converted from
  std::string recipe;        // how it was converted
  std::string architecture;  // one line: layers, widths, heads, positions
  std::string weight_types;  // "int4/32 + int8 embedding", from the tensors
  // How turns are written and what to know about it, or why the file has no prompt template.
  std::string prompt_template;
  // What quantised matmuls run on: XNNPACK's instruction set, and behind it the kernels of
  // Inkling's own that take some types on this CPU: "avx512vnni + blocks + channels", "avx2", ...
  std::string kernel_class;
  std::string simd_target;  // instruction set of Inkling's own kernels
  // What ModelOptions::prefill_activations came to: "int8", "float from 9 rows on", or how many
  // matrices use which, and why.
  std::string prefill_activations;
  // What ModelOptions came to.
  int32_t num_threads = 0;
  int32_t decode_threads = 0;
  std::vector<int32_t> cpus;   // that threads are bound to
  int32_t vocab_size = 0;      // tokens that the model gives logits for
  int32_t context_length = 0;  // tokens that the model was made for
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
