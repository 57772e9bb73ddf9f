// Normalizer, decoder and post-processor of a tokenizer.json (see tokenizer_pipeline.h); the
// pre-tokenizer has a file of its own.

#include "converter/tokenizer/tokenizer_pipeline.h"

#include <cstdint>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

// Appends the stages of a tree of Sequence objects, in order.
void Flatten(const Json& stage, const char* list_key, std::vector<const Json*>& stages) {
  if (!stage.is_object()) return;
  if (StringField(stage, "type") != "Sequence") {
    stages.push_back(&stage);
    return;
  }
  const Json& list = Field(stage, list_key);
  if (!list.is_array()) return;
  for (const Json& inner : list) Flatten(inner, list_key, stages);
}

bool HasStage(const Json& tree, const char* list_key, absl::string_view type) {
  std::vector<const Json*> stages;
  Flatten(tree, list_key, stages);
  for (const Json* stage : stages) {
    if (StringField(*stage, "type") == type) return true;
  }
  return false;
}

// Whether a Replace stage turns `from` into `to`.
bool Replaces(const Json& stage, absl::string_view from, absl::string_view to) {
  return StringField(Field(stage, "pattern"), "String") == from &&
         StringField(stage, "content") == to;
}

absl::Status ReadDecoderStage(const Json& stage, TokenizerData& data) {
  DecoderData& decoder = data.decoder;
  const std::string type = StringField(stage, "type");
  if (type == "ByteLevel") {
    decoder.byte_runs = ByteRunText::kLossyUtf8;
  } else if (type == "Replace" && Replaces(stage, kEscapedSpaceText, " ")) {
    decoder.unescape_spaces = true;
  } else if (type == "ByteFallback") {
    decoder.byte_runs = ByteRunText::kReplaceWholeRun;
  } else if (type == "Strip") {
    const Json& start = Field(stage, "start");
    const Json& stop = Field(stage, "stop");
    const bool one_space = StringField(stage, "content") == " " && start.is_number_integer() &&
                           start == 1 && stop.is_number_integer() && stop == 0;
    if (!one_space) return UnsupportedInTokenizerJson(absl::StrCat("decoder ", stage.dump()));
    decoder.leading_space = LeadingSpace::kStripOne;
  } else if (type == "Metaspace") {
    decoder.unescape_spaces = true;
    const bool prefixed = StringField(stage, "prepend_scheme", "always") != "never" &&
                          BoolField(stage, "add_prefix_space", true);
    if (prefixed) decoder.leading_space = LeadingSpace::kStripAllInFirstPiece;
  } else if (type != "Fuse") {
    return UnsupportedInTokenizerJson(absl::StrCat("decoder ", type));
  }
  return absl::OkStatus();
}

// Reads a TemplateProcessing for single texts: [special] text [special].
absl::Status ReadTemplate(const Json& stage, TokenizerData& data) {
  const Json& single = Field(stage, "single");
  const Json& tokens = Field(stage, "special_tokens");
  bool behind_text = false;
  if (!single.is_array()) {
    return UnsupportedInTokenizerJson("a TemplateProcessing without a single template");
  }
  for (const Json& item : single) {
    if (item.contains("Sequence")) {
      behind_text = true;
      continue;
    }
    const std::string name = StringField(Field(item, "SpecialToken"), "id");
    const Json& ids = Field(Field(tokens, name.c_str()), "ids");
    const bool one_id = ids.is_array() && ids.size() == 1 && ids[0].is_number_integer();
    int32_t& id = behind_text ? data.eos_id : data.bos_id;
    bool& added = behind_text ? data.add_eos : data.add_bos;
    if (!one_id || added) {
      return UnsupportedInTokenizerJson(absl::StrCat("post_processor template ", single.dump()));
    }
    id = ids[0].get<int32_t>();
    added = true;
  }
  return absl::OkStatus();
}

// A Precompiled normalizer: SentencePiece's table of replacements in base64. Empty: none.
absl::Status ReadCharsMap(const Json& stage, NormalizerData& normalizer) {
  const std::string text = StringField(stage, "precompiled_charsmap");
  if (!absl::Base64Unescape(text, &normalizer.charsmap)) {
    return InvalidTokenizerJson("normalizer.precompiled_charsmap: expected base64");
  }
  if (!normalizer.charsmap.empty()) normalizer.unicode_form = UnicodeForm::kClusterCharsMap;
  return absl::OkStatus();
}

}  // namespace

absl::Status InvalidTokenizerJson(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("tokenizer.json: ", what));
}

absl::Status UnsupportedInTokenizerJson(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("tokenizer.json: ", what, " is not supported"));
}

std::string StringField(const Json& object, const char* key, const std::string& fallback) {
  const Json& value = Field(object, key);
  return value.is_string() ? value.get<std::string>() : fallback;
}

bool BoolField(const Json& object, const char* key, bool fallback) {
  const Json& value = Field(object, key);
  return value.is_boolean() ? value.get<bool>() : fallback;
}

const Json& Field(const Json& object, const char* key) {
  static const Json& null = *new Json();
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

bool IsByteLevel(const Json& tokenizer) {
  return HasStage(Field(tokenizer, "pre_tokenizer"), "pretokenizers", "ByteLevel");
}

absl::Status ReadNormalizer(const Json& tokenizer, TokenizerData& data) {
  const Json& tree = Field(tokenizer, "normalizer");
  if (!tree.is_null() && !tree.is_object()) {
    return UnsupportedInTokenizerJson("a normalizer that is no object");
  }
  std::vector<const Json*> stages;
  Flatten(tree, "normalizers", stages);
  NormalizerData& normalizer = data.normalizer;
  for (const Json* stage : stages) {
    const std::string type = StringField(*stage, "type");
    if (type == "NFC" && stage == stages.front()) {
      normalizer.unicode_form = UnicodeForm::kNfc;
    } else if (type == "Precompiled" && stage == stages.front()) {
      ABSL_RETURN_IF_ERROR(ReadCharsMap(*stage, normalizer));
    } else if (type == "Prepend" && StringField(*stage, "prepend") == kEscapedSpaceText) {
      normalizer.space_prefix = SpacePrefix::kEverySegment;
    } else if (type == "Replace" && Replaces(*stage, " ", kEscapedSpaceText)) {
      normalizer.escape_spaces = true;
    } else {
      return UnsupportedInTokenizerJson(absl::StrCat("normalizer ", stage->dump().substr(0, 200)));
    }
  }
  if (normalizer.space_prefix != SpacePrefix::kNone && !normalizer.escape_spaces) {
    return UnsupportedInTokenizerJson("a Prepend normalizer without a Replace of spaces");
  }
  return absl::OkStatus();
}

absl::Status ReadDecoder(const Json& tokenizer, TokenizerData& data) {
  std::vector<const Json*> stages;
  Flatten(Field(tokenizer, "decoder"), "decoders", stages);
  if (stages.empty()) return UnsupportedInTokenizerJson("a tokenizer without a decoder");
  bool fused = false;  // from there on, stages see the whole text instead of one piece
  bool stripped = false;
  for (const Json* stage : stages) {
    const std::string type = StringField(*stage, "type");
    const bool whole = type == "Strip";
    const bool of_pieces = type == "ByteFallback" || type == "Metaspace";
    if (stripped || (whole && !fused) || (of_pieces && fused)) {
      return UnsupportedInTokenizerJson(absl::StrCat("the decoder ", type, " in this place"));
    }
    fused = fused || type == "Fuse";
    stripped = stripped || whole;
    ABSL_RETURN_IF_ERROR(ReadDecoderStage(*stage, data));
  }
  const bool bytes = data.kind == TokenizerKind::kByteLevelBpe;
  if (!bytes && HasStage(Field(tokenizer, "decoder"), "decoders", "ByteLevel")) {
    return UnsupportedInTokenizerJson("a byte-level decoder without a byte-level pre_tokenizer");
  }
  if (bytes && (stages.size() != 1 || StringField(*stages[0], "type") != "ByteLevel")) {
    return UnsupportedInTokenizerJson("a byte-level pre_tokenizer with another decoder");
  }
  const bool byte_pieces = data.decoder.byte_runs == ByteRunText::kReplaceWholeRun;
  if (data.byte_fallback && !byte_pieces) {
    if (data.kind != TokenizerKind::kUnigram) {
      return UnsupportedInTokenizerJson("byte_fallback without a ByteFallback decoder");
    }
    // Such files decode "<0x0A>" to its spelling; the byte is what it stands for.
    data.decoder.byte_runs = ByteRunText::kReplaceWholeRun;
  }
  return absl::OkStatus();
}

absl::Status ReadPostProcessor(const Json& tokenizer, TokenizerData& data) {
  std::vector<const Json*> stages;
  Flatten(Field(tokenizer, "post_processor"), "processors", stages);
  for (const Json* stage : stages) {
    const std::string type = StringField(*stage, "type");
    if (type == "ByteLevel") continue;  // changes offsets only
    if (type != "TemplateProcessing") {
      return UnsupportedInTokenizerJson(absl::StrCat("post_processor ", type));
    }
    ABSL_RETURN_IF_ERROR(ReadTemplate(*stage, data));
  }
  return absl::OkStatus();
}

}  // namespace inkling
