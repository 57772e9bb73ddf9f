// Few tokens, so a list of them is searched from end to end.

#include "src/session/tools/tool_markers.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/tokenizer_data.h"
#include "src/format/tool_template_data.h"

namespace inkling {
namespace {

// Numbers of markers are one byte, which isn't NUL.
constexpr size_t kMostMarkers = 100;

}  // namespace

ToolMarkers::ToolMarkers(const TokenizerData& data, absl::Span<const int32_t> stop_tokens,
                         const ToolCallFormat& format)
    : format_(format) {
  const absl::string_view texts[] = {format.begin, format.prefix,    format.suffix,
                                     format.end,   format.separator, format.text_quote};
  for (const AddedToken& token : data.added_tokens) {
    if (token.content.empty() || markers_.size() == kMostMarkers) continue;
    const bool is_used = absl::c_any_of(
        texts, [&](absl::string_view text) { return absl::StrContains(text, token.content); });
    if (is_used)
      markers_.push_back({token.content, token.id, absl::c_linear_search(stop_tokens, token.id)});
  }
  for (std::string* text : {&format_.begin, &format_.prefix, &format_.suffix, &format_.end,
                            &format_.separator, &format_.text_quote}) {
    *text = Encode(*text);
  }
}

const ToolMarkers::Marker* ToolMarkers::MarkerAt(absl::string_view text) const {
  const Marker* found = nullptr;
  for (const Marker& marker : markers_) {
    if (absl::StartsWith(text, marker.content) &&
        (found == nullptr || found->content.size() < marker.content.size())) {
      found = &marker;
    }
  }
  return found;
}

std::string ToolMarkers::Encode(absl::string_view text) const {
  std::string encoded;
  while (!text.empty()) {
    const Marker* const marker = MarkerAt(text);
    if (marker == nullptr) {
      encoded.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    if (marker->is_stop) break;
    encoded.push_back(kEscape);
    encoded.push_back(static_cast<char>(1 + (marker - markers_.data())));
    text.remove_prefix(marker->content.size());
  }
  return encoded;
}

std::vector<std::pair<int32_t, std::string>> ToolMarkers::tokens() const {
  std::vector<std::pair<int32_t, std::string>> tokens;
  for (const Marker& marker : markers_) {
    if (!marker.is_stop) tokens.emplace_back(marker.token, Encode(marker.content));
  }
  return tokens;
}

std::string ToolMarkers::key() const {
  std::string key;
  for (const Marker& marker : markers_) absl::StrAppend(&key, marker.token, ",");
  return key;
}

}  // namespace inkling
