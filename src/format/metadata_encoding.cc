// EncodeMetadata: one function per table of model_metadata.fbs. metadata_decoding.cc mirrors it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "flatbuffers/flatbuffers.h"
#include "src/format/content_hash.h"
#include "src/format/model_metadata.h"
#include "src/format/model_metadata_generated.h"

namespace inkling {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

template <typename Enum>
uint8_t Number(Enum value) {
  return static_cast<uint8_t>(value);
}

Offset<flatbuffers::Vector<uint8_t>> Bytes(FlatBufferBuilder& builder, const std::string& text) {
  return builder.CreateVector(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

Offset<wire::RopeTable> Encode(FlatBufferBuilder& builder, const RopeTableConfig& table) {
  const auto frequencies = builder.CreateVector(table.frequencies);
  const auto long_frequencies = builder.CreateVector(table.long_frequencies);
  return wire::CreateRopeTable(builder, frequencies, table.attention_factor, long_frequencies,
                               table.long_attention_factor, table.long_from);
}

Offset<wire::Config> Encode(FlatBufferBuilder& builder, const ModelConfig& config) {
  std::vector<Offset<wire::RopeTable>> tables;
  tables.reserve(config.rope_tables.size());
  for (const RopeTableConfig& table : config.rope_tables) tables.push_back(Encode(builder, table));
  const auto rope_tables = builder.CreateVector(tables);
  const auto alibi_slopes = builder.CreateVector(config.alibi_slopes);
  std::vector<wire::Layer> layer_structs;
  layer_structs.reserve(config.layers.size());
  for (const LayerConfig& layer : config.layers)
    layer_structs.emplace_back(layer.window, layer.rope_table);
  const auto layers = builder.CreateVectorOfStructs(layer_structs);
  wire::ConfigBuilder out(builder);
  out.add_vocab_size(config.vocab_size);
  out.add_hidden_dim(config.hidden_dim);
  out.add_num_layers(config.num_layers);
  out.add_context_length(config.context_length);
  out.add_num_heads(config.num_heads);
  out.add_num_kv_heads(config.num_kv_heads);
  out.add_head_dim(config.head_dim);
  out.add_feed_forward_dim(config.feed_forward_dim);
  out.add_norm(Number(config.norm));
  out.add_norm_has_bias(config.norm_has_bias);
  out.add_norm_epsilon(config.norm_epsilon);
  out.add_post_norms(config.post_norms);
  out.add_query_key_norm(Number(config.query_key_norm));
  out.add_query_key_norm_kind(Number(config.query_key_norm_kind));
  out.add_residual(Number(config.residual));
  out.add_position(Number(config.position));
  out.add_rotary_dim(config.rotary_dim);
  out.add_rope_tables(rope_tables);
  out.add_alibi_slopes(alibi_slopes);
  out.add_attention_scale(config.attention_scale);
  out.add_attention_soft_cap(config.attention_soft_cap);
  out.add_query_key_value_bias(config.query_key_value_bias);
  out.add_attention_output_bias(config.attention_output_bias);
  out.add_layers(layers);
  out.add_feed_forward(Number(config.feed_forward));
  out.add_activation(Number(config.activation));
  out.add_feed_forward_bias(config.feed_forward_bias);
  out.add_embedding_scale(config.embedding_scale);
  out.add_tied_head(config.tied_head);
  out.add_head_bias(config.head_bias);
  out.add_logit_soft_cap(config.logit_soft_cap);
  return out.Finish();
}

Offset<wire::Normalizer> Encode(FlatBufferBuilder& builder, const NormalizerData& normalizer) {
  const auto charsmap = Bytes(builder, normalizer.charsmap);
  return wire::CreateNormalizer(builder, Number(normalizer.invalid_utf8),
                                Number(normalizer.unicode_form), charsmap,
                                normalizer.remove_extra_whitespaces, normalizer.escape_spaces,
                                Number(normalizer.space_prefix));
}

Offset<wire::AddedToken> Encode(FlatBufferBuilder& builder, const AddedToken& token) {
  const auto content = Bytes(builder, token.content);
  return wire::CreateAddedToken(builder, token.id, content, token.match_normalized, token.special,
                                token.markup, token.strip_left, token.strip_right,
                                token.single_word);
}

Offset<wire::Decoder> Encode(FlatBufferBuilder& builder, const DecoderData& decoder) {
  const auto unknown_text = Bytes(builder, decoder.unknown_text);
  return wire::CreateDecoder(builder, Number(decoder.byte_runs), Number(decoder.leading_space),
                             decoder.unescape_spaces, unknown_text);
}

Offset<wire::Tokenizer> Encode(FlatBufferBuilder& builder, const TokenizerData& tokenizer) {
  const auto piece_bytes = Bytes(builder, tokenizer.piece_bytes);
  const auto piece_offsets = builder.CreateVector(tokenizer.piece_offsets);
  const auto piece_types = builder.CreateVector(tokenizer.piece_types);
  const auto piece_scores = builder.CreateVector(tokenizer.piece_scores);
  std::vector<wire::Merge> merge_structs;
  merge_structs.reserve(tokenizer.merges.size());
  for (const TokenizerMerge& merge : tokenizer.merges) {
    merge_structs.emplace_back(merge.left, merge.right, merge.result);
  }
  const auto merges = builder.CreateVectorOfStructs(merge_structs);
  const auto hidden_codepoints = builder.CreateVector(tokenizer.hidden_codepoints);
  const auto normalizer = Encode(builder, tokenizer.normalizer);
  std::vector<Offset<wire::WordSplit>> splits;
  splits.reserve(tokenizer.word_splits.size());
  for (const WordSplitData& split : tokenizer.word_splits) {
    splits.push_back(wire::CreateWordSplit(builder, Number(split.split), split.max_digits));
  }
  const auto word_splits = builder.CreateVector(splits);
  std::vector<Offset<wire::AddedToken>> tokens;
  tokens.reserve(tokenizer.added_tokens.size());
  for (const AddedToken& token : tokenizer.added_tokens) tokens.push_back(Encode(builder, token));
  const auto added_tokens = builder.CreateVector(tokens);
  const auto decoder = Encode(builder, tokenizer.decoder);
  const auto stop_ids = builder.CreateVector(tokenizer.stop_ids);
  const auto exact_scores =
      tokenizer.exact_scores.empty() ? 0 : builder.CreateVector(tokenizer.exact_scores);
  return wire::CreateTokenizer(
      builder, Number(tokenizer.kind), piece_bytes, piece_offsets, piece_types, piece_scores,
      merges, Number(tokenizer.merge_priority), hidden_codepoints, tokenizer.whole_words_first,
      tokenizer.byte_fallback, tokenizer.fuse_unknown, normalizer, word_splits, added_tokens,
      decoder, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id, tokenizer.pad_id, stop_ids,
      tokenizer.add_bos, tokenizer.add_eos, exact_scores);
}

Offset<wire::RoleText> Encode(FlatBufferBuilder& builder, const RoleText& role) {
  const auto prefix = Bytes(builder, role.prefix);
  const auto suffix = Bytes(builder, role.suffix);
  return wire::CreateRoleText(builder, prefix, suffix);
}

Offset<wire::PastAnswers> Encode(FlatBufferBuilder& builder, const PastAnswerData& answers) {
  const auto begin = Bytes(builder, answers.begin);
  const auto end = Bytes(builder, answers.end);
  return wire::CreatePastAnswers(builder, Number(answers.cut), begin, end, answers.needs_begin,
                                 Number(answers.trim), answers.trim_newlines);
}

// Lists of texts of a template.
Offset<flatbuffers::Vector<Offset<wire::StopString>>> Encode(
    FlatBufferBuilder& builder, const std::vector<std::string>& texts) {
  std::vector<Offset<wire::StopString>> strings;
  for (const std::string& text : texts) {
    const auto bytes = Bytes(builder, text);
    strings.push_back(wire::CreateStopString(builder, bytes));
  }
  return builder.CreateVector(strings);
}

Offset<flatbuffers::Vector<Offset<wire::ToolTextPart>>> Encode(FlatBufferBuilder& builder,
                                                               const ToolText& parts) {
  std::vector<Offset<wire::ToolTextPart>> encoded;
  for (const ToolTextPart& part : parts) {
    const auto text = Bytes(builder, part.text);
    encoded.push_back(wire::CreateToolTextPart(builder, text, Number(part.field)));
  }
  return builder.CreateVector(encoded);
}

Offset<wire::ToolCallFormat> Encode(FlatBufferBuilder& builder, const ToolCallFormat& call) {
  const auto begin = Bytes(builder, call.begin);
  const auto prefix = Bytes(builder, call.prefix);
  const auto suffix = Bytes(builder, call.suffix);
  const auto separator = Bytes(builder, call.separator);
  const auto end = Bytes(builder, call.end);
  const auto name_key = Bytes(builder, call.name_key);
  const auto arguments_key = Bytes(builder, call.arguments_key);
  const auto id_key = Bytes(builder, call.id_key);
  const auto text_quote = Bytes(builder, call.text_quote);
  const auto null_text = Bytes(builder, call.null_text);
  return wire::CreateToolCallFormat(builder, Number(call.syntax), begin, prefix, suffix, separator,
                                    end, name_key, arguments_key, id_key, text_quote, null_text,
                                    call.id_length, call.one_call);
}

Offset<wire::ToolTemplate> Encode(FlatBufferBuilder& builder, const ToolTemplateData& tools) {
  const auto call = Encode(builder, tools.call);
  const auto declaration = Encode(builder, tools.declaration);
  const auto declaration_separator = Bytes(builder, tools.declaration_separator);
  const auto system = Encode(builder, tools.system);
  const auto no_system = Encode(builder, tools.no_system);
  const auto user = Encode(builder, tools.user);
  const auto user_with_system = Encode(builder, tools.user_with_system);
  const auto calls = Encode(builder, tools.calls);
  const auto calls_with_text = Encode(builder, tools.calls_with_text);
  const auto results_prefix = Bytes(builder, tools.results_prefix);
  const auto result = Encode(builder, tools.result);
  const auto object_result = Encode(builder, tools.object_result);
  const auto results_separator = Bytes(builder, tools.results_separator);
  const auto results_suffix = Bytes(builder, tools.results_suffix);
  const auto stop_strings = Encode(builder, tools.stop_strings);
  return wire::CreateToolTemplate(
      builder, call, Number(tools.placement), declaration, declaration_separator, tools.json_indent,
      system, no_system, user, user_with_system, calls, calls_with_text, results_prefix, result,
      results_separator, results_suffix, tools.trim_result, tools.results_stay_in_turn,
      tools.calls_need_results, tools.results_need_answer, tools.keeps_recent_thoughts,
      tools.omits_missing_descriptions, object_result, stop_strings);
}

Offset<wire::PromptTemplate> Encode(FlatBufferBuilder& builder,
                                    const PromptTemplateData& prompt_template) {
  const auto name = Bytes(builder, prompt_template.name);
  const auto note = Bytes(builder, prompt_template.note);
  const auto session_prefix = Bytes(builder, prompt_template.session_prefix);
  const auto user = Encode(builder, prompt_template.user);
  const auto model = Encode(builder, prompt_template.model);
  const auto system = Encode(builder, prompt_template.system);
  const auto default_system = Bytes(builder, prompt_template.default_system);
  const auto generation_prompt = Bytes(builder, prompt_template.generation_prompt);
  const auto stop_strings = Encode(builder, prompt_template.stop_strings);
  const auto stop_ids = builder.CreateVector(prompt_template.stop_ids);
  const auto past_answers = Encode(builder, prompt_template.past_answers);
  Offset<wire::ToolTemplate> tools = 0;
  if (prompt_template.tools.call.syntax != ToolCallSyntax::kNone) {
    tools = Encode(builder, prompt_template.tools);
  }
  return wire::CreatePromptTemplate(
      builder, name, note, session_prefix, user, model, system,
      Number(prompt_template.system_placement), default_system, prompt_template.system_always,
      generation_prompt, Number(prompt_template.trim_user), Number(prompt_template.trim_model),
      Number(prompt_template.trim_system), prompt_template.trim_system_with_user, stop_strings,
      stop_ids, prompt_template.trim_model_newlines, past_answers, prompt_template.rewrites_answers,
      tools);
}

Offset<wire::Provenance> Encode(FlatBufferBuilder& builder, const Provenance& provenance) {
  const auto source = Bytes(builder, provenance.source);
  const auto generator = Bytes(builder, provenance.generator);
  const auto recipe = Bytes(builder, provenance.recipe);
  return wire::CreateProvenance(builder, source, generator, recipe);
}

}  // namespace

std::vector<std::byte> EncodeMetadata(const ModelMetadata& metadata) {
  FlatBufferBuilder builder;
  const auto model_id = builder.CreateString(metadata.model_id);
  const auto config = Encode(builder, metadata.config);
  const auto tokenizer = Encode(builder, metadata.tokenizer);
  const auto prompt_template = Encode(builder, metadata.prompt_template);
  const auto provenance = Encode(builder, metadata.provenance);
  Offset<flatbuffers::Vector<Offset<wire::ColumnExponents>>> columns = 0;
  if (metadata.columns.has_value()) {
    std::vector<Offset<wire::ColumnExponents>> norms;
    for (const ColumnExponents& one : *metadata.columns) {
      const auto norm = builder.CreateString(one.norm);
      norms.push_back(
          wire::CreateColumnExponents(builder, norm, builder.CreateVector(one.exponents)));
    }
    columns = builder.CreateVector(norms);
  }
  wire::FinishModelMetadataBuffer(
      builder, wire::CreateModelMetadata(builder, kFormatVersion, model_id, config, tokenizer,
                                         prompt_template, provenance, columns));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return std::vector<std::byte>(bytes, bytes + builder.GetSize());
}

std::string ModelFingerprint(const ModelMetadata& metadata) {
  ModelMetadata common;
  common.config = metadata.config;
  common.config.tied_head = false;  // whether the head has a tensor of its own is the converter's
  common.tokenizer = metadata.tokenizer;
  ContentHash hash;
  hash.Add(EncodeMetadata(common));
  return HexDigits(hash.Digest());
}

}  // namespace inkling
