// The commands of inkling-eval: each takes its options and returns a Status that main() prints.
//
// They use the engine below the public API, because they need every position's logits.

#ifndef INKLING_EXAMPLES_PROGRAMS_EVAL_COMMANDS_H_
#define INKLING_EXAMPLES_PROGRAMS_EVAL_COMMANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "inkling/llm_options.h"

namespace inkling {

// What every command that runs a model takes.
struct EvalModelOptions {
  std::string model;
  int32_t threads = 0;
  int32_t chunk = 128;
  std::string kv_cache = "f32";   // a key of KvCacheTypes()
  std::string prefill = "auto";   // a key of PrefillChoices()
  std::vector<std::string> lora;  // as --lora has them
};

// `inkling-eval perplexity`: llama.cpp's method (see text_windows.h).
struct PerplexityOptions {
  EvalModelOptions model;
  std::string text_file;
  int32_t context = 512;
  int32_t max_windows = 0;  // 0 = all
};
absl::Status RunPerplexity(const PerplexityOptions& options);

// `inkling-eval kl`: Kullback-Leibler divergence of a model's next-token distributions from a
// reference model's, over the same scored positions as perplexity.
struct DivergenceOptions {
  EvalModelOptions model;
  std::string reference;
  std::string text_file;
  int32_t context = 512;
  int32_t max_windows = 0;
};
absl::Status RunDivergence(const DivergenceOptions& options);

// `inkling-eval importance`: what the converter needs to know for --quality=best, as an
// importance file (converter/quantize/importance_file.h).
struct ImportanceOptions {
  EvalModelOptions model;
  std::string text_file;
  std::string output;
  int32_t context = 512;
  int32_t max_windows = 64;
  int32_t block = 256;              // columns whose second moments with one another are kept
  int32_t sensitivity_windows = 4;  // windows on which the cost of noise is measured
};
absl::Status RunImportance(const ImportanceOptions& options);

// `inkling-eval logits`: float32 .npy of shape [tokens, vocab].
struct LogitsOptions {
  EvalModelOptions model;
  std::string tokens;
  std::string output;
};
absl::Status RunLogits(const LogitsOptions& options);

// `inkling-eval generate`: greedy, prints the new ids on one line.
struct GenerateTokensOptions {
  EvalModelOptions model;
  std::string tokens;
  int32_t max_new_tokens = 16;
  bool ignore_eos = false;
};
absl::Status RunGenerateTokens(const GenerateTokensOptions& options);

// `inkling-eval score`: log-probabilities of continuations of a text, as JSON.
struct ScoreCommandOptions {
  EvalModelOptions model;
  std::string text;           // what they continue
  std::string continuations;  // a file: a JSON list of texts, or one text a line
};
absl::Status RunScore(const ScoreCommandOptions& options);

// `inkling-eval embed`: embeddings of texts, as JSON or as float32 .npy [texts, hidden size].
struct EmbedCommandOptions {
  EvalModelOptions model;
  std::string texts;   // a file: a JSON list of texts, or one text a line
  std::string output;  // FILE.npy; empty: JSON on standard output
  std::string pooling = "last";
  bool raw = false;  // don't normalise
};
absl::Status RunEmbed(const EmbedCommandOptions& options);

// `inkling-eval tokenize`: text to ids, or with `decode` ids to text.
struct TokenizeCommandOptions {
  std::string model;      // either this
  std::string tokenizer;  // or this: tokenizer.json or tokenizer.model
  std::string file;       // empty: standard input
  bool decode = false;
  bool add_special = false;    // beginning/end of sequence as the vocabulary says
  bool parse_special = false;  // special tokens in the text are taken as such
};
absl::Status RunTokenize(const TokenizeCommandOptions& options);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_EVAL_COMMANDS_H_
