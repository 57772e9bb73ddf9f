// What GGUF files call things, per architecture, and what Hugging Face calls them: data only.
//
// gguf_tensors.cc renames tensors with it and gguf_config.cc makes a config.json of the metadata,
// so that the recipes, which know Hugging Face's form, serve GGUF files too. To add an
// architecture: one entry in gguf_families.cc.

#ifndef INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_FAMILIES_H_
#define INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_FAMILIES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace inkling {

// A tensor's two names without ".weight" or ".bias". Inside layers, `gguf` leaves out "blk.N." and
// `theirs` the family's layer prefix. `theirs` with a '*' stands for one tensor a row, numbered
// from 0.
struct GgufName {
  absl::string_view gguf;
  absl::string_view theirs;
  // The pair holds only for files whose first layer has this tensor, too (empty: for all). Of
  // several pairs with one `gguf`, the first that holds counts.
  absl::string_view needs = "";
};

// A metadata key without "ARCHITECTURE." and the field of config.json with the same value.
struct GgufField {
  absl::string_view key;
  absl::string_view field;
  bool required = true;
};

// A field of config.json that every file of the architecture would have; a JSON value as text.
struct GgufConstant {
  absl::string_view field;
  absl::string_view json;
};

// A boolean field of config.json that says whether any layer has a tensor, or another one with the
// same field.
struct GgufPresence {
  absl::string_view tensor;  // "attn_q.bias"
  absl::string_view field;
};

struct GgufFamily {
  absl::string_view architecture;  // general.architecture
  absl::string_view model_type;    // config.json's
  absl::string_view class_name;    // of its `architectures`
  absl::string_view layer_prefix = "model.layers.";

  // The rows of q and k (and their biases) lie in interleaved rotary pairs.
  bool interleaved_pairs = false;

  // Hugging Face stores w where the norm multiplies with 1 + w; the file has 1 + w.
  bool norms_have_one_added = false;

  // rope.dimension_count may be less than a head has.
  bool partial_rotation = false;

  // Not 0: queries are scaled by 1 / sqrt(head size), but in models with so many layers by
  // 1 / sqrt(embedding size / number of heads). Files don't say which.
  int32_t layers_scaled_by_width = 0;

  // Not 0: of so many layers, all but the last have a sliding window.
  int32_t window_period = 0;

  // The fused q, k and v rows are in Hugging Face's order of groups: each group's queries, its key,
  // its value. In the file: all queries, all keys, all values.
  bool grouped_qkv = false;

  absl::Span<const GgufName> names = {};  // before those that all families share
  absl::Span<const GgufField> fields = {};
  absl::Span<const GgufConstant> constants = {};
  absl::Span<const GgufPresence> presences = {};
};

// The entry for a file's general.architecture. Error: Unimplemented, listing those there are.
absl::StatusOr<const GgufFamily*> FindGgufFamily(absl::string_view architecture);

// True if llama.cpp takes files of the family without biases, each in each layer by itself.
bool HasOptionalBiases(const GgufFamily& family);

// Names that the architectures share.
absl::Span<const GgufName> SharedGgufNames();

// Keys without "ARCHITECTURE." that don't change the model, or that gguf_config.cc reads by itself.
absl::Span<const absl::string_view> OtherGgufKeys();

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_FAMILIES_H_
