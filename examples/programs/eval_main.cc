// inkling-eval: measures and inspects what a model computes: perplexity, divergence, importance of
// weights, logits, exact tokens.
//
// Results go to standard output, progress and errors to standard error. Exit codes: 0, 1 (it
// failed), 2 (usage).

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "examples/programs/eval_commands.h"
#include "examples/programs/kv_cache_flag.h"
#include "examples/programs/lora_flag.h"
#include "examples/programs/prefill_flag.h"

namespace {

void AddModelOptions(CLI::App& command, inkling::EvalModelOptions& options) {
  command.add_option("--model", options.model, "Model file made by inkling-convert")->required();
  command.add_option("--threads,-t", options.threads, "Threads; 0 = the machine's")
      ->capture_default_str();
  command.add_option("--chunk", options.chunk, "Tokens that go through the model at once")
      ->capture_default_str();
  command.add_option("--kv-cache", options.kv_cache, inkling::kKvCacheHelp)
      ->check(CLI::IsMember(inkling::KvCacheTypes()))
      ->capture_default_str();
  command.add_option("--lora", options.lora, inkling::kLoraHelp)->allow_extra_args(false);
  command.add_option("--prefill", options.prefill, inkling::kPrefillHelp)
      ->check(CLI::IsMember(inkling::PrefillChoices()))
      ->capture_default_str();
}

void AddTextOptions(CLI::App& command, std::string& text, int& context, int& windows) {
  command.add_option("--text", text, "UTF-8 text file")->required();
  command.add_option("--context", context, "Tokens of a window; its second half is scored")
      ->capture_default_str();
  command.add_option("--windows", windows, "At most this many windows; 0 = all")
      ->capture_default_str();
}

CLI::App* AddPerplexity(CLI::App& app, inkling::PerplexityOptions& options) {
  CLI::App& command =
      *app.add_subcommand("perplexity", "Perplexity on a text, by llama.cpp's method");
  AddModelOptions(command, options.model);
  AddTextOptions(command, options.text_file, options.context, options.max_windows);
  return &command;
}

CLI::App* AddDivergence(CLI::App& app, inkling::DivergenceOptions& options) {
  CLI::App& command =
      *app.add_subcommand("kl", "Mean KL divergence from a reference model on a text");
  AddModelOptions(command, options.model);
  command
      .add_option("--reference", options.reference,
                  "Reference model file, e.g. in f32; its cache is f32")
      ->required();
  AddTextOptions(command, options.text_file, options.context, options.max_windows);
  return &command;
}

CLI::App* AddImportance(CLI::App& app, inkling::ImportanceOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "importance", "Measures on a text what inkling-convert --quality=best rounds weights by");
  AddModelOptions(command, options.model);
  AddTextOptions(command, options.text_file, options.context, options.max_windows);
  command.add_option("--output", options.output, "File to write")->required();
  command.add_option("--block", options.block, "Neighbouring inputs whose second moments are kept")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      .add_option("--sensitivity-windows", options.sensitivity_windows,
                  "Windows on which each matrix's cost of noise is measured")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  return &command;
}

CLI::App* AddLogits(CLI::App& app, inkling::LogitsOptions& options) {
  CLI::App& command =
      *app.add_subcommand("logits", "Logits after every token, as float32 .npy [n, vocab]");
  AddModelOptions(command, options.model);
  command.add_option("--tokens", options.tokens, "Token ids: 1,2,3")->required();
  command.add_option("--output", options.output, "File to write")->required();
  return &command;
}

CLI::App* AddGenerateTokens(CLI::App& app, inkling::GenerateTokensOptions& options) {
  CLI::App& command =
      *app.add_subcommand("generate", "Greedy continuation; prints the new token ids");
  AddModelOptions(command, options.model);
  command.add_option("--tokens", options.tokens, "Token ids: 1,2,3")->required();
  command.add_option("--max-new-tokens", options.max_new_tokens, "At most this many")
      ->capture_default_str();
  command.add_flag("--ignore-eos", options.ignore_eos, "Go on after the model's stop tokens");
  return &command;
}

CLI::App* AddScore(CLI::App& app, inkling::ScoreCommandOptions& options) {
  CLI::App& command =
      *app.add_subcommand("score", "How likely each of several continuations of a text is; JSON");
  AddModelOptions(command, options.model);
  command.add_option("--text", options.text, "What they continue")->required();
  command
      .add_option("--continuations", options.continuations,
                  "File: a JSON list of texts, or one text a line")
      ->required();
  return &command;
}

CLI::App* AddEmbed(CLI::App& app, inkling::EmbedCommandOptions& options) {
  CLI::App& command =
      *app.add_subcommand("embed", "Embeddings of texts, each by itself; JSON or .npy");
  AddModelOptions(command, options.model);
  command.add_option("--texts", options.texts, "File: a JSON list of texts, or one text a line")
      ->required();
  command.add_option(
      "--output", options.output,
      "float32 .npy [texts, hidden size] to write; default: JSON to standard output");
  command.add_option("--pooling", options.pooling, "Hidden states: of the last token, or the mean")
      ->check(CLI::IsMember({"last", "mean"}))
      ->capture_default_str();
  command.add_flag("--raw", options.raw, "Don't bring embeddings to length 1");
  return &command;
}

CLI::App* AddTokenize(CLI::App& app, inkling::TokenizeCommandOptions& options) {
  CLI::App& command = *app.add_subcommand("tokenize", "Text to token ids, or with --decode back");
  command.add_option("--model", options.model, "Model file");
  command.add_option("--tokenizer", options.tokenizer, "tokenizer.json or tokenizer.model instead");
  command.add_option("--file", options.file, "Input file; default: standard input");
  command.add_flag("--decode", options.decode, "Read ids, print text");
  command.add_flag("--add-special", options.add_special,
                   "Add the beginning and end of sequence that the vocabulary asks for");
  command.add_flag("--parse-special", options.parse_special,
                   "Take special tokens in the text as such; with --decode, show them");
  return &command;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures and inspects what an Inkling model computes.", "inkling-eval");
  app.require_subcommand(1);

  inkling::PerplexityOptions perplexity;
  const CLI::App* perplexity_command = AddPerplexity(app, perplexity);
  inkling::DivergenceOptions divergence;
  const CLI::App* divergence_command = AddDivergence(app, divergence);
  inkling::ImportanceOptions importance;
  const CLI::App* importance_command = AddImportance(app, importance);
  inkling::LogitsOptions logits;
  const CLI::App* logits_command = AddLogits(app, logits);
  inkling::GenerateTokensOptions generate;
  const CLI::App* generate_command = AddGenerateTokens(app, generate);
  inkling::ScoreCommandOptions score;
  const CLI::App* score_command = AddScore(app, score);
  inkling::EmbedCommandOptions embed;
  const CLI::App* embed_command = AddEmbed(app, embed);
  inkling::TokenizeCommandOptions tokenize;
  const CLI::App* tokenize_command = AddTokenize(app, tokenize);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  absl::Status status;
  if (perplexity_command->parsed()) status = inkling::RunPerplexity(perplexity);
  if (divergence_command->parsed()) status = inkling::RunDivergence(divergence);
  if (importance_command->parsed()) status = inkling::RunImportance(importance);
  if (logits_command->parsed()) status = inkling::RunLogits(logits);
  if (generate_command->parsed()) status = inkling::RunGenerateTokens(generate);
  if (score_command->parsed()) status = inkling::RunScore(score);
  if (embed_command->parsed()) status = inkling::RunEmbed(embed);
  if (tokenize_command->parsed()) status = inkling::RunTokenize(tokenize);
  if (status.ok()) return 0;
  std::fprintf(stderr, "inkling-eval: %s\n", std::string(status.message()).c_str());
  return 1;
}
