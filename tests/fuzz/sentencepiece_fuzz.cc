// The vocabulary in SentencePiece models, BPE and unigram.

#include "absl/status/statusor.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/fuzzed_tokenizer.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  absl::StatusOr<TokenizerData> data = ParseSentencePieceModel(bytes);
  return data.ok() && UseTokenizer(*std::move(data));
}

}  // namespace inkling
