// Recognises a vocabulary file by its content and reads it (see tokenizer_import.h). Folders are
// tokenizer_folder.cc's.

#include "converter/tokenizer/tokenizer_import.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "converter/files/gguf_header.h"
#include "converter/files/input_file.h"
#include "converter/templates/chat_template.h"
#include "converter/tokenizer/tokenizer_import_gguf.h"
#include "src/text/pieces.h"

namespace inkling {
namespace {

// Twice the largest published tokenizer.json.
constexpr int64_t kMaxTokenizerBytes = int64_t{64} << 20;

absl::StatusOr<TokenizerData> ParseByContent(absl::string_view bytes) {
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first != absl::string_view::npos && bytes[first] == '{') return ParseTokenizerJson(bytes);
  // A SentencePiece model begins with its first piece: field 1, length-delimited. A tokenizer.bin
  // begins with the length of its longest piece; 0x0A in that place is the unlikely length 10, and
  // then the next bytes are zeros.
  const bool model = bytes.size() > 4 && bytes[0] == 0x0A && (bytes[1] != 0 || bytes[2] != 0);
  return model ? ParseSentencePieceModel(bytes) : ParseLlama2cTokenizer(bytes);
}

}  // namespace

absl::StatusOr<ImportedTokenizer> CheckedTokenizer(absl::StatusOr<TokenizerData> data,
                                                   const std::string& path) {
  absl::Status status = data.ok() ? CheckTokenizerData(*data) : data.status();
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  }
  ImportedTokenizer imported;
  imported.tokenizer = *std::move(data);
  imported.source = path;
  imported.prompt_template = RecognizeChatTemplate("", {});
  return imported;
}

absl::StatusOr<ImportedTokenizer> ImportTokenizerFile(const std::string& path) {
  ABSL_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  if (IsGguf(file)) return ImportTokenizerGguf(file);
  ABSL_ASSIGN_OR_RETURN(std::string bytes, ReadWholeFile(path, kMaxTokenizerBytes));
  if (bytes.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a tokenizer, found an empty file"));
  }
  const bool is_json = absl::EndsWith(path, ".json");  // even where it is damaged
  return CheckedTokenizer(is_json ? ParseTokenizerJson(bytes) : ParseByContent(bytes), path);
}

}  // namespace inkling
