// inkling-run: streams text from a model: one prompt, or a conversation.
//
// Text goes to standard output, figures and errors to standard error. Exit codes: 0, 1 (it failed),
// 2 (usage), 130 (Ctrl-C came before the first word).

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "examples/programs/chat_console.h"
#include "examples/programs/kv_cache_flag.h"
#include "examples/programs/line_reader.h"
#include "examples/programs/lora_flag.h"
#include "examples/programs/message_file.h"
#include "examples/programs/prefill_flag.h"
#include "examples/programs/run_options.h"
#include "examples/programs/thread_flags.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#ifdef INKLING_HAS_CONVERTER
#include "converter/conversion_flags.h"
#include "examples/programs/converted_models.h"
#endif

namespace {

using inkling::RunOptions;

// What the model is told.
void AddTextOptions(CLI::App& app, RunOptions& options) {
  app.add_option("--prompt,-p", options.prompt,
                 "Continue this text and end; without it: a conversation");
  app.add_option("--messages", options.messages,
                 "Answer this conversation and end: a JSON file, [{\"role\": \"user\", "
                 "\"content\": TEXT}, ...]")
      ->excludes("--prompt");
  app.add_option("--tools", options.tools,
                 "Functions that the model may call: a JSON file, [{\"name\": ..., "
                 "\"description\": ..., \"parameters\": JSON SCHEMA}, ...]. Calls are shown as "
                 "JSON, one a line; a conversation asks for their results");
  app.add_option("--tool-choice", options.chat_options.tool_choice,
                 "With --tools: auto (text or calls), none (text), required (calls)")
      ->transform(CLI::CheckedTransformer(inkling::ToolChoices()));
  app.add_flag("--chat", options.chat, "The prompt is a user's turn in the model's own template");
  app.add_option("--system", options.session_options.system_prompt,
                 "System prompt of the conversation");
}

void AddOptions(CLI::App& app, RunOptions& options, std::string& kv_cache, std::string& prefill) {
#ifdef INKLING_HAS_CONVERTER
  const char* const model_help =
      "Model file made by inkling-convert; or a checkpoint's folder, a GGUF file or what else "
      "inkling-convert reads, which is converted once into $XDG_CACHE_HOME/inkling/models "
      "(~/.cache/inkling/models)";
#else
  const char* const model_help = "Model file made by inkling-convert";
#endif
  app.add_option("--model,-m,model", options.model, model_help)->required();
  app.add_option("--draft", options.draft,
                 "A smaller model of the same vocabulary that proposes draft tokens; the text "
                 "is the same");
  app.add_option("--lora", options.lora, inkling::kLoraHelp)->allow_extra_args(false);
  AddTextOptions(app, options);
  app.add_option("--load", options.load,
                 "Go on with the session in this file, which --save wrote with the same model and "
                 "--kv-cache");
  app.add_option("--save", options.save, "Write the session to this file at the end");
  app.add_flag("--slide", options.slide,
               "When the context is full, drop the older half behind --keep instead of ending");
  app.add_option("--keep", options.session_options.kept_tokens,
                 "First tokens of the session that --slide never drops")
      ->capture_default_str();
  app.add_flag("--stats", options.stats, "Show speed and memory after each answer");
  app.add_option("--threads,-t", options.model_options.num_threads, "Threads; 0 = the machine's")
      ->capture_default_str();
  app.add_option("--decode-threads", options.model_options.decode_threads,
                 inkling::kDecodeThreadsHelp)
      ->capture_default_str();
  app.add_option("--cpus", options.model_options.cpus, inkling::kCpusHelp)
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--chunk", options.model_options.prefill_chunk,
                 "Prompt tokens that go through the model at once")
      ->capture_default_str();
  app.add_option("--prefill", prefill, inkling::kPrefillHelp)
      ->check(CLI::IsMember(inkling::PrefillChoices()))
      ->capture_default_str();
  app.add_option("--context,-c", options.session_options.context_length,
                 "Positions of the session; 0 = the model's, at most 4096")
      ->capture_default_str();
  app.add_option("--cache-dir", options.model_options.cache_dir,
                 "Folder, which must exist, that keeps packed weights, so that later starts take "
                 "milliseconds");
  app.add_option("--kv-cache", kv_cache, inkling::kKvCacheHelp)
      ->check(CLI::IsMember(inkling::KvCacheTypes()))
      ->capture_default_str();
}

void AddSamplingOptions(CLI::App& app, inkling::SamplingOptions& sampling) {
  app.add_option("--temperature", sampling.temperature, "0 = always the most likely token")
      ->capture_default_str();
  app.add_option("--top-k", sampling.top_k, "Only the k most likely tokens; 0 = all")
      ->capture_default_str();
  app.add_option("--top-p", sampling.top_p, "Only the most likely tokens up to this sum")
      ->capture_default_str();
  app.add_option("--min-p", sampling.min_p, "Only tokens this likely relative to the best")
      ->capture_default_str();
  app.add_option("--repetition-penalty", sampling.repetition_penalty, "1 = off")
      ->capture_default_str();
  app.add_option("--presence-penalty", sampling.presence_penalty, "0 = off")->capture_default_str();
  app.add_option("--frequency-penalty", sampling.frequency_penalty, "0 = off")
      ->capture_default_str();
  app.add_option("--no-repeat-ngram", sampling.no_repeat_ngram_size,
                 "No sequence of this many tokens comes twice; 0 = off")
      ->capture_default_str();
  app.add_option("--dry-multiplier", sampling.dry_multiplier,
                 "DRY: repeated sequences cost more the longer they get; 0 = off")
      ->capture_default_str();
  app.add_option("--typical-p", sampling.typical_p, "Locally typical sampling; 1 = off")
      ->capture_default_str();
  app.add_option("--top-n-sigma", sampling.top_n_sigma,
                 "Only logits this many standard deviations below the best; 0 = off")
      ->capture_default_str();
  app.add_option("--xtc-probability", sampling.xtc_probability,
                 "XTC: how often the top choices are left out; 0 = off")
      ->capture_default_str();
  app.add_option("--mirostat-tau", sampling.mirostat_tau,
                 "Mirostat 2: average surprise in bits; 0 = off")
      ->capture_default_str();
  app.add_option("--seed", sampling.seed,
                 "Same seed, same text; without it: another text each time, whose seed --stats "
                 "shows");
}

void AddGenerateOptions(CLI::App& app, RunOptions& run_options) {
  inkling::GenerateOptions& options = run_options.generate_options;
  app.add_option("--max-new-tokens,-n", options.max_new_tokens, "At most this many tokens")
      ->capture_default_str();
  AddSamplingOptions(app, options.sampling);
  app.add_option("--stop", options.stop_strings,
                 "End in front of this text; may be given several times")
      ->allow_extra_args(false);
  app.add_option("--max-draft-tokens", options.max_draft_tokens,
                 "Draft tokens verified at once, from repetitions in the text or by --draft, 0 "
                 "(off) to 7; the text is the same")
      ->capture_default_str();
  run_options.constraint.AddTo(app);
  app.add_flag("--parse-special", options.parse_special_tokens,
               "Take special tokens in --prompt as such");
  app.add_flag("--ignore-eos", options.ignore_model_stop_tokens,
               "Go on after the model's stop tokens");
}

#ifdef INKLING_HAS_CONVERTER
// Puts model files in the place of checkpoints.
absl::Status ConvertCheckpoints(const inkling::ConversionFlags& flags, RunOptions& options) {
  inkling::ConvertedModels models(flags);
  for (std::string* path : {&options.model, &options.draft}) {
    if (path->empty()) continue;
    absl::StatusOr<std::string> file = models.ModelFileOf(*path);
    if (!file.ok()) return file.status();
    *path = *std::move(file);
  }
  if (!models.converts() && !flags.Given().empty()) {
    return absl::InvalidArgumentError(flags.Given() + " is for checkpoints, and " + options.model +
                                      " is none");
  }
  return absl::OkStatus();
}
#endif

// What became of --cache-dir where it came to nothing.
void TellUnkeptWeights(const inkling::LlmModel& model) {
  const std::string kept = model.Describe().packed_weights;
  if (kept.find("not kept") == std::string::npos) return;
  std::fprintf(stderr, "inkling-run: --cache-dir: %s; the next start packs again\n", kept.c_str());
}

// One answer, or a conversation until the user ends it.
absl::Status Converse(const inkling::LlmModel& model, inkling::LlmSession& session,
                      RunOptions& options) {
  if (!options.messages.empty()) {
    auto messages = inkling::ReadMessageFile(options.messages);
    if (!messages.ok()) return messages.status();
    return inkling::StreamAnswer(session, *messages, options).status();
  }
  if (options.has_prompt) {
    if (!options.tools.empty())
      return inkling::StreamAnswer(session, {{.text = options.prompt}}, options).status();
    if (!options.chat) {
      std::fputs(options.prompt.c_str(), stdout);
      std::fflush(stdout);
    }
    return inkling::StreamAnswer(session, options.prompt, options).status();
  }
  options.chat = session.has_prompt_template();
  if (!options.chat) {
    std::fprintf(stderr,
                 "This model has no prompt template (%s): what you type is continued as text.\n",
                 model.Describe().prompt_template.c_str());
  }
  const auto input = isatty(STDIN_FILENO) ? inkling::LineReader::Input::kTerminal
                                          : inkling::LineReader::Input::kPipe;
  inkling::ChatConsole(session, options, input).Run();
  return absl::OkStatus();
}

absl::Status Run(RunOptions& options) {
  absl::StatusOr<std::shared_ptr<const inkling::LlmModel>> model =
      inkling::LlmModel::Open(options.model, options.model_options);
  if (!model.ok()) return model.status();
  if (!options.model_options.cache_dir.empty()) TellUnkeptWeights(**model);
  if (!options.draft.empty()) {
    absl::StatusOr<std::shared_ptr<const inkling::LlmModel>> draft =
        inkling::LlmModel::Open(options.draft, options.model_options);
    if (!draft.ok()) return draft.status();
    options.session_options.draft_model = *std::move(draft);
  }
  auto adapters = inkling::LoadAdapters(*model, options.lora);
  if (!adapters.ok()) return adapters.status();
  options.session_options.adapters = *std::move(adapters);
  auto constraint = options.constraint.Compile(**model);
  if (!constraint.ok()) return constraint.status();
  options.generate_options.constraint = *std::move(constraint);
  if (!options.tools.empty()) {
    auto tools = inkling::ReadToolFile(options.tools);
    if (!tools.ok()) return tools.status();
    options.chat_options.tools = *std::move(tools);
  }
  if (options.slide) options.session_options.context_overflow = inkling::ContextOverflow::kSlide;
  absl::StatusOr<std::unique_ptr<inkling::LlmSession>> session =
      options.load.empty()
          ? inkling::LlmSession::Create(*model, options.session_options)
          : inkling::LlmSession::Load(*model, options.load, options.session_options);
  if (!session.ok()) return session.status();
  absl::Status status = Converse(**model, **session, options);
  if (status.ok() && !options.save.empty()) status = (*session)->Save(options.save);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Streams text from an Inkling model: one prompt, or a conversation.", "inkling-run");
  RunOptions options;
  std::string kv_cache = "f16";
  std::string prefill = "auto";
  AddOptions(app, options, kv_cache, prefill);
  AddGenerateOptions(app, options);
#ifdef INKLING_HAS_CONVERTER
  inkling::ConversionFlags conversion;
  conversion.AddTo(app, "Conversion of a checkpoint");
#endif
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.has_prompt = app.count("--prompt") > 0;
  options.session_options.kv_cache_type = inkling::KvCacheTypes().at(kv_cache);
  options.model_options.prefill_activations = inkling::PrefillChoices().at(prefill);
  absl::Status status;
#ifdef INKLING_HAS_CONVERTER
  const std::string wrong = conversion.Resolve();
  if (!wrong.empty()) {
    std::fprintf(stderr, "inkling-run: %s (--help lists the options)\n", wrong.c_str());
    return 2;
  }
  status = ConvertCheckpoints(conversion, options);
#endif
  if (status.ok()) status = Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "inkling-run: %s\n", std::string(status.message()).c_str());
  return absl::IsCancelled(status) ? 130 : 1;
}
