// Cuts normalised text into the words that byte-pair encoding never joins across.
//
// Published vocabularies describe this with regular expressions; here each is a hand-written
// scanner with parameters (`WordSplitData`), exact and linear on every input. Stages apply in
// order, each to the words of the stage before, as if each word stood alone.

#ifndef INKLING_SRC_TEXT_PRETOKENIZER_H_
#define INKLING_SRC_TEXT_PRETOKENIZER_H_

#include <cstddef>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

class Pretokenizer {
 public:
  // InvalidArgument if a stage has an unknown kind or a limit of digits it can't have.
  static absl::StatusOr<Pretokenizer> Create(const std::vector<WordSplitData>& stages);

  // Calls `word` for each word of `text` (well-formed UTF-8) in order; they cover it without gaps,
  // but for the spaces that kSpaceInFront adds. kByteDigits may cut inside a character.
  void Split(absl::string_view text, absl::FunctionRef<void(absl::string_view)> word) const {
    SplitFrom(0, text, word);
  }

 private:
  explicit Pretokenizer(const std::vector<WordSplitData>& stages) : stages_(stages) {}

  void SplitFrom(size_t stage, absl::string_view text,
                 absl::FunctionRef<void(absl::string_view)> word) const;

  std::vector<WordSplitData> stages_;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_PRETOKENIZER_H_
