// Uses a tokenizer that came from untrusted bytes: what it is given comes back as well-formed text.

#ifndef INKLING_TESTS_FUZZ_FUZZED_TOKENIZER_H_
#define INKLING_TESTS_FUZZ_FUZZED_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/text/tokenizer.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

// Ids of `text` are pieces of the tokenizer, can be decoded, and give the same text as a stream.
inline void EncodeAndDecode(const Tokenizer& tokenizer, absl::string_view text,
                            const EncodeOptions& options) {
  const absl::StatusOr<std::vector<int32_t>> ids = tokenizer.Encode(text, options);
  if (!ids.ok()) return;
  std::string streamed;
  StreamDecoder stream(tokenizer);
  for (int32_t id : *ids) {
    Expect(id >= 0 && id < tokenizer.num_pieces(), "ids of pieces");
    const absl::StatusOr<std::string> text_of_id = stream.Add(id);
    Expect(text_of_id.ok(), "a stream that takes every id");
    streamed += *text_of_id;
  }
  streamed += stream.Flush();
  const absl::StatusOr<std::string> decoded = tokenizer.Decode(*ids);
  Expect(decoded.ok(), "ids that can be decoded");
  Expect(streamed == *decoded, "the same text as a stream and at once");
}

// Makes the tokenizer, if its data is accepted, gives it some texts, and returns true.
inline bool UseTokenizer(TokenizerData data) {
  const absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
      Tokenizer::Create(std::move(data));
  if (!tokenizer.ok()) return false;
  for (const Markup markup : {Markup::kAsText, Markup::kParse}) {
    EncodeOptions options;
    options.markup = markup;
    options.added_ids = AddedIds::kAsVocabularySays;
    EncodeAndDecode(**tokenizer, " Hello  w\xc3\xb6rld\t12345 <s></s> it's\n\n\xe4\xb8\xad\xff",
                    options);
  }
  return true;
}

}  // namespace inkling

#endif  // INKLING_TESTS_FUZZ_FUZZED_TOKENIZER_H_
