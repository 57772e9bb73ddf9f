// Comparing with golden vectors (see golden_tokenizer.h).

#include "tests/converter/golden_tokenizer.h"

#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/text/pieces.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

std::string Show(const Ids& ids) { return absl::StrCat("[", absl::StrJoin(ids, " "), "]"); }

// Writes bytes in the printable alphabet of byte-level vocabularies, as the golden pieces are
// written.
std::string Printable(absl::string_view bytes) {
  std::string text;
  for (char c : bytes) {
    const uint32_t byte = static_cast<unsigned char>(c);
    uint32_t next = 0x100;
    for (uint32_t b = 0; b <= byte; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b != 0xAD);
      if (b == byte) {
        AppendUtf8(printable ? b : next, text);
      } else if (!printable) {
        ++next;
      }
    }
  }
  return text;
}

class Comparison {
 public:
  Comparison(const Tokenizer& tokenizer, const GoldenOptions& options)
      : tokenizer_(tokenizer), options_(options) {}

  GoldenResult result;

  void Expect(absl::string_view what, absl::string_view input, const std::string& found,
              const std::string& expected) {
    ++result.num_cases;
    if (found == expected) return;
    if (++result.num_mismatches <= 10) {
      absl::StrAppend(&result.report, what, " of '", absl::CEscape(input),
                      "': ", absl::CEscape(found), "\n    expected ", absl::CEscape(expected),
                      "\n");
    }
  }

  Ids Encode(const std::string& text, AddedIds added = AddedIds::kNone) {
    EncodeOptions encode;
    encode.markup = options_.markup;
    encode.added_ids = added;
    const absl::StatusOr<Ids> ids = tokenizer_.Encode(text, encode);
    return ids.ok() ? *ids : Ids{-1};
  }

  void ExpectDecoded(absl::string_view what, const Ids& ids, const std::string& expected,
                     SpecialTokenText special) {
    DecodeOptions decode;
    decode.special_tokens = special;
    const absl::StatusOr<std::string> text = tokenizer_.Decode(ids, decode);
    Expect(what, Show(ids), text.ok() ? *text : std::string(text.status().message()), expected);
    StreamDecoder stream(tokenizer_, decode);
    std::string streamed;
    for (int32_t id : ids) {
      const absl::StatusOr<std::string> chunk = stream.Add(id);
      if (!chunk.ok()) return Expect("streaming", Show(ids), "error", expected);
      if (WellFormedPrefix(*chunk) != chunk->size()) {
        Expect("a streamed chunk", Show(ids), *chunk, "whole characters");
      }
      streamed += *chunk;
    }
    Expect("streamed text", Show(ids), streamed + stream.Flush(), expected);
  }

  std::string PieceName(int32_t id) {
    const TokenizerData& data = tokenizer_.data();
    for (const AddedToken& token : data.added_tokens) {
      if (token.id == id && !token.match_normalized) return token.content;
    }
    const std::string bytes(*tokenizer_.PieceText(id));
    if (TypeOfPiece(data, id) == PieceType::kByte) {
      return absl::StrCat("<0x", absl::AsciiStrToUpper(absl::BytesToHexString(bytes)), ">");
    }
    const bool raw = TypeOfPiece(data, id) != PieceType::kNormal;
    return data.kind == TokenizerKind::kByteLevelBpe && !raw ? Printable(bytes) : bytes;
  }

  void Case(const Json& item) {
    const std::string text = item["text"];
    const Ids ids = Encode(text);
    const Ids expected = item["ids"];
    Expect("ids", text, Show(ids), Show(expected));
    if (item.contains("ids_special")) {
      Expect("ids with additions", text, Show(Encode(text, AddedIds::kAsVocabularySays)),
             Show(item["ids_special"].get<Ids>()));
    }
    if (item.contains("pieces") && ids == expected) {
      std::vector<std::string> pieces;
      for (int32_t id : ids) pieces.push_back(PieceName(id));
      Expect("pieces", text, absl::StrJoin(pieces, "|"),
             absl::StrJoin(item["pieces"].get<std::vector<std::string>>(), "|"));
    }
    if (item.contains("decode")) {
      ExpectDecoded("text", expected, item["decode"], options_.special_tokens);
    }
    if (item.contains("decode_skip")) {
      ExpectDecoded("text without specials", item.value("ids_special", expected),
                    item["decode_skip"], SpecialTokenText::kHide);
    }
  }

 private:
  const Tokenizer& tokenizer_;
  GoldenOptions options_;
};

}  // namespace

nlohmann::json LoadJson(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  Json parsed = Json::parse(text.str(), nullptr, false);
  return parsed.is_discarded() ? Json() : parsed;
}

GoldenResult CompareWithGolden(const Tokenizer& tokenizer, const Json& golden,
                               const GoldenOptions& options) {
  Comparison comparison(tokenizer, options);
  for (const Json& item : golden["cases"]) comparison.Case(item);
  for (const char* key : {"invalid_utf8", "invalid_utf8_as_replacement"}) {
    if (!golden.contains(key)) continue;
    for (const Json& item : golden[key]) {
      const std::string hex = item["hex"];
      std::string bytes;
      if (!absl::HexStringToBytes(hex, &bytes)) bytes = "not hexadecimal";
      const Ids ids = comparison.Encode(bytes);
      comparison.Expect("ids of ill-formed bytes", hex, Show(ids), Show(item["ids"].get<Ids>()));
      if (item.contains("decode")) {
        comparison.ExpectDecoded("ill-formed bytes", item["ids"].get<Ids>(), item["decode"],
                                 options.special_tokens);
      }
    }
  }
  if (golden.contains("decode_random")) {
    for (const Json& item : golden["decode_random"]) {
      comparison.ExpectDecoded("random ids", item["ids"].get<Ids>(), item["decode"],
                               options.special_tokens);
    }
  }
  return std::move(comparison.result);
}

}  // namespace inkling
