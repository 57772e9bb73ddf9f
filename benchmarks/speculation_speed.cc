// speculation_speed: what draft tokens bring on given texts, at the speed of a model of full size.
//
//   speculation_speed --shape gemma-2b --weights int4 --tokenizer TOKENIZER --text NAME PROMPT
//   ANSWER
//
// Weights are made up, so the model has nothing to say; the answer is given. Every token is
// computed, drafted and chosen as in LlmSession::Generate, and then the answer's takes the place of
// the chosen one: what is drafted, and how often that is right, is what a model that writes this
// answer would see. Each round writes the answer without drafts and with them, in turns of a few
// tokens. Both must choose the same tokens, or the program fails. Figures: SPECULATION.md.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "examples/programs/fabricated_model.h"
#include "examples/programs/model_shapes.h"
#include "examples/programs/speed_test.h"
#include "examples/programs/weight_type_flag.h"
#include "inkling/llm_options.h"
#include "src/compute/pass_limits.h"
#include "src/decoder/decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/format/model_config.h"
#include "src/session/model_engine.h"
#include "src/session/sampler.h"
#include "src/session/speculation/speculative_decoder.h"
#include "src/session/token_context.h"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string shape = "gemma-2b";
  std::string weights = "int4/32";
  std::string vocabulary = "int8";
  std::string model;
  std::string tokenizer;
  std::vector<std::vector<std::string>> texts;  // name, prompt file, answer file
  int32_t threads = 0;
  int32_t rounds = 3;
  int32_t most_answer_tokens = 200;
  int32_t most_draft_tokens = kDecodeRows - 1;
  bool passes = false;
};

struct Text {
  std::string name;
  std::vector<int32_t> prompt;
  std::vector<int32_t> answer;
};

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream contents;
  contents << stream.rdbuf();
  if (!stream) return absl::NotFoundError(absl::StrCat(path, " can't be read"));
  return std::move(contents).str();
}

absl::StatusOr<Text> ReadText(const std::vector<std::string>& text, const Tokenizer& tokenizer,
                              const Options& options) {
  ABSL_ASSIGN_OR_RETURN(const std::string prompt, ReadFile(text[1]));
  ABSL_ASSIGN_OR_RETURN(const std::string answer, ReadFile(text[2]));
  Text result;
  result.name = text[0];
  ABSL_ASSIGN_OR_RETURN(result.prompt, tokenizer.Encode(prompt, {.added_ids = AddedIds::kBos}));
  ABSL_ASSIGN_OR_RETURN(result.answer,
                        tokenizer.Encode(answer, {.position = TextPosition::kContinuation}));
  const size_t most = static_cast<size_t>(options.most_answer_tokens);
  if (result.answer.size() > most) result.answer.resize(most);
  if (result.answer.empty()) return absl::InvalidArgumentError(text[2] + " has no text");
  return result;
}

// The tokens of a prompt, computed, and what proposes tokens behind them.
struct PromptedContext {
  PromptedContext(const ModelEngine& engine, std::unique_ptr<KvCache> cache)
      : tokens(engine.decoder(), std::move(cache), engine.config().vocab_size),
        speculation(tokens, nullptr) {}

  TokenContext tokens;
  SpeculativeDecoder speculation;
};

// Writes an answer behind a prompt.
class Writer {
 public:
  Writer(SpeculativeDecoder& speculation, const Text& text, int32_t most_draft_tokens,
         Sampler sampler)
      : speculation_(speculation),
        answer_(text.answer),
        most_draft_tokens_(static_cast<size_t>(most_draft_tokens)),
        sampler_(std::move(sampler)) {}

  static absl::StatusOr<Writer> Create(PromptedContext& prompted, const Text& text,
                                       int32_t most_draft_tokens) {
    SamplingOptions greedy;
    greedy.temperature = 0;
    TokenContext& context = prompted.tokens;
    context.Truncate(static_cast<int32_t>(text.prompt.size()));
    prompted.speculation.Begin();
    ABSL_ASSIGN_OR_RETURN(Sampler sampler,
                          Sampler::Create(greedy, context.vocab_size(), context.tokens()));
    return Writer(prompted.speculation, text, most_draft_tokens, std::move(sampler));
  }

  // Until the answer has `size` tokens, or all.
  absl::Status WriteUntil(size_t size) {
    const auto never = [] { return false; };
    const auto nothing = [] { return std::vector<int32_t>(); };
    const Clock::time_point begin = Clock::now();
    while (chosen_.size() < std::min(size, answer_.size())) {
      const size_t behind_next = answer_.size() - 1 - chosen_.size();
      ABSL_ASSIGN_OR_RETURN(const absl::Span<const float> logits,
                            speculation_.ComputeLogits(std::min(most_draft_tokens_, behind_next),
                                                       sampler_, nothing, never));
      ABSL_ASSIGN_OR_RETURN(const SampledToken sampled,
                            sampler_.Sample(logits, Sampler::LogProbability::kSkip));
      ABSL_RETURN_IF_ERROR(speculation_.Append(answer_[chosen_.size()]));
      chosen_.push_back(sampled.token);
    }
    seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
    return absl::OkStatus();
  }

  double seconds() const { return seconds_; }
  const std::vector<int32_t>& chosen() const { return chosen_; }

  const SpeculativeDecoder::Counts& counts() const { return speculation_.counts(); }

 private:
  SpeculativeDecoder& speculation_;
  absl::Span<const int32_t> answer_;
  size_t most_draft_tokens_;
  Sampler sampler_;
  std::vector<int32_t> chosen_;
  double seconds_ = 0;
};

std::string MedianAndRange(std::vector<double> values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  char text[64];
  std::snprintf(text, sizeof(text), "%.2f (%.2f to %.2f)", Median(values), *low, *high);
  return text;
}

// A context that holds the text's prompt and has room for its answer.
absl::StatusOr<std::unique_ptr<PromptedContext>> NewContext(const ModelEngine& engine,
                                                            const Text& text) {
  SessionOptions session_options;
  session_options.context_length = static_cast<int32_t>(text.prompt.size() + text.answer.size());
  ABSL_ASSIGN_OR_RETURN(
      const CacheOptions cache_options,
      ResolveCacheOptions(session_options, engine.config(), engine.decoder().max_rows()));
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<KvCache> cache,
                        engine.decoder().CreateCache(cache_options));
  auto context = std::make_unique<PromptedContext>(engine, std::move(cache));
  ABSL_RETURN_IF_ERROR(context->tokens.Append(text.prompt));
  const auto never = [] { return false; };
  ABSL_RETURN_IF_ERROR(context->tokens.Compute(never));
  return context;
}

// The machine's speed changes within seconds, so both take turns every few tokens.
absl::Status MeasureText(const ModelEngine& engine, const Text& text, const Options& options) {
  constexpr size_t kTurn = 8;
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<PromptedContext> plain_context,
                        NewContext(engine, text));
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<PromptedContext> context, NewContext(engine, text));
  const double tokens = static_cast<double>(text.answer.size());
  std::vector<double> plain_speeds;
  std::vector<double> speculation_speeds;
  std::vector<double> ratios;
  SpeculativeDecoder::Counts count;
  for (int32_t round = 0; round < options.rounds; ++round) {
    ABSL_ASSIGN_OR_RETURN(Writer plain, Writer::Create(*plain_context, text, 0));
    ABSL_ASSIGN_OR_RETURN(Writer speculation,
                          Writer::Create(*context, text, options.most_draft_tokens));
    for (size_t size = 0; size < text.answer.size();) {
      size += kTurn;
      ABSL_RETURN_IF_ERROR(plain.WriteUntil(size));
      ABSL_RETURN_IF_ERROR(speculation.WriteUntil(size));
    }
    if (plain.chosen() != speculation.chosen())
      return absl::InternalError(text.name + ": drafts changed what is chosen");
    plain_speeds.push_back(tokens / plain.seconds());
    speculation_speeds.push_back(tokens / speculation.seconds());
    ratios.push_back(plain.seconds() / speculation.seconds());
    count = speculation.counts();
  }
  std::printf("| %s | %zu, %zu | %s | %s | %s | %d of %d |\n", text.name.c_str(),
              text.prompt.size(), text.answer.size(), MedianAndRange(plain_speeds).c_str(),
              MedianAndRange(speculation_speeds).c_str(), MedianAndRange(ratios).c_str(),
              count.accepted, count.drafted);
  std::fflush(stdout);
  return absl::OkStatus();
}

// Milliseconds of passes of 1 to 8 rows behind `depth` tokens, taken in turns.
absl::Status MeasurePasses(const ModelEngine& engine, const Options& options) {
  constexpr int32_t kDepth = 1024;
  Decoder& decoder = engine.decoder();
  const int32_t most_rows = decoder.max_decode_rows();
  const size_t vocab = static_cast<size_t>(engine.config().vocab_size);
  const CacheOptions cache_options = {.capacity = kDepth + most_rows,
                                      .max_chunk = decoder.max_rows()};
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<KvCache> cache,
                        engine.decoder().CreateCache(cache_options));
  const std::vector<int32_t> tokens(static_cast<size_t>(cache_options.max_chunk), 7);
  while (cache->length() < kDepth) {
    const size_t rows = static_cast<size_t>(kDepth - cache->length());
    ABSL_RETURN_IF_ERROR(
        decoder.Forward({.tokens = absl::MakeConstSpan(tokens).subspan(0, rows), .cache = *cache}));
  }
  std::vector<float> logits(static_cast<size_t>(most_rows) * vocab);
  std::vector<std::vector<double>> milliseconds(static_cast<size_t>(most_rows));
  for (int32_t round = 0; round <= options.rounds; ++round) {
    for (size_t rows = 1; rows <= milliseconds.size(); ++rows) {
      const Clock::time_point begin = Clock::now();
      ABSL_RETURN_IF_ERROR(decoder.Forward({.tokens = absl::MakeConstSpan(tokens).first(rows),
                                            .cache = *cache,
                                            .rows = OutputRows::kAll,
                                            .output = absl::MakeSpan(logits).first(rows * vocab)}));
      const std::chrono::duration<double, std::milli> taken = Clock::now() - begin;
      ABSL_RETURN_IF_ERROR(cache->Rewind(kDepth));
      if (round > 0) milliseconds[rows - 1].push_back(taken.count());  // the first is a warm-up
    }
  }
  std::printf("| rows of a pass | ms | passes of one row |\n|---|---|---|\n");
  const double single = Median(milliseconds[0]);
  for (size_t i = 0; i < milliseconds.size(); ++i) {
    std::printf("| %zu | %s | %.2f |\n", i + 1, MedianAndRange(milliseconds[i]).c_str(),
                Median(milliseconds[i]) / single);
  }
  return absl::OkStatus();
}

std::string ModelFile(const Options& options) {
  if (!options.model.empty()) return options.model;
  return (std::filesystem::temp_directory_path() / "inkling-speculation-speed.tflite").string();
}

absl::Status Measure(const Options& options) {
  const absl::Cleanup remove_file = [&options] {
    std::error_code ignored;
    if (options.model.empty()) std::filesystem::remove(ModelFile(options), ignored);
  };
  if (!std::filesystem::exists(ModelFile(options))) {
    ABSL_ASSIGN_OR_RETURN(const ModelConfig config, ModelShape(options.shape));
    ABSL_RETURN_IF_ERROR(WriteFabricatedModel(
        ModelFile(options), config,
        {WeightTypes().at(options.weights), WeightTypes().at(options.vocabulary)}));
  }
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<ModelEngine> engine,
                        ModelEngine::Open(ModelSource::FromPath(ModelFile(options)),
                                          {.num_threads = options.threads}));
  if (options.passes) {
    ABSL_RETURN_IF_ERROR(MeasurePasses(*engine, options));
  }
  if (options.texts.empty()) return absl::OkStatus();
  ABSL_ASSIGN_OR_RETURN(ImportedTokenizer imported, std::filesystem::is_directory(options.tokenizer)
                                                        ? ImportTokenizerFolder(options.tokenizer)
                                                        : ImportTokenizerFile(options.tokenizer));
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<const Tokenizer> tokenizer,
                        Tokenizer::Create(std::move(imported.tokenizer)));
  std::printf(
      "| text | tokens of prompt, answer | tokens/s | with drafts | ratio | accepted tokens |\n"
      "|---|---|---|---|---|---|\n");
  for (const std::vector<std::string>& files : options.texts) {
    ABSL_ASSIGN_OR_RETURN(const Text text, ReadText(files, *tokenizer, options));
    ABSL_RETURN_IF_ERROR(MeasureText(*engine, text, options));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  CLI::App app("Measures what draft tokens bring.", "speculation_speed");
  inkling::Options options;
  app.add_option("--shape", options.shape, "Shape of the made-up model")->capture_default_str();
  app.add_option("--weights", options.weights, "Type of its weights")
      ->check(CLI::IsMember(inkling::WeightTypes()))
      ->capture_default_str();
  app.add_option("--vocabulary", options.vocabulary, "Type of its embedding and head")
      ->check(CLI::IsMember(inkling::WeightTypes()))
      ->capture_default_str();
  app.add_option("--model", options.model,
                 "File of the model; made up if it isn't there, and kept. Without it: a temporary "
                 "one");
  app.add_option("--tokenizer", options.tokenizer, "Tokenizer file or folder");
  app.add_option("--text", options.texts, "NAME PROMPT_FILE ANSWER_FILE; may be given repeatedly")
      ->type_size(3);
  app.add_option("--threads", options.threads, "0 = the machine's")->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--answer-tokens", options.most_answer_tokens, "At most this many of each answer")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--max-draft-tokens", options.most_draft_tokens)
      ->check(CLI::Range(0, inkling::kDecodeRows - 1))
      ->capture_default_str();
  app.add_flag("--passes", options.passes, "Measure passes of 1 to 8 rows too");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = inkling::Measure(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "speculation_speed: %s\n", std::string(status.message()).c_str());
  return 1;
}
