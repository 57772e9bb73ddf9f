// structured_benchmark: what constrained answers cost: compiling, masks, memory.
//
//   structured_benchmark TOKENIZER [ROUNDS]      e.g. a tokenizer.json of 262,145 tokens
//
// For each grammar, documents that fit it are encoded by the tokenizer and followed token by token,
// in three spacings: time of compiling, of each token's mask (median, 99 %, most; the first round,
// which meets states for the first time, is in it) and of accepting it, and what is kept. A mask
// that lacks the next token is an error. Times are those of the thread, so that other programs on
// the machine hardly count.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "src/structured/compiled_grammar.h"
#include "src/structured/grammar_matcher.h"
#include "src/structured/json_schema.h"
#include "src/structured/regex.h"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

double ThreadMicroseconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

struct Subject {
  const char* name;
  std::string source;     // a schema, or with kind 'r' a regular expression
  std::string documents;  // one a line, as if spaced by one blank
  bool is_regex = false;
};

std::string ManyFields() {
  std::string schema = R"({"type":"object","properties":{)";
  for (int i = 0; i < 60; ++i) {
    const char* kinds[] = {R"({"type":"string"})", R"({"type":"integer"})", R"({"$ref":"#"})"};
    absl::StrAppend(&schema, i > 0 ? "," : "", "\"field_", i, "\":", kinds[i % 3]);
  }
  return schema + "}}";
}

std::vector<Subject> Subjects() {
  const std::string prose =
      "The lighthouse keeper counted forty-one ships before breakfast, naïve as ever; 'twas "
      "\\\"fine\\\" — 日本語も. ";
  return {
      {"small object",
       R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},
           "required":["name","age"],"additionalProperties":false})",
       R"({"name": "Ada Lovelace", "age": 36})"
       "\n"
       R"({"name": "Žofie \"Žo\" Nováková", "age": 7})"},
      {"any value", "{}",
       absl::StrCat(R"({"a": [1, 2.5e3, {"b": null}], "text": ")", prose, R"("})")},
      {"order",
       R"({"type":"object","properties":{"id":{"type":"string","format":"uuid"},"customer":{"type":
           "object","properties":{"name":{"type":"string"},"email":{"type":"string","format":"email"}},
           "required":["name"]},"lines":{"type":"array","items":{"type":"object","properties":{"sku":
           {"type":"string","pattern":"^[A-Z]{3}-[0-9]{4}$"},"count":{"type":"integer","minimum":1,
           "maximum":1000},"price":{"type":"number","minimum":0}},"required":["sku","count"],
           "additionalProperties":false},"maxItems":40},"when":{"type":"string","format":"date-time"}},
           "required":["id","lines"]})",
       R"({"id": "123e4567-e89b-12d3-a456-426614174000", "customer": {"name": "Jörg", "email": "j.o@mail.example.org"}, "lines": [{"sku": "ABC-1234", "count": 12, "price": 19.99}, {"sku": "XYZ-0001", "count": 1}], "when": "2026-12-01T10:20:30Z"})"},
      {"maxLength 400",
       R"({"type":"object","properties":{"summary":{"type":"string","maxLength":400},"title":{"type":
           "string","minLength":3,"maxLength":80},"tags":{"type":"array","items":{"type":"string",
           "maxLength":20},"maxItems":10}},"required":["summary","title","tags"],
           "additionalProperties":false})",
       absl::StrCat(R"({"summary": ")", prose, prose, prose,
                    R"(", "title": "A title of some length, with 日本",)",
                    R"( "tags": ["sea", "light", "twenty characters 20"]})")},
      {"60 fields", ManyFields(),
       R"({"field_0": "text", "field_1": 12, "field_2": {"field_3": "inner", "field_59": {}}, "field_4": 5, "other": [1, 2]})"},
      {"regex", R"r([A-Za-z ,]{10,400}\. (\w+@\w+\.com|.{0,200}))r",
       "It was a dark and stormy night, and the rain fell in torrents. someone@example.com\n"
       "It was a dark and stormy night. Who knows: naïve — 日本語も",
       true},
  };
}

struct Measured {
  double compile_ms = 0;
  size_t bytes = 0;
  std::vector<double> masks, accepts;
};

absl::Status Follow(const std::shared_ptr<const CompiledGrammar>& grammar,
                    const std::vector<int32_t>& ids, const std::string& text, Measured& out) {
  GrammarMatcher matcher(grammar, false);
  std::vector<uint64_t> mask(grammar->vocabulary().mask_words());
  for (const int32_t id : ids) {
    const double begin = ThreadMicroseconds();
    matcher.Mask(absl::MakeSpan(mask));
    const double masked = ThreadMicroseconds();
    const bool is_allowed = HasBit(mask, id) && matcher.Accept(id);
    out.accepts.push_back(ThreadMicroseconds() - masked);
    out.masks.push_back(masked - begin);
    if (!is_allowed) {
      return absl::InternalError(
          absl::StrCat("'", grammar->vocabulary().text(id), "' isn't allowed in ", text));
    }
  }
  if (matcher.is_complete()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("no end behind ", text));
}

absl::Status Measure(const Subject& subject, JsonSpacing spacing, const Tokenizer& tokenizer,
                     const std::shared_ptr<const TokenVocabulary>& vocabulary, int rounds,
                     Measured& out) {
  const double begin = ThreadMicroseconds();
  absl::StatusOr<Grammar> grammar = subject.is_regex ? GrammarOfRegex(subject.source)
                                                     : GrammarOfJsonSchema(subject.source, spacing);
  if (!grammar.ok()) return grammar.status();
  const auto compiled = CompiledGrammar::Make(*std::move(grammar), vocabulary);
  if (!compiled.ok()) return compiled.status();
  out.compile_ms = std::max(out.compile_ms, (ThreadMicroseconds() - begin) / 1e3);
  std::string documents = subject.documents;
  if (!subject.is_regex && spacing == JsonSpacing::kNone) {
    documents = absl::StrReplaceAll(
        documents, {{"\": ", "\":"}, {", \"", ",\""}, {", {", ",{"}, {", 2", ",2"}});
  } else if (!subject.is_regex && spacing == JsonSpacing::kFree) {
    documents = absl::StrReplaceAll(documents, {{"{\"", "{~  \""}, {", \"", ",~  \""}});
  }
  for (int round = 0; round < rounds; ++round) {
    for (size_t at = 0; at < documents.size();) {
      const size_t end = std::min(documents.find('\n', at), documents.size());
      const std::string text = absl::StrReplaceAll(documents.substr(at, end - at), {{"~", "\n"}});
      at = end + 1;
      const absl::StatusOr<std::vector<int32_t>> ids = tokenizer.Encode(text);
      if (!ids.ok()) return ids.status();
      const absl::Status followed = Follow(*compiled, *ids, text, out);
      if (!followed.ok()) return followed;
    }
  }
  out.bytes = std::max(out.bytes, (*compiled)->memory_bytes());
  return absl::OkStatus();
}

double Part(std::vector<double>& sorted, double part) {
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

absl::Status Run(const char* path, int rounds) {
  absl::StatusOr<ImportedTokenizer> imported = ImportTokenizerFile(path);
  if (!imported.ok()) return imported.status();
  const int32_t size = static_cast<int32_t>(imported->tokenizer.piece_types.size());
  const double begin = ThreadMicroseconds();
  const auto vocabulary = TokenVocabulary::Make(imported->tokenizer, size);
  std::printf("%d tokens: %.0f ms once for a model, %.1f MB\n", size,
              (ThreadMicroseconds() - begin) / 1e3,
              static_cast<double>(vocabulary->memory_bytes()) / 1e6);
  const auto tokenizer = Tokenizer::Create(std::move(imported->tokenizer));
  if (!tokenizer.ok()) return tokenizer.status();
  std::printf("%-14s %10s %8s %6s %28s %10s\n", "grammar", "compile ms", "kept MB", "masks",
              "mask us: median, 99 %, most", "accept us");
  for (const Subject& subject : Subjects()) {
    Measured out;
    for (const JsonSpacing spacing : {JsonSpacing::kOne, JsonSpacing::kNone, JsonSpacing::kFree}) {
      const absl::Status status = Measure(subject, spacing, **tokenizer, vocabulary, rounds, out);
      if (!status.ok()) return status;
    }
    const size_t num_masks = out.masks.size();
    std::printf("%-14s %10.1f %8.2f %6zu %14.1f %6.0f %6.0f %10.2f\n", subject.name, out.compile_ms,
                static_cast<double>(out.bytes) / 1e6, num_masks, Part(out.masks, 0.5),
                Part(out.masks, 0.99), Part(out.masks, 1), Part(out.accepts, 0.5));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: structured_benchmark TOKENIZER [ROUNDS]\n");
    return 2;
  }
  const absl::Status status = inkling::Run(argv[1], argc > 2 ? std::max(1, std::atoi(argv[2])) : 5);
  if (status.ok()) return 0;
  std::fprintf(stderr, "structured_benchmark: %s\n", status.ToString().c_str());
  return 1;
}
