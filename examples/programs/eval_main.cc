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

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures and inspects what an Inkling model computes.", "inkling-eval");
  app.require_subcommand(1);

  inkling::PerplexityOptions perplexity;
  CLI::App* perplexity_command =
      app.add_subcommand("perplexity", "Perplexity on a text, by llama.cpp's method");
  AddModelOptions(*perplexity_command, perplexity.model);
  AddTextOptions(*perplexity_command, perplexity.text_file, perplexity.context,
                 perplexity.max_windows);

  inkling::DivergenceOptions divergence;
  CLI::App* divergence_command =
      app.add_subcommand("kl", "Mean KL divergence from a reference model on a text");
  AddModelOptions(*divergence_command, divergence.model);
  divergence_command
      ->add_option("--reference", divergence.reference,
                   "Reference model file, e.g. in f32; its cache is f32")
      ->required();
  AddTextOptions(*divergence_command, divergence.text_file, divergence.context,
                 divergence.max_windows);

  inkling::ImportanceOptions importance;
  CLI::App* importance_command = app.add_subcommand(
      "importance", "Measures on a text what inkling-convert --quality=best rounds weights by");
  AddModelOptions(*importance_command, importance.model);
  AddTextOptions(*importance_command, importance.text_file, importance.context,
                 importance.max_windows);
  importance_command->add_option("--output", importance.output, "File to write")->required();
  importance_command
      ->add_option("--block", importance.block, "Neighbouring inputs whose second moments are kept")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  importance_command
      ->add_option("--sensitivity-windows", importance.sensitivity_windows,
                   "Windows on which each matrix's cost of noise is measured")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();

  inkling::LogitsOptions logits;
  CLI::App* logits_command =
      app.add_subcommand("logits", "Logits after every token, as float32 .npy [n, vocab]");
  AddModelOptions(*logits_command, logits.model);
  logits_command->add_option("--tokens", logits.tokens, "Token ids: 1,2,3")->required();
  logits_command->add_option("--output", logits.output, "File to write")->required();

  inkling::GenerateTokensOptions generate;
  CLI::App* generate_command =
      app.add_subcommand("generate", "Greedy continuation; prints the new token ids");
  AddModelOptions(*generate_command, generate.model);
  generate_command->add_option("--tokens", generate.tokens, "Token ids: 1,2,3")->required();
  generate_command->add_option("--max-new-tokens", generate.max_new_tokens, "At most this many")
      ->capture_default_str();
  generate_command->add_flag("--ignore-eos", generate.ignore_eos,
                             "Go on after the model's stop tokens");

  inkling::TokenizeOptions tokenize;
  CLI::App* tokenize_command =
      app.add_subcommand("tokenize", "Text to token ids, or with --decode back");
  tokenize_command->add_option("--model", tokenize.model, "Model file");
  tokenize_command->add_option("--tokenizer", tokenize.tokenizer,
                               "tokenizer.json or tokenizer.model instead");
  tokenize_command->add_option("--file", tokenize.file, "Input file; default: standard input");
  tokenize_command->add_flag("--decode", tokenize.decode, "Read ids, print text");
  tokenize_command->add_flag("--add-special", tokenize.add_special,
                             "Add the beginning and end of sequence that the vocabulary asks for");
  tokenize_command->add_flag("--parse-special", tokenize.parse_special,
                             "Take special tokens in the text as such; with --decode, show them");

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
  if (tokenize_command->parsed()) status = inkling::RunTokenize(tokenize);
  if (status.ok()) return 0;
  std::fprintf(stderr, "inkling-eval: %s\n", std::string(status.message()).c_str());
  return 1;
}
