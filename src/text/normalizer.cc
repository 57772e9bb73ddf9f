// Normalising segments of text (see normalizer.h).

#include "src/text/normalizer.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/text/unicode.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

absl::Status UnknownValue(absl::string_view axis, int value) {
  return absl::InvalidArgumentError(absl::StrCat("tokenizer: normalizer.", axis, " ", value,
                                                 " is not supported by this version"));
}

absl::Status CheckAxes(const NormalizerData& data) {
  switch (data.invalid_utf8) {
    case InvalidUtf8::kReplaceEachByte:
    case InvalidUtf8::kReplaceMaximalSubpart:
      break;
    default:
      return UnknownValue("invalid_utf8", static_cast<int>(data.invalid_utf8));
  }
  switch (data.unicode_form) {
    case UnicodeForm::kNone:
    case UnicodeForm::kNfc:
    case UnicodeForm::kCharsMap:
    case UnicodeForm::kClusterCharsMap:
      break;
    default:
      return UnknownValue("unicode_form", static_cast<int>(data.unicode_form));
  }
  switch (data.space_prefix) {
    case SpacePrefix::kNone:
    case SpacePrefix::kFirstSegment:
    case SpacePrefix::kEverySegment:
    case SpacePrefix::kFirstSegmentUnlessSpaced:
    case SpacePrefix::kEverySegmentUnlessSpaced:
      break;
    default:
      return UnknownValue("space_prefix", static_cast<int>(data.space_prefix));
  }
  return absl::OkStatus();
}

// Characters that no mark joins: controls, separators of lines, and what only formats.
bool StandsAlone(uint32_t codepoint) {
  return codepoint < 0x20 || (codepoint >= 0x7F && codepoint < 0xA0) || codepoint == 0xAD ||
         codepoint == 0x200B || codepoint == 0x200E || codepoint == 0x200F ||
         (codepoint >= 0x2028 && codepoint <= 0x202E) ||
         (codepoint >= 0x2060 && codepoint <= 0x206F) || codepoint == 0xFEFF;
}

// Returns the bytes of the first character of `text` with the marks behind it; \r\n is one.
size_t ClusterLength(absl::string_view text) {
  if (absl::StartsWith(text, "\r\n")) return 2;
  const Utf8Char first = DecodeUtf8(text);
  size_t end = first.length;
  if (StandsAlone(first.codepoint)) return end;
  while (end < text.size()) {
    const Utf8Char next = DecodeUtf8(text.substr(end));
    const bool mark = (CaseOf(next.codepoint) == CaseClass::kCaseless &&
                       ClassOf(next.codepoint) != CharClass::kLetter) ||
                      next.codepoint == 0x200C || next.codepoint == 0x200D;
    if (!mark) break;
    end += next.length;
  }
  return end;
}

// Returns `text` without spaces at its ends and with single spaces inside.
std::string RemoveExtraSpaces(absl::string_view text) {
  std::string kept;
  kept.reserve(text.size());
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return kept;
    if (!kept.empty()) kept.push_back(' ');
    const size_t run = std::min(text.find(' '), text.size());
    kept.append(text.data(), run);
    text.remove_prefix(run);
  }
}

}  // namespace

absl::StatusOr<Normalizer> Normalizer::Create(const NormalizerData& data, ByteTrie kept) {
  ABSL_RETURN_IF_ERROR(CheckAxes(data));
  Normalizer normalizer(data, std::move(kept));
  if (data.unicode_form == UnicodeForm::kCharsMap ||
      data.unicode_form == UnicodeForm::kClusterCharsMap) {
    ABSL_ASSIGN_OR_RETURN(normalizer.charsmap_, CharsMap::Create(data.charsmap));
    normalizer.data_.charsmap.clear();  // the table has its own copy
    normalizer.FindPlainPairs();
  }
  return normalizer;
}

absl::string_view Normalizer::Repair(absl::string_view text, std::string& storage) const {
  // The table sees characters only: what replaces ill-formed bytes must not be replaced again.
  if (data_.unicode_form == UnicodeForm::kCharsMap) return text;
  size_t good = WellFormedPrefix(text);
  if (good == text.size()) return text;
  storage.clear();
  while (true) {
    storage.append(text.data(), good);
    text.remove_prefix(good);
    if (text.empty()) return storage;
    storage.append(kReplacementText.data(), kReplacementText.size());
    const bool each_byte = data_.invalid_utf8 == InvalidUtf8::kReplaceEachByte;
    text.remove_prefix(each_byte ? 1 : DecodeUtf8(text).length);
    good = WellFormedPrefix(text);
  }
}

void Normalizer::FindPlainPairs() {
  for (size_t first = 0; first < 128; ++first) {
    if (kept_.CanBegin(static_cast<unsigned char>(first))) continue;
    for (size_t second = 0; second < 128; ++second) {
      const char pair[2] = {static_cast<char>(first), static_cast<char>(second)};
      const bool plain = !charsmap_->MayConcern(absl::string_view(pair, 2));
      plain_pairs_[first][second / 64] |= uint64_t{plain} << second % 64;
    }
  }
}

// Returns how many characters at the front of `text` surely stay as they are.
size_t Normalizer::PlainPrefix(absl::string_view text) const {
  size_t pos = 0;
  for (; pos + 1 < text.size(); ++pos) {
    const size_t first = static_cast<unsigned char>(text[pos]);
    const size_t second = static_cast<unsigned char>(text[pos + 1]);
    if ((first | second) >= 128) break;
    if ((plain_pairs_[first][second / 64] >> second % 64 & 1) == 0) break;
  }
  return pos;
}

std::string Normalizer::ApplyCharsMap(absl::string_view text) const {
  std::string mapped;
  mapped.reserve(text.size());
  while (true) {
    const size_t plain = PlainPrefix(text);
    mapped.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    size_t length = kept_.Longest(text).length;
    absl::string_view replacement = text.substr(0, length);
    if (length == 0) {
      const CharsMap::Replacement found = charsmap_->Find(text);
      length = found.length;
      replacement = found.text;
    }
    if (length == 0) {
      const Utf8Char character = DecodeUtf8(text);
      const bool each_byte = data_.invalid_utf8 == InvalidUtf8::kReplaceEachByte;
      length = character.well_formed || !each_byte ? character.length : 1;
      replacement = character.well_formed ? text.substr(0, length) : kReplacementText;
    }
    mapped.append(replacement.data(), replacement.size());
    text.remove_prefix(length);
  }
  return mapped;
}

std::string Normalizer::ApplyClusterMap(absl::string_view text) const {
  constexpr size_t kMaxClusterBytes = 5;
  std::string mapped;
  mapped.reserve(text.size());
  while (true) {
    const size_t plain = PlainPrefix(text);
    mapped.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) return mapped;
    const size_t character = DecodeUtf8(text).length;
    size_t length = ClusterLength(text);
    if (length > kMaxClusterBytes) length = character;
    CharsMap::Replacement found = charsmap_->FindShortest(text.substr(0, length));
    if (found.length == 0) {
      length = character;
      found = charsmap_->FindShortest(text.substr(0, length));
    }
    const absl::string_view replacement = found.length == 0 ? text.substr(0, length) : found.text;
    mapped.append(replacement.data(), replacement.size());
    text.remove_prefix(length);
  }
}

bool Normalizer::WantsPrefix(absl::string_view text, TextPosition position) const {
  if (text.empty()) return false;
  const bool first = position == TextPosition::kStart;
  const bool spaced = absl::StartsWith(text, " ") ||
                      (data_.escape_spaces && absl::StartsWith(text, kEscapedSpaceText));
  switch (data_.space_prefix) {
    case SpacePrefix::kNone:
      return false;
    case SpacePrefix::kFirstSegment:
      return first;
    case SpacePrefix::kEverySegment:
      return true;
    case SpacePrefix::kFirstSegmentUnlessSpaced:
      return first && !spaced;
    case SpacePrefix::kEverySegmentUnlessSpaced:
      return !spaced;
  }
  return false;
}

absl::string_view Normalizer::Normalize(absl::string_view text, TextPosition position,
                                        std::string& storage) const {
  std::string formed;
  bool changed = true;
  if (data_.unicode_form == UnicodeForm::kNfc && !IsSurelyComposed(text)) {
    formed = ComposeCanonically(text);
    text = formed;
  } else if (charsmap_.has_value()) {
    const bool clusters = data_.unicode_form == UnicodeForm::kClusterCharsMap;
    formed = clusters ? ApplyClusterMap(text) : ApplyCharsMap(text);
    text = formed;
  } else {
    changed = false;
  }
  if (data_.remove_extra_whitespaces) {
    std::string single = RemoveExtraSpaces(text);
    formed.swap(single);
    text = formed;
    changed = true;
  }
  const bool prefix = WantsPrefix(text, position);
  if (!data_.escape_spaces && !prefix) {
    if (!changed) return text;
    storage.swap(formed);
    return storage;
  }
  const absl::string_view space = data_.escape_spaces ? kEscapedSpaceText : " ";
  storage.clear();
  storage.reserve(text.size() + text.size() / 2 + space.size());
  if (prefix) storage.append(space.data(), space.size());
  while (!text.empty()) {
    const size_t run = data_.escape_spaces ? std::min(text.find(' '), text.size()) : text.size();
    storage.append(text.data(), run);
    text.remove_prefix(run);
    if (text.empty()) break;
    storage.append(space.data(), space.size());
    text.remove_prefix(1);
  }
  return storage;
}

}  // namespace inkling
