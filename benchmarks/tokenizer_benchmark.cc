// Speed of a tokenizer on a text and on the inputs that are hardest for it (Google Benchmark).
//
//   tokenizer_benchmark TOKENIZER TEXT_FILE [--benchmark_filter=...]
//
// TOKENIZER is a model file of ours, a tokenizer.json, a SentencePiece model, a llama2.c
// tokenizer.bin, or a folder with one of them. The hard inputs are made here, in two sizes: time
// per byte should hardly differ between them. Figures: TOKENIZERS.md.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "src/format/model_reader.h"
#include "src/text/tokenizer.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

absl::StatusOr<TokenizerData> ReadTokenizer(const std::string& path) {
  if (absl::EndsWith(path, ".tflite")) {
    absl::StatusOr<std::unique_ptr<ModelReader>> reader = ModelReader::Open(path);
    if (!reader.ok()) return reader.status();
    return (*reader)->metadata().tokenizer;
  }
  absl::StatusOr<ImportedTokenizer> imported =
      std::filesystem::is_directory(path) ? ImportTokenizerFolder(path) : ImportTokenizerFile(path);
  if (!imported.ok()) return imported.status();
  return std::move(imported->tokenizer);
}

std::string Repeated(absl::string_view unit, size_t bytes) {
  std::string text;
  while (text.size() < bytes) absl::StrAppend(&text, unit);
  return text;
}

// Characters of [first, first + count) in no order.
std::string Shuffled(uint32_t first, uint32_t count, size_t bytes) {
  std::mt19937 engine(1);
  std::string text;
  while (text.size() < bytes) AppendUtf8(first + engine() % count, text);
  return text;
}

void EncodeText(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  size_t num_ids = 0;
  for (auto _ : state) {
    const auto ids = tokenizer.Encode(text);
    num_ids = ids->size();
    benchmark::DoNotOptimize(ids->data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
  state.counters["ids"] = static_cast<double>(num_ids);
}

void DecodeIds(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  const auto ids = tokenizer.Encode(text);
  size_t num_bytes = 0;
  for (auto _ : state) {
    const auto decoded = tokenizer.Decode(*ids);
    num_bytes = decoded->size();
    benchmark::DoNotOptimize(decoded->data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * num_bytes));
}

// One id at a time, as they are generated.
void StreamIds(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  const auto ids = tokenizer.Encode(text);
  size_t num_bytes = 0;
  for (auto _ : state) {
    StreamDecoder decoder(tokenizer);
    num_bytes = 0;
    for (int32_t id : *ids) num_bytes += decoder.Add(id)->size();
    num_bytes += decoder.Flush().size();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * num_bytes));
}

// Cuts `text` into lines, as prompts come.
void EncodeLines(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
  for (auto _ : state) {
    for (const std::string& line : lines) benchmark::DoNotOptimize(tokenizer.Encode(line)->size());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void RegisterAll(const Tokenizer& tokenizer, const std::string& text) {
  const auto add = [&](const std::string& name, auto function, std::string input) {
    benchmark::RegisterBenchmark(name.c_str(), [&tokenizer, function,
                                                input](benchmark::State& state) {
      function(state, tokenizer, input);
    })->Unit(benchmark::kMillisecond);
  };
  add("Encode/text", EncodeText, text);
  add("Encode/lines", EncodeLines, text);
  add("Decode/text", DecodeIds, text);
  add("Stream/text", StreamIds, text);
  for (const size_t kib : {size_t{256}, size_t{1024}}) {
    const size_t bytes = kib << 10;
    const auto hard = [&](absl::string_view name, std::string input) {
      add(absl::StrCat("Encode/", name, "/", kib, "KiB"), EncodeText, std::move(input));
    };
    hard("one_letter", Repeated("a", bytes));
    hard("spaces", Repeated(" ", bytes));
    hard("newlines", Repeated("\n", bytes));
    hard("digits", Shuffled('0', 10, bytes));
    hard("punctuation", Shuffled('!', 15, bytes));
    hard("marks", "a" + Shuffled(0x300, 0x50, bytes));  // many combining classes
    hard("one_word", Shuffled('a', 26, bytes));
    hard("two_letters", Shuffled('a', 2, bytes));
    hard("ideographs", Repeated("\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97", bytes));
    hard("mixed_ideographs", Shuffled(0x4E00, 0x5000, bytes));
    hard("hangul", Shuffled(0xAC00, 0x2BA4, bytes));
    hard("emoji", Shuffled(0x1F600, 0x50, bytes));
    hard("ill_formed", Repeated("\xFF", bytes));
  }
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s TOKENIZER TEXT_FILE [--benchmark_...]\n", argv[0]);
    return 2;
  }
  absl::StatusOr<inkling::TokenizerData> data = inkling::ReadTokenizer(argv[1]);
  if (!data.ok()) {
    std::fprintf(stderr, "%s\n", data.status().ToString().c_str());
    return 1;
  }
  const auto tokenizer = inkling::Tokenizer::Create(*std::move(data));
  std::ifstream file(argv[2], std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!tokenizer.ok() || text.str().empty()) {
    std::fprintf(stderr, "%s; %s has %zu bytes\n", tokenizer.status().ToString().c_str(), argv[2],
                 text.str().size());
    return 1;
  }
  inkling::RegisterAll(**tokenizer, text.str());
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
