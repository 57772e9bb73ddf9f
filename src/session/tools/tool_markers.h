// ToolMarkers: the vocabulary's own tokens among the marks of a call format.
//
// "<tool_call>" is one token in the vocabularies of models that were trained for it, and the same
// characters in another text aren't the mark. So a mark that is a token is written here as two
// bytes that no UTF-8 has: 0xFF and its number.

#ifndef INKLING_SRC_SESSION_TOOLS_TOOL_MARKERS_H_
#define INKLING_SRC_SESSION_TOOLS_TOOL_MARKERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/tokenizer_data.h"
#include "src/format/tool_template_data.h"

namespace inkling {

class ToolMarkers {
 public:
  static constexpr char kEscape = '\xFF';

  // Of the added tokens of `data` that stand in the texts of `format`. `stop_tokens` end an answer:
  // what follows one in a text of the format isn't generated.
  ToolMarkers(const TokenizerData& data, absl::Span<const int32_t> stop_tokens,
              const ToolCallFormat& format);

  // The format with its marks encoded.
  const ToolCallFormat& format() const { return format_; }
  // The tokens and their texts here.
  std::vector<std::pair<int32_t, std::string>> tokens() const;
  // The same for formats with the same marks.
  std::string key() const;

 private:
  struct Marker {
    std::string content;
    int32_t token = 0;
    bool is_stop = false;
  };
  std::string Encode(absl::string_view text) const;
  // The marker that `text` begins with, the longest; null if none.
  const Marker* MarkerAt(absl::string_view text) const;

  std::vector<Marker> markers_;
  ToolCallFormat format_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_TOOLS_TOOL_MARKERS_H_
