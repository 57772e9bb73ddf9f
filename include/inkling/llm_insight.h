// Options and results of LlmSession::Score and LlmSession::Embed.

#ifndef INKLING_LLM_INSIGHT_H_
#define INKLING_LLM_INSIGHT_H_

#include <cstdint>
#include <vector>

namespace inkling {

// How likely the model finds one continuation of a text.
struct ScoreResult {
  // Natural logarithm of the probability of all `tokens`, each after those in front of it: the sum
  // of `log_probabilities`. exp(-log_probability / tokens.size()) is the perplexity.
  double log_probability = 0;
  std::vector<int32_t> tokens;
  std::vector<float> log_probabilities;  // [tokens.size()]
};

// Which hidden states (behind the last norm) make the embedding of a text.
enum class Pooling : uint8_t {
  kLast = 0,  // that of the last token, the only one that has seen the whole text
  kMean = 1,  // the average of all tokens', the beginning-of-sequence token's included
};

// How texts are embedded (LlmSession::Embed).
struct EmbedOptions {
  Pooling pooling = Pooling::kLast;  // what of a text becomes its embedding
  // Divides each embedding by its length, so that the dot product of two is their cosine.
  bool normalize = true;
  // In front of each text goes the beginning-of-sequence token, if the vocabulary wants one there.
  bool add_beginning_of_sequence = true;
};

}  // namespace inkling

#endif  // INKLING_LLM_INSIGHT_H_
