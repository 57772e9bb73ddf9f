// Speed of a tokenizer on a text and on the inputs that are hardest for it (Google Benchmark).
//
//   tokenizer_benchmark TOKENIZER TEXT_FILE [--benchmark_filter=...]
//
// TOKENIZER is a model file of ours, a tokenizer.json, a SentencePiece model, a llama2.c
// tokenizer.bin, or a folder with one of them. The hard inputs are made here, in two sizes: time
// per byte should hardly differ between them.

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
#include "converter/tokenizer_import.h"
#include "src/format/model_reader.h"
#include "src/text/tokenizer.h"

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

std::string Letters(size_t bytes) {
  std::mt19937 engine(1);
  std::string text;
  while (text.size() < bytes) text.push_back(static_cast<char>('a' + engine() % 26));
  return text;
}

// Marks of many combining classes on one letter, in no order.
std::string Marks(size_t bytes) {
  std::mt19937 engine(1);
  std::string text = "a";
  while (text.size() < bytes) {
    const uint32_t mark = 0x300 + engine() % 0x50;
    text.push_back(static_cast<char>(0xC0 | mark >> 6));
    text.push_back(static_cast<char>(0x80 | (mark & 0x3F)));
  }
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
  for (const size_t kib : {size_t{512}, size_t{1024}}) {
    const size_t bytes = kib << 10;
    const auto hard = [&](absl::string_view name, std::string input) {
      add(absl::StrCat("Encode/", name, "/", kib, "KiB"), EncodeText, std::move(input));
    };
    hard("one_letter", Repeated("a", bytes));
    hard("spaces", Repeated(" ", bytes));
    hard("newlines", Repeated("\n", bytes));
    hard("marks", Marks(bytes));
    hard("one_word", Letters(bytes));
    hard("ideographs", Repeated("\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97", bytes));
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
