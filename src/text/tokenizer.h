// Text to tokens and back, for one vocabulary.
//
// An `LlmModel` makes one from the model file's `TokenizerData`; sessions share it. All methods are
// const and thread-safe. Ids and text equal what the tool that published the vocabulary gives for
// it.

#ifndef INKLING_SRC_TEXT_TOKENIZER_H_
#define INKLING_SRC_TEXT_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/tokenizer_data.h"
#include "src/text/added_token_splitter.h"
#include "src/text/bpe.h"
#include "src/text/normalizer.h"
#include "src/text/piece_text.h"
#include "src/text/pretokenizer.h"
#include "src/text/unigram.h"

namespace inkling {

// What "<|end|>" in a text is: the text it looks like, or the token.
enum class Markup { kAsText, kParse };

// Whether the ids that the vocabulary wants around a text are added.
enum class AddedIds {
  kNone,
  kAsVocabularySays,  // bos in front at the start, eos behind, where add_bos and add_eos say so
  kBos,               // bos in front even if the vocabulary doesn't ask for it
};

struct EncodeOptions {
  Markup markup = Markup::kAsText;
  AddedIds added_ids = AddedIds::kNone;
  // kContinuation: the text follows other tokens, so that nothing belongs in front of it.
  TextPosition position = TextPosition::kStart;
};

// A part of a prompt: what a template wrote (markup), or what a person did (never markup).
struct PromptPart {
  std::string text;
  Markup markup = Markup::kAsText;
};

class StreamDecoder;

class Tokenizer {
 public:
  // The longest text that one call takes, in bytes.
  static constexpr size_t kMaxTextBytes = size_t{1} << 30;

  // Checks `data` and makes the look-up tables from it. InvalidArgument names what is wrong with
  // it.
  static absl::StatusOr<std::unique_ptr<const Tokenizer>> Create(TokenizerData data);

  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Returns the ids of `text`; ill-formed UTF-8 counts as U+FFFD. InvalidArgument if it is too
  // long.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text,
                                              const EncodeOptions& options = {}) const;

  // Returns the ids of the parts joined to one text, where tokens are parsed in markup parts only.
  // `options.markup` is not used.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::Span<const PromptPart> parts,
                                              const EncodeOptions& options = {}) const;

  // Returns the text of `ids`, well-formed UTF-8. InvalidArgument names an id that is no piece.
  absl::StatusOr<std::string> Decode(absl::Span<const int32_t> ids,
                                     const DecodeOptions& options = {}) const;

  // Returns a piece as the vocabulary stores it: raw bytes for byte-level kinds and byte pieces,
  // else UTF-8 with U+2581 for spaces. InvalidArgument if `id` is no piece.
  absl::StatusOr<absl::string_view> PieceText(int32_t id) const;

  int32_t num_pieces() const;
  const TokenizerData& data() const { return data_; }

 private:
  friend class StreamDecoder;

  struct Work;

  explicit Tokenizer(TokenizerData data) : data_(std::move(data)) {}

  absl::Status Build();
  void EncodeText(absl::string_view text, absl::Span<const TextRange> markup,
                  const EncodeOptions& options, std::vector<int32_t>& ids) const;
  void EncodeSegment(absl::string_view segment, TextPosition position, Work& work,
                     std::vector<int32_t>& ids) const;
  void EncodeNormalized(absl::string_view text, Work& work, std::vector<int32_t>& ids) const;
  absl::Status CheckId(int32_t id) const;

  TokenizerData data_;
  std::optional<Normalizer> normalizer_;
  std::optional<Pretokenizer> pretokenizer_;
  std::optional<Bpe> bpe_;          // BPE kinds
  std::optional<Unigram> unigram_;  // kUnigram
  AddedTokenSplitter given_;        // added tokens looked for in the given text
  AddedTokenSplitter normalized_;   // ... in normalised text
  PieceTextTable piece_text_;
};

// Decodes tokens as they are generated.
class StreamDecoder {
 public:
  // `tokenizer` must outlive this.
  explicit StreamDecoder(const Tokenizer& tokenizer, const DecodeOptions& options = {})
      : tokenizer_(&tokenizer), piece_text_(&tokenizer.piece_text_, options) {}

  // Returns the text that became certain by `id`: whole characters, or nothing yet. All results and
  // that of `Flush` together equal `Decode` of all ids. InvalidArgument if `id` is no piece.
  absl::StatusOr<std::string> Add(int32_t id);

  // Returns what was held back, with unfinished characters as U+FFFD.
  std::string Flush();

 private:
  const Tokenizer* tokenizer_;
  PieceText piece_text_;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_TOKENIZER_H_
