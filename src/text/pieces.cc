// The checks of a vocabulary that comes from a file (see pieces.h).

#include "src/text/pieces.h"

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

// More than eight times the largest published vocabulary; keeps ids and hidden ids in 31 bits.
constexpr size_t kMaxPieces = size_t{1} << 22;
// Ranks leave 9 of 32 bits for an index, and one of them is free (bpe.cc).
constexpr size_t kMaxMerges = (size_t{1} << 23) - 1;

absl::Status Invalid(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("tokenizer: ", what));
}

absl::Status CheckSizes(const TokenizerData& data) {
  const int kind = static_cast<int>(data.kind);
  if (kind < 1 || kind > static_cast<int>(TokenizerKind::kUnigram)) {
    return Invalid(absl::StrCat("kind ", kind, " is not supported by this version"));
  }
  if (data.piece_offsets.size() < 2 || data.piece_offsets.size() > kMaxPieces + 1) {
    return Invalid(absl::StrCat("piece_offsets has ", data.piece_offsets.size(),
                                " entries, expected 2 to ", kMaxPieces + 1));
  }
  const size_t num_pieces = data.piece_offsets.size() - 1;
  if (data.piece_types.size() != num_pieces) {
    return Invalid(absl::StrCat("piece_types has ", data.piece_types.size(), " entries, expected ",
                                num_pieces));
  }
  const bool needs_scores =
      data.kind == TokenizerKind::kUnigram || data.merge_priority == MergePriority::kResultScore;
  if (data.piece_scores.size() != num_pieces && (needs_scores || !data.piece_scores.empty())) {
    return Invalid(absl::StrCat("piece_scores has ", data.piece_scores.size(),
                                " entries, expected ", num_pieces));
  }
  if (!data.exact_scores.empty() && data.exact_scores.size() != num_pieces) {
    return Invalid(absl::StrCat("exact_scores has ", data.exact_scores.size(),
                                " entries, expected ", num_pieces));
  }
  if (data.merges.size() > kMaxMerges || data.hidden_codepoints.size() > 0x110000) {
    return Invalid(absl::StrCat(data.merges.size(), " merges and ", data.hidden_codepoints.size(),
                                " hidden characters are more than supported"));
  }
  if (data.added_tokens.size() > kMaxPieces) {
    return Invalid(
        absl::StrCat(data.added_tokens.size(), " added tokens, expected at most ", kMaxPieces));
  }
  const int priority = static_cast<int>(data.merge_priority);
  if (priority < 1 || priority > 2) {
    return Invalid(absl::StrCat("merge_priority ", priority, " is not supported by this version"));
  }
  return absl::OkStatus();
}

absl::Status CheckPieces(const TokenizerData& data) {
  if (data.piece_offsets.front() != 0) {
    return Invalid(
        absl::StrCat("piece_offsets begins with ", data.piece_offsets.front(), ", expected 0"));
  }
  for (size_t i = 1; i < data.piece_offsets.size(); ++i) {
    if (data.piece_offsets[i] < data.piece_offsets[i - 1] ||
        data.piece_offsets[i] > data.piece_bytes.size()) {
      return Invalid(absl::StrCat("piece_offsets[", i, "] is ", data.piece_offsets[i],
                                  ", expected ", data.piece_offsets[i - 1], " to ",
                                  data.piece_bytes.size()));
    }
  }
  for (int32_t id = 0; id < NumPieces(data); ++id) {
    const int type = static_cast<int>(TypeOfPiece(data, id));
    if (type < 1 || type > static_cast<int>(PieceType::kByte)) {
      return Invalid(absl::StrCat("the type of piece ", id, " is ", type, ", expected 1 to 6"));
    }
    const absl::string_view piece = PieceBytes(data, id);
    const bool is_byte = TypeOfPiece(data, id) == PieceType::kByte;
    if (is_byte && piece.size() != 1) {
      return Invalid(absl::StrCat("piece ", id, " stands for one byte but has ", piece.size()));
    }
    const bool is_text = !is_byte && data.kind != TokenizerKind::kByteLevelBpe;
    if (is_text && WellFormedPrefix(piece) != piece.size()) {
      return Invalid(absl::StrCat("piece ", id, " is not well-formed UTF-8"));
    }
  }
  for (float score : data.piece_scores) {
    if (score != score) return Invalid("a piece's score is not a number");
  }
  for (double score : data.exact_scores) {
    if (score != score) return Invalid("a piece's score is not a number");
  }
  return absl::OkStatus();
}

absl::Status CheckId(int32_t id, int32_t lowest, absl::string_view what, int32_t num_pieces) {
  if (id >= lowest && id < num_pieces) return absl::OkStatus();
  return Invalid(absl::StrCat(what, " is ", id, ", expected ", lowest, " to ", num_pieces - 1));
}

absl::Status CheckIds(const TokenizerData& data) {
  const int32_t num_pieces = NumPieces(data);
  absl::Status status = CheckId(data.bos_id, -1, "bos_id", num_pieces);
  status.Update(CheckId(data.eos_id, -1, "eos_id", num_pieces));
  status.Update(CheckId(data.unk_id, -1, "unk_id", num_pieces));
  status.Update(CheckId(data.pad_id, -1, "pad_id", num_pieces));
  for (int32_t id : data.stop_ids) status.Update(CheckId(id, 0, "a stop id", num_pieces));
  for (const AddedToken& token : data.added_tokens) {
    status.Update(CheckId(token.id, 0, "the id of an added token", num_pieces));
    if (WellFormedPrefix(token.content) != token.content.size()) {
      status.Update(Invalid("the content of an added token is not well-formed UTF-8"));
    }
    if (token.markup && token.match_normalized) {
      status.Update(Invalid(absl::StrCat("added token ", token.id,
                                         " is markup and so must be matched in the given text")));
    }
  }
  if ((data.add_bos && data.bos_id < 0) || (data.add_eos && data.eos_id < 0)) {
    status.Update(Invalid("add_bos or add_eos is set, but there is no such id"));
  }
  if (data.kind == TokenizerKind::kUnigram && data.unk_id < 0) {
    status.Update(Invalid("a unigram vocabulary needs an unk_id"));
  }
  return status;
}

absl::Status CheckMerges(const TokenizerData& data) {
  const int32_t num_pieces = NumPieces(data);
  const int32_t num_symbols = num_pieces + static_cast<int32_t>(data.hidden_codepoints.size());
  for (const TokenizerMerge& merge : data.merges) {
    ABSL_RETURN_IF_ERROR(CheckId(merge.left, 0, "the left side of a merge", num_symbols));
    ABSL_RETURN_IF_ERROR(CheckId(merge.right, 0, "the right side of a merge", num_symbols));
    ABSL_RETURN_IF_ERROR(CheckId(merge.result, 0, "the result of a merge", num_pieces));
  }
  for (uint32_t codepoint : data.hidden_codepoints) {
    if (codepoint > 0x10FFFF) {
      return Invalid(absl::StrCat("hidden character ", codepoint, ", expected at most 1114111"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckDecoder(const DecoderData& data) {
  const int byte_runs = static_cast<int>(data.byte_runs);
  const int leading_space = static_cast<int>(data.leading_space);
  if (byte_runs < 1 || byte_runs > static_cast<int>(ByteRunText::kReplaceWholeRun)) {
    return Invalid(
        absl::StrCat("decoder.byte_runs ", byte_runs, " is not supported by this version"));
  }
  if (leading_space < 1 || leading_space > static_cast<int>(LeadingSpace::kStripOnePerPiece)) {
    return Invalid(
        absl::StrCat("decoder.leading_space ", leading_space, " is not supported by this version"));
  }
  if (WellFormedPrefix(data.unknown_text) != data.unknown_text.size()) {
    return Invalid("decoder.unknown_text is not well-formed UTF-8");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTokenizerData(const TokenizerData& data) {
  ABSL_RETURN_IF_ERROR(CheckSizes(data));
  ABSL_RETURN_IF_ERROR(CheckPieces(data));
  ABSL_RETURN_IF_ERROR(CheckIds(data));
  ABSL_RETURN_IF_ERROR(CheckMerges(data));
  return CheckDecoder(data.decoder);
}

}  // namespace inkling
