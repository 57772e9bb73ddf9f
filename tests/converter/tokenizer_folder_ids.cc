// Prints what a folder's tokenizer makes of texts, as JSON: for tokenizer_folders_test.py, which
// compares it with transformers. Usage: tokenizer_folder_ids FOLDER < texts.json

#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "converter/tokenizer/tokenizer_import.h"
#include "nlohmann/json.hpp"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

absl::StatusOr<Json> Describe(const std::string& folder, const Json& texts) {
  absl::StatusOr<ImportedTokenizer> imported = ImportTokenizerFolder(folder);
  if (!imported.ok()) return imported.status();
  const TokenizerData& data = imported->tokenizer;
  Json result = {{"bos", data.bos_id},      {"eos", data.eos_id},       {"stops", data.stop_ids},
                 {"pad", data.pad_id},      {"notes", imported->notes}, {"ids", Json::array()},
                 {"framed", Json::array()}, {"decoded", Json::array()}};
  auto tokenizer = Tokenizer::Create(std::move(imported->tokenizer));
  if (!tokenizer.ok()) return tokenizer.status();
  for (const Json& text : texts) {
    for (const auto& [key, added] : {std::pair<const char*, AddedIds>{"ids", AddedIds::kNone},
                                     {"framed", AddedIds::kAsVocabularySays}}) {
      EncodeOptions options;
      options.markup = Markup::kParse;
      options.added_ids = added;
      const auto ids = (*tokenizer)->Encode(text.get<std::string>(), options);
      if (!ids.ok()) return ids.status();
      result[key].push_back(*ids);
      if (added != AddedIds::kNone) continue;
      DecodeOptions show;
      show.special_tokens = SpecialTokenText::kShow;
      const auto decoded = (*tokenizer)->Decode(*ids, show);
      if (!decoded.ok()) return decoded.status();
      result["decoded"].push_back(*decoded);
    }
  }
  return result;
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tokenizer_folder_ids FOLDER < texts.json\n";
    return 2;
  }
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  const auto result = inkling::Describe(argv[1], nlohmann::json::parse(input, nullptr, false));
  if (result.ok()) {
    std::cout << result->dump() << "\n";
  } else {
    const nlohmann::json error = {{"error", std::string(result.status().message())}};
    std::cout << error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  }
  return 0;
}
