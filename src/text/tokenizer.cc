// The path of a text (see tokenizer.h): repair, cut at added tokens, normalise each segment, cut at
// added tokens of normalised text, cut into words, encode each word.

#include "src/text/tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/text/pieces.h"

namespace inkling {

// The memory of one call.
struct Tokenizer::Work {
  explicit Work(size_t text_bytes) : bpe(text_bytes) {}

  std::string normalized;
  BpeScratch bpe;
  UnigramScratch unigram;
};

absl::StatusOr<std::unique_ptr<const Tokenizer>> Tokenizer::Create(TokenizerData data) {
  ABSL_RETURN_IF_ERROR(CheckTokenizerData(data));
  // Not make_unique: the constructor is private. Tables point into data_, so it must not move
  // again.
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer(std::move(data)));
  ABSL_RETURN_IF_ERROR(tokenizer->Build());
  return tokenizer;
}

absl::Status Tokenizer::Build() {
  absl::flat_hash_set<int32_t> markup;
  std::vector<AddedToken> given;
  std::vector<AddedToken> normalized;
  for (const AddedToken& token : data_.added_tokens) {
    // A byte-level vocabulary may write a piece of plain text (" the") as what names the token.
    const bool other_text =
        data_.kind == TokenizerKind::kByteLevelBpe && PieceBytes(data_, token.id) != token.content;
    if (token.markup && !other_text) markup.insert(token.id);
    (token.match_normalized ? normalized : given).push_back(token);
  }
  given_ = AddedTokenSplitter(std::move(given));
  normalized_ = AddedTokenSplitter(std::move(normalized));

  std::vector<ByteTrie::Entry> kept;
  piece_text_.data = &data_;
  piece_text_.special.assign(static_cast<size_t>(NumPieces(data_)), false);
  for (int32_t id = 0; id < NumPieces(data_); ++id) {
    const PieceType type = TypeOfPiece(data_, id);
    piece_text_.special[static_cast<size_t>(id)] = type == PieceType::kControl;
    if (type == PieceType::kUserDefined) kept.emplace_back(PieceBytes(data_, id), id);
  }
  for (const AddedToken& token : data_.added_tokens) {
    if (token.special) piece_text_.special[static_cast<size_t>(token.id)] = true;
  }

  const bool has_map = data_.normalizer.unicode_form == UnicodeForm::kCharsMap;
  ABSL_ASSIGN_OR_RETURN(
      normalizer_, Normalizer::Create(data_.normalizer, has_map ? ByteTrie(kept) : ByteTrie()));
  ABSL_ASSIGN_OR_RETURN(pretokenizer_, Pretokenizer::Create(data_.word_splits));
  if (data_.kind == TokenizerKind::kUnigram) {
    unigram_.emplace(data_, markup);
    return absl::OkStatus();
  }
  ABSL_ASSIGN_OR_RETURN(bpe_, Bpe::Create(data_, markup));
  // The table holds what Create needed the list for; a large vocabulary's is several megabytes.
  data_.merges = std::vector<TokenizerMerge>();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::Encode(absl::string_view text,
                                                       const EncodeOptions& options) const {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(absl::StrCat("Encode: the text has ", text.size(),
                                                   " bytes, expected at most ", kMaxTextBytes));
  }
  std::string storage;
  text = normalizer_->Repair(text, storage);
  const TextRange everything{0, text.size()};
  const size_t num_ranges = options.markup == Markup::kParse ? 1 : 0;
  std::vector<int32_t> ids;
  EncodeText(text, absl::MakeConstSpan(&everything, num_ranges), options, ids);
  return ids;
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::Encode(absl::Span<const PromptPart> parts,
                                                       const EncodeOptions& options) const {
  size_t total = 0;
  for (const PromptPart& part : parts) {
    if (part.text.size() > kMaxTextBytes - total) {
      return absl::InvalidArgumentError(
          absl::StrCat("Encode: the prompt has more than ", kMaxTextBytes, " bytes"));
    }
    total += part.text.size();
  }
  std::string text;
  text.reserve(total);
  std::vector<TextRange> markup;
  std::string storage;
  for (const PromptPart& part : parts) {
    const absl::string_view repaired = normalizer_->Repair(part.text, storage);
    const size_t begin = text.size();
    text.append(repaired.data(), repaired.size());
    if (part.markup != Markup::kParse || repaired.empty()) continue;
    if (!markup.empty() && markup.back().end == begin) {
      markup.back().end = text.size();
    } else {
      markup.push_back({begin, text.size()});
    }
  }
  std::vector<int32_t> ids;
  EncodeText(text, markup, options, ids);
  return ids;
}

void Tokenizer::EncodeText(absl::string_view text, absl::Span<const TextRange> markup,
                           const EncodeOptions& options, std::vector<int32_t>& ids) const {
  const bool start = options.position == TextPosition::kStart;
  const bool vocabulary = options.added_ids == AddedIds::kAsVocabularySays;
  const bool wants_bos = options.added_ids == AddedIds::kBos || (vocabulary && data_.add_bos);
  ids.reserve(text.size() / 3 + 8);
  if (start && wants_bos && data_.bos_id >= 0) ids.push_back(data_.bos_id);
  Work work(text.size());
  size_t done = 0;
  size_t search = 0;
  while (done < text.size() || search < text.size()) {
    AddedTokenSplitter::Found found;
    if (!given_.empty()) found = given_.Next(text, search, done, markup);
    // White space that a token swallowed may still begin the next token.
    const size_t end = found.id < 0 ? text.size() : std::max(found.covers.begin, done);
    EncodeSegment(text.substr(done, end - done),
                  start && done == 0 ? TextPosition::kStart : TextPosition::kContinuation, work,
                  ids);
    if (found.id < 0) break;
    if (found.covers.begin < found.covers.end) ids.push_back(found.id);
    done = found.covers.end;
    search = found.token.end;
  }
  if (vocabulary && data_.add_eos) ids.push_back(data_.eos_id);
}

void Tokenizer::EncodeSegment(absl::string_view segment, TextPosition position, Work& work,
                              std::vector<int32_t>& ids) const {
  if (segment.empty()) return;
  const absl::string_view text = normalizer_->Normalize(segment, position, work.normalized);
  size_t done = 0;
  size_t search = 0;
  while (done < text.size() || search < text.size()) {
    AddedTokenSplitter::Found found;
    if (!normalized_.empty()) found = normalized_.Next(text, search, done, {});
    const size_t end = found.id < 0 ? text.size() : std::max(found.covers.begin, done);
    EncodeNormalized(text.substr(done, end - done), work, ids);
    if (found.id < 0) return;
    if (found.covers.begin < found.covers.end) ids.push_back(found.id);
    done = found.covers.end;
    search = found.token.end;
  }
}

void Tokenizer::EncodeNormalized(absl::string_view text, Work& work,
                                 std::vector<int32_t>& ids) const {
  if (text.empty()) return;
  if (unigram_.has_value()) {
    pretokenizer_->Split(
        text, [&](absl::string_view word) { unigram_->Encode(word, work.unigram, ids); });
    return;
  }
  pretokenizer_->Split(text, [&](absl::string_view word) { bpe_->Encode(word, work.bpe, ids); });
}

absl::StatusOr<std::string> Tokenizer::Decode(absl::Span<const int32_t> ids,
                                              const DecodeOptions& options) const {
  std::string text;
  inkling::PieceText decoder(&piece_text_, options);
  for (size_t i = 0; i < ids.size(); ++i) {
    const absl::Status status = CheckId(ids[i]);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("index ", i, ": ", status.message()));
    }
    decoder.Feed(ids[i], text);
  }
  decoder.Finish(text);
  return text;
}

absl::StatusOr<absl::string_view> Tokenizer::PieceText(int32_t id) const {
  ABSL_RETURN_IF_ERROR(CheckId(id));
  return PieceBytes(data_, id);
}

int32_t Tokenizer::num_pieces() const { return NumPieces(data_); }

absl::Status Tokenizer::CheckId(int32_t id) const {
  if (id >= 0 && id < NumPieces(data_)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("token id ", id, " is not in the vocabulary of ", NumPieces(data_), " pieces"));
}

absl::StatusOr<std::string> StreamDecoder::Add(int32_t id) {
  ABSL_RETURN_IF_ERROR(tokenizer_->CheckId(id));
  std::string text;
  piece_text_.Feed(id, text);
  return text;
}

std::string StreamDecoder::Flush() {
  std::string text;
  piece_text_.Finish(text);
  return text;
}

}  // namespace inkling
