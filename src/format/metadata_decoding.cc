// DecodeMetadata: one function per table of model_metadata.fbs, after the flatbuffers verifier.
// Mirrors metadata_encoding.cc. What is copied here is judged by ValidateMetadata afterwards.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "flatbuffers/flatbuffers.h"
#include "src/format/container.h"
#include "src/format/model_metadata.h"
#include "src/format/model_metadata_generated.h"
#include "src/format/tokenizer_bounds.h"

namespace inkling {
namespace {

// An added token is a table; vocabularies have some thousands.
constexpr flatbuffers::uoffset_t kMaxTables = 1 << 20;
constexpr flatbuffers::uoffset_t kMaxDepth = 16;
constexpr size_t kModelIdDigits = 32;

// Copies tables into structs. A flatbuffer's tables may share their parts, so a small hostile file
// could ask for any amount of memory: what is copied is counted, and more than the file holds is
// refused.
class TableCopier {
 public:
  explicit TableCopier(size_t budget) : budget_(budget) {}

  // Something was left out, because the budget was spent.
  bool overdrawn() const { return overdrawn_; }

  std::string Text(const flatbuffers::Vector<uint8_t>* bytes) {
    if (bytes == nullptr || !Spend(bytes->size())) return {};
    return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }

  template <typename T>
  std::vector<T> Numbers(const flatbuffers::Vector<T>* values) {
    std::vector<T> result;
    if (values == nullptr || !Spend(values->size() * sizeof(T))) return result;
    result.reserve(values->size());
    for (flatbuffers::uoffset_t i = 0; i < values->size(); ++i) result.push_back(values->Get(i));
    return result;
  }

  RopeTableConfig Decode(const wire::RopeTable& table) {
    return {.frequencies = Numbers(table.frequencies()),
            .attention_factor = table.attention_factor(),
            .long_frequencies = Numbers(table.long_frequencies()),
            .long_attention_factor = table.long_attention_factor(),
            .long_from = table.long_from()};
  }

  ModelConfig Decode(const wire::Config& table) {
    ModelConfig config;
    config.vocab_size = table.vocab_size();
    config.hidden_dim = table.hidden_dim();
    config.num_layers = table.num_layers();
    config.context_length = table.context_length();
    config.num_heads = table.num_heads();
    config.num_kv_heads = table.num_kv_heads();
    config.head_dim = table.head_dim();
    config.feed_forward_dim = table.feed_forward_dim();
    config.norm = static_cast<NormKind>(table.norm());
    config.norm_has_bias = table.norm_has_bias();
    config.norm_epsilon = table.norm_epsilon();
    config.post_norms = table.post_norms();
    config.query_key_norm = static_cast<QueryKeyNorm>(table.query_key_norm());
    config.query_key_norm_kind = static_cast<NormKind>(table.query_key_norm_kind());
    config.residual = static_cast<ResidualKind>(table.residual());
    config.position = static_cast<PositionKind>(table.position());
    config.rotary_dim = table.rotary_dim();
    if (table.rope_tables() != nullptr) {
      for (const wire::RopeTable* rope : *table.rope_tables())
        config.rope_tables.push_back(Decode(*rope));
    }
    config.alibi_slopes = Numbers(table.alibi_slopes());
    config.attention_scale = table.attention_scale();
    config.attention_soft_cap = table.attention_soft_cap();
    config.query_key_value_bias = table.query_key_value_bias();
    config.attention_output_bias = table.attention_output_bias();
    if (table.layers() != nullptr && Spend(table.layers()->size() * sizeof(wire::Layer))) {
      for (const wire::Layer* layer : *table.layers())
        config.layers.push_back({layer->window(), layer->rope_table()});
    }
    config.feed_forward = static_cast<FeedForwardKind>(table.feed_forward());
    config.activation = static_cast<Activation>(table.activation());
    config.feed_forward_bias = table.feed_forward_bias();
    config.embedding_scale = table.embedding_scale();
    config.tied_head = table.tied_head();
    config.head_bias = table.head_bias();
    config.logit_soft_cap = table.logit_soft_cap();
    return config;
  }

  NormalizerData Decode(const wire::Normalizer& table) {
    return {.invalid_utf8 = static_cast<InvalidUtf8>(table.invalid_utf8()),
            .unicode_form = static_cast<UnicodeForm>(table.unicode_form()),
            .charsmap = Text(table.charsmap()),
            .remove_extra_whitespaces = table.remove_extra_whitespaces(),
            .escape_spaces = table.escape_spaces(),
            .space_prefix = static_cast<SpacePrefix>(table.space_prefix())};
  }

  AddedToken Decode(const wire::AddedToken& table) {
    return {.id = table.id(),
            .content = Text(table.content()),
            .match_normalized = table.match_normalized(),
            .special = table.special(),
            .markup = table.markup(),
            .strip_left = table.strip_left(),
            .strip_right = table.strip_right(),
            .single_word = table.single_word()};
  }

  DecoderData Decode(const wire::Decoder& table) {
    return {.byte_runs = static_cast<ByteRunText>(table.byte_runs()),
            .leading_space = static_cast<LeadingSpace>(table.leading_space()),
            .unescape_spaces = table.unescape_spaces(),
            .unknown_text = Text(table.unknown_text())};
  }

  TokenizerData Decode(const wire::Tokenizer& table) {
    TokenizerData tokenizer;
    tokenizer.kind = static_cast<TokenizerKind>(table.kind());
    tokenizer.piece_bytes = Text(table.piece_bytes());
    tokenizer.piece_offsets = Numbers(table.piece_offsets());
    tokenizer.piece_types = Numbers(table.piece_types());
    tokenizer.piece_scores = Numbers(table.piece_scores());
    if (table.merges() != nullptr && Spend(table.merges()->size() * sizeof(wire::Merge))) {
      tokenizer.merges.reserve(table.merges()->size());
      for (const wire::Merge* merge : *table.merges()) {
        tokenizer.merges.push_back({merge->left(), merge->right(), merge->result()});
      }
    }
    tokenizer.merge_priority = static_cast<MergePriority>(table.merge_priority());
    tokenizer.hidden_codepoints = Numbers(table.hidden_codepoints());
    tokenizer.whole_words_first = table.whole_words_first();
    tokenizer.byte_fallback = table.byte_fallback();
    tokenizer.fuse_unknown = table.fuse_unknown();
    tokenizer.normalizer = Decode(*table.normalizer());
    if (table.word_splits() != nullptr) {
      for (const wire::WordSplit* split : *table.word_splits()) {
        tokenizer.word_splits.push_back(
            {static_cast<WordSplit>(split->split()), split->max_digits()});
      }
    }
    if (table.added_tokens() != nullptr) {
      for (const wire::AddedToken* token : *table.added_tokens())
        tokenizer.added_tokens.push_back(Decode(*token));
    }
    tokenizer.decoder = Decode(*table.decoder());
    tokenizer.bos_id = table.bos_id();
    tokenizer.eos_id = table.eos_id();
    tokenizer.unk_id = table.unk_id();
    tokenizer.pad_id = table.pad_id();
    tokenizer.stop_ids = Numbers(table.stop_ids());
    tokenizer.add_bos = table.add_bos();
    tokenizer.add_eos = table.add_eos();
    tokenizer.exact_scores = Numbers(table.exact_scores());
    return tokenizer;
  }

  RoleText Decode(const wire::RoleText& table) {
    return {.prefix = Text(table.prefix()), .suffix = Text(table.suffix())};
  }

  PastAnswerData Decode(const wire::PastAnswers& table) {
    return {.cut = static_cast<ThoughtCut>(table.cut()),
            .begin = Text(table.begin()),
            .end = Text(table.end()),
            .needs_begin = table.needs_begin(),
            .trim = static_cast<TextTrim>(table.trim()),
            .trim_newlines = table.trim_newlines()};
  }

  using StopStrings = flatbuffers::Vector<flatbuffers::Offset<wire::StopString>>;
  using ToolTextParts = flatbuffers::Vector<flatbuffers::Offset<wire::ToolTextPart>>;

  std::vector<std::string> Decode(const StopStrings* strings) {
    std::vector<std::string> texts;
    if (strings == nullptr) return texts;
    for (const wire::StopString* string : *strings) texts.push_back(Text(string->text()));
    return texts;
  }

  ToolText Decode(const ToolTextParts* parts) {
    ToolText text;
    if (parts == nullptr) return text;
    for (const wire::ToolTextPart* part : *parts) {
      if (!Spend(1)) break;  // tables that are shared cost nothing else where they are empty
      text.push_back({Text(part->text()), static_cast<ToolField>(part->field())});
    }
    return text;
  }

  ToolCallFormat Decode(const wire::ToolCallFormat& table) {
    return {.syntax = static_cast<ToolCallSyntax>(table.syntax()),
            .begin = Text(table.begin()),
            .prefix = Text(table.prefix()),
            .suffix = Text(table.suffix()),
            .separator = Text(table.separator()),
            .end = Text(table.end()),
            .name_key = Text(table.name_key()),
            .arguments_key = Text(table.arguments_key()),
            .id_key = Text(table.id_key()),
            .text_quote = Text(table.text_quote()),
            .null_text = Text(table.null_text()),
            .id_length = table.id_length(),
            .one_call = table.one_call()};
  }

  ToolTemplateData Decode(const wire::ToolTemplate& table) {
    return {.call = Decode(*table.call()),
            .placement = static_cast<ToolPlacement>(table.placement()),
            .declaration = Decode(table.declaration()),
            .declaration_separator = Text(table.declaration_separator()),
            .omits_missing_descriptions = table.omits_missing_descriptions(),
            .json_indent = table.json_indent(),
            .system = Decode(table.system()),
            .no_system = Decode(table.no_system()),
            .user = Decode(table.user()),
            .user_with_system = Decode(table.user_with_system()),
            .calls = Decode(table.calls()),
            .calls_with_text = Decode(table.calls_with_text()),
            .results_prefix = Text(table.results_prefix()),
            .result = Decode(table.result()),
            .object_result = Decode(table.object_result()),
            .results_separator = Text(table.results_separator()),
            .results_suffix = Text(table.results_suffix()),
            .trim_result = table.trim_result(),
            .results_stay_in_turn = table.results_stay_in_turn(),
            .calls_need_results = table.calls_need_results(),
            .results_need_answer = table.results_need_answer(),
            .keeps_recent_thoughts = table.keeps_recent_thoughts(),
            .stop_strings = Decode(table.stop_strings())};
  }

  PromptTemplateData Decode(const wire::PromptTemplate& table) {
    PromptTemplateData prompt_template;
    prompt_template.name = Text(table.name());
    prompt_template.note = Text(table.note());
    prompt_template.session_prefix = Text(table.session_prefix());
    prompt_template.user = Decode(*table.user());
    prompt_template.model = Decode(*table.model());
    prompt_template.system = Decode(*table.system());
    prompt_template.system_placement = static_cast<SystemPlacement>(table.system_placement());
    prompt_template.default_system = Text(table.default_system());
    prompt_template.system_always = table.system_always();
    prompt_template.generation_prompt = Text(table.generation_prompt());
    prompt_template.trim_user = static_cast<TextTrim>(table.trim_user());
    prompt_template.trim_model = static_cast<TextTrim>(table.trim_model());
    prompt_template.trim_system = static_cast<TextTrim>(table.trim_system());
    prompt_template.trim_system_with_user = table.trim_system_with_user();
    prompt_template.stop_strings = Decode(table.stop_strings());
    prompt_template.stop_ids = Numbers(table.stop_ids());
    prompt_template.trim_model_newlines = table.trim_model_newlines();
    if (table.past_answers() != nullptr) {
      prompt_template.past_answers = Decode(*table.past_answers());
    }
    prompt_template.rewrites_answers = table.rewrites_answers();
    if (table.tools() != nullptr) prompt_template.tools = Decode(*table.tools());
    return prompt_template;
  }

  Provenance Decode(const wire::Provenance& table) {
    return {.source = Text(table.source()),
            .generator = Text(table.generator()),
            .recipe = Text(table.recipe())};
  }

 private:
  bool Spend(size_t bytes) {
    overdrawn_ = overdrawn_ || bytes > budget_;
    if (overdrawn_) return false;
    budget_ -= bytes;
    return true;
  }

  size_t budget_;
  bool overdrawn_ = false;
};

absl::Status CheckModelId(const std::string& model_id) {
  if (model_id.size() == kModelIdDigits &&
      model_id.find_first_not_of("0123456789abcdef") == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("metadata.model_id: expected ", kModelIdDigits,
                                                 " hex digits, found ", model_id.size(), " bytes"));
}

absl::StatusOr<const wire::ModelMetadata*> VerifiedTable(absl::Span<const std::byte> bytes) {
  if (static_cast<int64_t>(bytes.size()) > kMaxMetadataBytes) {
    return absl::InvalidArgumentError(absl::StrCat("metadata: expected at most ", kMaxMetadataBytes,
                                                   " bytes, found ", bytes.size()));
  }
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size(),
                                 {.max_depth = kMaxDepth, .max_tables = kMaxTables});
  if (!wire::VerifyModelMetadataBuffer(verifier)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "metadata: expected a flatbuffer with identifier \"", wire::ModelMetadataIdentifier(),
        "\" in ", bytes.size(), " bytes, found a damaged or foreign one"));
  }
  return wire::GetModelMetadata(data);
}

absl::Status CheckFormatVersion(uint32_t version) {
  if (version == kFormatVersion) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      "metadata.format_version ", version, " is not supported by this version, which reads ",
      kFormatVersion,
      version < kFormatVersion ? ": the file is an earlier version's; convert its checkpoint again"
                               : ""));
}

absl::Status ValidateColumns(const ModelMetadata& metadata) {
  if (!metadata.columns.has_value()) return absl::OkStatus();
  const auto width = static_cast<size_t>(metadata.config.hidden_dim);
  for (const ColumnExponents& one : *metadata.columns) {
    const bool in_range =
        std::all_of(one.exponents.begin(), one.exponents.end(),
                    [](int8_t exponent) { return exponent >= -64 && exponent <= 64; });
    if (one.exponents.size() == width && in_range) continue;
    return absl::InvalidArgumentError(absl::StrCat("metadata.columns of ", one.norm, ": expected ",
                                                   width, " numbers from -64 to 64, found ",
                                                   one.exponents.size(), " or larger ones"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RefuseEarlierFormat(absl::Span<const std::byte> bytes) {
  const absl::StatusOr<const wire::ModelMetadata*> table = VerifiedTable(bytes);
  if (!table.ok() || (*table)->format_version() >= kFormatVersion) return absl::OkStatus();
  return CheckFormatVersion((*table)->format_version());
}

absl::Status ValidateMetadata(const ModelMetadata& metadata) {
  ABSL_RETURN_IF_ERROR(ValidateModelConfig(metadata.config));
  ABSL_RETURN_IF_ERROR(ValidateColumns(metadata));
  ABSL_RETURN_IF_ERROR(ValidateTokenizerBounds(metadata.tokenizer, metadata.config.vocab_size));
  return ValidateTemplateBounds(metadata.prompt_template, metadata.config.vocab_size);
}

absl::StatusOr<ModelMetadata> DecodeMetadata(absl::Span<const std::byte> bytes) {
  ABSL_ASSIGN_OR_RETURN(const wire::ModelMetadata* root, VerifiedTable(bytes));
  const wire::ModelMetadata& table = *root;
  ABSL_RETURN_IF_ERROR(CheckFormatVersion(table.format_version()));
  TableCopier copier(bytes.size());
  ModelMetadata metadata;
  metadata.config = copier.Decode(*table.config());
  metadata.tokenizer = copier.Decode(*table.tokenizer());
  metadata.prompt_template = copier.Decode(*table.prompt_template());
  metadata.provenance = copier.Decode(*table.provenance());
  if (copier.overdrawn()) {
    return absl::InvalidArgumentError(
        "metadata: expected parts that are stored once, found shared ones");
  }
  if (table.columns() != nullptr) {
    metadata.columns.emplace();
    for (const wire::ColumnExponents* one : *table.columns()) {
      metadata.columns->push_back(
          {one->norm()->str(), {one->exponents()->begin(), one->exponents()->end()}});
    }
  }
  metadata.model_id = table.model_id()->str();
  ABSL_RETURN_IF_ERROR(CheckModelId(metadata.model_id));
  ABSL_RETURN_IF_ERROR(ValidateMetadata(metadata));
  return metadata;
}

}  // namespace inkling
