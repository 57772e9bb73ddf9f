// The checks of tokenizer_bounds.h, one function per part of the struct.

#include "src/format/tokenizer_bounds.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace inkling {
namespace {

// `first` and `last` are the enumerators with the lowest and highest numbers; all between are in
// use.
template <typename Enum>
absl::Status CheckKnown(absl::string_view name, Enum value, Enum first, Enum last) {
  if (value >= first && value <= last) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(name, " ", static_cast<int>(value), " is not supported by this version"));
}

absl::Status CheckId(absl::string_view name, int64_t id, int64_t lowest, int64_t end) {
  if (id >= lowest && id < end) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": expected an id from ", lowest, " to ", end - 1, ", found ", id));
}

absl::Status CheckLength(absl::string_view name, size_t found, size_t expected) {
  if (found == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": expected ", expected, " entries, found ", found));
}

absl::Status CheckPieces(const TokenizerData& tokenizer, size_t num_pieces) {
  const std::vector<uint32_t>& offsets = tokenizer.piece_offsets;
  uint32_t previous = 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (offsets[i] < previous || (i == 0 && offsets[0] != 0)) {
      return absl::InvalidArgumentError(absl::StrCat("tokenizer.piece_offsets[", i,
                                                     "]: expected 0 first and no decrease, found ",
                                                     offsets[i], " after ", previous));
    }
    previous = offsets[i];
  }
  if (previous != tokenizer.piece_bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer.piece_offsets: expected the last to be ",
                     tokenizer.piece_bytes.size(), ", found ", previous));
  }
  ABSL_RETURN_IF_ERROR(
      CheckLength("tokenizer.piece_types", tokenizer.piece_types.size(), num_pieces));
  for (uint8_t type : tokenizer.piece_types) {
    ABSL_RETURN_IF_ERROR(CheckKnown("tokenizer.piece_types", static_cast<PieceType>(type),
                                    PieceType::kNormal, PieceType::kByte));
  }
  if (!tokenizer.exact_scores.empty()) {
    ABSL_RETURN_IF_ERROR(
        CheckLength("tokenizer.exact_scores", tokenizer.exact_scores.size(), num_pieces));
  }
  if (tokenizer.piece_scores.empty()) return absl::OkStatus();
  return CheckLength("tokenizer.piece_scores", tokenizer.piece_scores.size(), num_pieces);
}

absl::Status CheckMerges(const TokenizerData& tokenizer, int64_t num_pieces) {
  ABSL_RETURN_IF_ERROR(CheckKnown("tokenizer.merge_priority", tokenizer.merge_priority,
                                  MergePriority::kListOrder, MergePriority::kResultScore));
  const int64_t end = num_pieces + static_cast<int64_t>(tokenizer.hidden_codepoints.size());
  for (const TokenizerMerge& merge : tokenizer.merges) {
    ABSL_RETURN_IF_ERROR(CheckId("tokenizer.merges.left", merge.left, 0, end));
    ABSL_RETURN_IF_ERROR(CheckId("tokenizer.merges.right", merge.right, 0, end));
    ABSL_RETURN_IF_ERROR(CheckId("tokenizer.merges.result", merge.result, 0, end));
  }
  return absl::OkStatus();
}

absl::Status CheckEnums(const TokenizerData& tokenizer) {
  const NormalizerData& normalizer = tokenizer.normalizer;
  ABSL_RETURN_IF_ERROR(CheckKnown("tokenizer.kind", tokenizer.kind, TokenizerKind::kCodepointBpe,
                                  TokenizerKind::kUnigram));
  ABSL_RETURN_IF_ERROR(CheckKnown("tokenizer.normalizer.invalid_utf8", normalizer.invalid_utf8,
                                  InvalidUtf8::kReplaceEachByte,
                                  InvalidUtf8::kReplaceMaximalSubpart));
  ABSL_RETURN_IF_ERROR(CheckKnown("tokenizer.normalizer.unicode_form", normalizer.unicode_form,
                                  UnicodeForm::kNone, UnicodeForm::kClusterCharsMap));
  ABSL_RETURN_IF_ERROR(CheckKnown("tokenizer.normalizer.space_prefix", normalizer.space_prefix,
                                  SpacePrefix::kNone, SpacePrefix::kEverySegmentUnlessSpaced));
  ABSL_RETURN_IF_ERROR(CheckKnown("tokenizer.decoder.byte_runs", tokenizer.decoder.byte_runs,
                                  ByteRunText::kLossyUtf8, ByteRunText::kReplaceWholeRun));
  ABSL_RETURN_IF_ERROR(CheckKnown("tokenizer.decoder.leading_space",
                                  tokenizer.decoder.leading_space, LeadingSpace::kKeep,
                                  LeadingSpace::kStripOnePerPiece));
  for (const WordSplitData& split : tokenizer.word_splits) {
    ABSL_RETURN_IF_ERROR(CheckKnown("tokenizer.word_splits.split", split.split,
                                    WordSplit::kSpacedWords, WordSplit::kSpaceInFront));
  }
  return absl::OkStatus();
}

absl::Status CheckIds(const TokenizerData& tokenizer, int64_t num_pieces) {
  for (const AddedToken& token : tokenizer.added_tokens) {
    ABSL_RETURN_IF_ERROR(CheckId("tokenizer.added_tokens.id", token.id, 0, num_pieces));
  }
  ABSL_RETURN_IF_ERROR(CheckId("tokenizer.bos_id", tokenizer.bos_id, -1, num_pieces));
  ABSL_RETURN_IF_ERROR(CheckId("tokenizer.eos_id", tokenizer.eos_id, -1, num_pieces));
  ABSL_RETURN_IF_ERROR(CheckId("tokenizer.unk_id", tokenizer.unk_id, -1, num_pieces));
  return CheckId("tokenizer.pad_id", tokenizer.pad_id, -1, num_pieces);
}

}  // namespace

absl::Status ValidateTokenizerBounds(const TokenizerData& tokenizer, int32_t vocab_size) {
  const size_t num_pieces =
      tokenizer.piece_offsets.empty() ? 0 : tokenizer.piece_offsets.size() - 1;
  if (num_pieces > static_cast<size_t>(vocab_size)) {
    return absl::InvalidArgumentError(absl::StrCat("tokenizer: expected at most vocab_size (",
                                                   vocab_size, ") pieces, found ", num_pieces));
  }
  ABSL_RETURN_IF_ERROR(CheckEnums(tokenizer));
  ABSL_RETURN_IF_ERROR(CheckPieces(tokenizer, num_pieces));
  ABSL_RETURN_IF_ERROR(CheckMerges(tokenizer, static_cast<int64_t>(num_pieces)));
  ABSL_RETURN_IF_ERROR(CheckIds(tokenizer, static_cast<int64_t>(num_pieces)));
  for (int32_t id : tokenizer.stop_ids)
    ABSL_RETURN_IF_ERROR(CheckId("tokenizer.stop_ids", id, 0, vocab_size));
  return absl::OkStatus();
}

absl::Status ValidateTemplateBounds(const PromptTemplateData& prompt_template, int32_t vocab_size) {
  ABSL_RETURN_IF_ERROR(CheckKnown("prompt_template.system_placement",
                                  prompt_template.system_placement, SystemPlacement::kNone,
                                  SystemPlacement::kInLastUserTurn));
  ABSL_RETURN_IF_ERROR(CheckKnown("prompt_template.past_answers.cut",
                                  prompt_template.past_answers.cut, ThoughtCut::kNone,
                                  ThoughtCut::kEveryBlock));
  for (TextTrim trim : {prompt_template.trim_user, prompt_template.trim_model,
                        prompt_template.trim_system, prompt_template.past_answers.trim}) {
    ABSL_RETURN_IF_ERROR(
        CheckKnown("prompt_template.trim", trim, TextTrim::kNothing, TextTrim::kEnd));
  }
  for (int32_t id : prompt_template.stop_ids) {
    ABSL_RETURN_IF_ERROR(CheckId("prompt_template.stop_ids", id, 0, vocab_size));
  }
  return ValidateToolTemplateBounds(prompt_template.tools);
}

}  // namespace inkling
