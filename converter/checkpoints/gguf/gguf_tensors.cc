// Renames by the family's table; what can't be said by a name is said by slices and row orders.

#include "converter/checkpoints/gguf/gguf_tensors.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "converter/files/block_formats.h"

namespace inkling {
namespace {

constexpr absl::string_view kDivisors[] = {"rope_freqs.weight", "rope_factors_short.weight",
                                           "rope_factors_long.weight"};

// "blk.3.attn_q.weight" in parts: "3", "attn_q", ".weight".
struct NameParts {
  explicit NameParts(absl::string_view name) {
    for (const absl::string_view end : {".weight", ".bias"}) {
      if (absl::ConsumeSuffix(&name, end)) suffix = end;
    }
    part = name;
    if (!absl::ConsumePrefix(&name, "blk.")) return;
    size_t digits = 0;
    while (digits < name.size() && absl::ascii_isdigit(name[digits])) ++digits;
    if (digits == 0 || digits == name.size() || name[digits] != '.') return;
    layer = name.substr(0, digits);
    part = name.substr(digits + 1);
  }
  absl::string_view layer;  // empty outside of layers
  absl::string_view part;
  absl::string_view suffix;
};

class Presenter {
 public:
  Presenter(absl::Span<const GgufTensor> tensors, const GgufFamily& family, const GgufHeads& heads)
      : tensors_(tensors), family_(family), heads_(heads) {
    for (const GgufTensor& entry : tensors) names_.insert(entry.tensor.name);
  }

  absl::StatusOr<std::vector<GgufView>> Run() {
    for (const GgufTensor& entry : tensors_) ABSL_RETURN_IF_ERROR(Present(entry));
    return std::move(views_);
  }

 private:
  absl::Status Present(const GgufTensor& entry) {
    for (const absl::string_view divisors : kDivisors) {
      if (entry.tensor.name == divisors) return absl::OkStatus();
    }
    const NameParts parts(entry.tensor.name);
    const absl::string_view theirs = TheirPart(parts.part);
    if (theirs.empty() && parts.part == "attn_qkv") return PresentQkv(entry, parts);
    GgufView view = Whole(entry);
    if (!theirs.empty()) view.tensor.name = TheirName(parts, theirs);
    if (absl::StrContains(theirs, '*')) return PresentRows(parts.part, view);
    ABSL_RETURN_IF_ERROR(SetOrder(parts.part, view));
    const bool is_norm = absl::EndsWith(parts.part, "norm") && parts.suffix == ".weight";
    if (is_norm && family_.norms_have_one_added) view.added = 1.0f;
    views_.push_back(std::move(view));
    return absl::OkStatus();
  }

  static GgufView Whole(const GgufTensor& entry) {
    GgufView view;
    view.tensor = entry.tensor;
    view.tensor.name_in_file = GivenName(entry.tensor);
    view.offset = entry.offset;
    return view;
  }

  // Rows [first, first + count) of `entry`.
  static GgufView Slice(const GgufTensor& entry, int64_t first, int64_t count) {
    GgufView view = Whole(entry);
    const int64_t row_bytes = entry.tensor.bytes / entry.tensor.shape.front();
    view.offset += first * row_bytes;
    view.tensor.bytes = count * row_bytes;
    view.tensor.shape.front() = count;
    return view;
  }

  // The Hugging Face name of a part; empty if the family has none.
  absl::string_view TheirPart(absl::string_view part) const {
    for (const absl::Span<const GgufName> names : {family_.names, SharedGgufNames()}) {
      for (const GgufName& name : names) {
        if (name.gguf != part) continue;
        if (name.needs.empty() || names_.contains(absl::StrCat("blk.0.", name.needs))) {
          return name.theirs;
        }
      }
    }
    return {};
  }

  std::string TheirName(const NameParts& parts, absl::string_view theirs) const {
    if (parts.layer.empty()) return absl::StrCat(theirs, parts.suffix);
    return absl::StrCat(family_.layer_prefix, parts.layer, ".", theirs, parts.suffix);
  }

  // Where Hugging Face has q, k and v apart.
  absl::Status PresentQkv(const GgufTensor& entry, const NameParts& parts) {
    const int64_t query_rows = heads_.num_heads * heads_.head_dim;
    const int64_t key_rows = heads_.num_kv_heads * heads_.head_dim;
    ABSL_RETURN_IF_ERROR(CheckRows(entry.tensor, query_rows + 2 * key_rows));
    struct Part {
      absl::string_view name;
      int64_t first;
      int64_t count;
    };
    for (const Part& part : {Part{"attn_q", 0, query_rows}, Part{"attn_k", query_rows, key_rows},
                             Part{"attn_v", query_rows + key_rows, key_rows}}) {
      GgufView view = Slice(entry, part.first, part.count);
      view.tensor.name = TheirName(parts, TheirPart(part.name));
      ABSL_RETURN_IF_ERROR(SetOrder(part.name, view));
      views_.push_back(std::move(view));
    }
    return absl::OkStatus();
  }

  // Where Hugging Face has one vector a row; `whole.tensor.name` has a '*' for its number.
  absl::Status PresentRows(absl::string_view part, const GgufView& whole) {
    const SourceTensor& tensor = whole.tensor;
    const BlockFormat* format = FindBlockFormat(tensor.dtype);
    if (tensor.shape.size() != 2 || format == nullptr || format->num_values != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(tensor.file, ": tensor \"", GivenName(tensor),
                       "\": expected a matrix of plain numbers, found ", tensor.shape.size(),
                       " dimensions of ", tensor.dtype));
    }
    ABSL_RETURN_IF_ERROR(
        CheckRows(tensor, part == "attn_q_norm" ? heads_.num_heads : heads_.num_kv_heads));
    for (int64_t row = 0; row < tensor.shape[0]; ++row) {
      GgufView view = Slice({tensor, whole.offset}, row, 1);
      view.tensor.name = absl::StrReplaceAll(tensor.name, {{"*", absl::StrCat(row)}});
      view.tensor.shape = {tensor.shape[1]};
      views_.push_back(std::move(view));
    }
    return absl::OkStatus();
  }

  absl::Status SetOrder(absl::string_view part, GgufView& view) const {
    const bool rotates = part == "attn_q" || part == "attn_k";
    if (family_.interleaved_pairs && rotates) {
      const int64_t count = part == "attn_q" ? heads_.num_heads : heads_.num_kv_heads;
      ABSL_RETURN_IF_ERROR(CheckRows(view.tensor, count * heads_.head_dim));
      if (heads_.head_dim % 2 != 0) {
        return absl::InvalidArgumentError(
            absl::StrCat(view.tensor.file, ": tensor \"", GivenName(view.tensor),
                         "\": expected heads of an even size, found ", heads_.head_dim));
      }
      view.order = GgufRowOrder::FromInterleavedPairs(heads_.head_dim);
    }
    if (family_.grouped_qkv && part == "attn_qkv") {
      const int64_t rows = (heads_.num_heads + 2 * heads_.num_kv_heads) * heads_.head_dim;
      ABSL_RETURN_IF_ERROR(CheckRows(view.tensor, rows));
      if (heads_.num_heads % heads_.num_kv_heads != 0) {
        return absl::InvalidArgumentError(
            absl::StrCat(view.tensor.file, ": expected a number of heads that divides into ",
                         heads_.num_kv_heads, " groups, found ", heads_.num_heads));
      }
      view.order =
          GgufRowOrder::FromFusedQkv(heads_.num_heads, heads_.num_kv_heads, heads_.head_dim);
    }
    return absl::OkStatus();
  }

  static absl::Status CheckRows(const SourceTensor& tensor, int64_t expected) {
    if (tensor.shape.front() == expected) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(tensor.file, ": tensor \"", GivenName(tensor),
                                                   "\": expected ", expected, " rows, found ",
                                                   tensor.shape.front()));
  }

  absl::Span<const GgufTensor> tensors_;
  const GgufFamily& family_;
  GgufHeads heads_;
  absl::flat_hash_set<absl::string_view> names_;
  std::vector<GgufView> views_;
};

}  // namespace

std::string GgufTensorName(const GgufFamily& family, absl::string_view name) {
  absl::string_view part = name;
  absl::string_view suffix;
  for (const absl::string_view end : {".weight", ".bias"}) {
    if (absl::ConsumeSuffix(&part, end)) suffix = end;
  }
  std::string layer;
  if (absl::ConsumePrefix(&part, family.layer_prefix)) {
    const size_t dot = part.find('.');
    if (dot == absl::string_view::npos) return std::string(name);
    layer = absl::StrCat("blk.", part.substr(0, dot), ".");
    part.remove_prefix(dot + 1);
  }
  for (const absl::Span<const GgufName> names : {family.names, SharedGgufNames()}) {
    for (const GgufName& known : names) {
      // A '*' stands at the end, for a row's number.
      const bool same = absl::EndsWith(known.theirs, "*")
                            ? absl::StartsWith(part, absl::StripSuffix(known.theirs, "*"))
                            : part == known.theirs;
      if (same) return absl::StrCat(layer, known.gguf, suffix);
    }
  }
  return std::string(name);
}

GgufRowOrder GgufRowOrder::FromInterleavedPairs(int64_t head_dim) {
  GgufRowOrder order;
  order.head_dim_ = head_dim;
  return order;
}

GgufRowOrder GgufRowOrder::FromFusedQkv(int64_t num_heads, int64_t num_kv_heads, int64_t head_dim) {
  GgufRowOrder order;
  order.head_dim_ = head_dim;
  order.num_heads_ = num_heads;
  order.num_kv_heads_ = num_kv_heads;
  return order;
}

int64_t GgufRowOrder::StoredRow(int64_t row) const {
  if (is_identity()) return row;
  const int64_t d = row % head_dim_;
  const int64_t head = row / head_dim_;
  if (num_heads_ == 0) {
    const int64_t half = head_dim_ / 2;
    return head * head_dim_ + 2 * (d % half) + d / half;
  }
  const int64_t queries = num_heads_ / num_kv_heads_;  // of a group
  const int64_t group = head / (queries + 2);
  const int64_t place = head % (queries + 2);
  const int64_t stored_head = place < queries    ? group * queries + place
                              : place == queries ? num_heads_ + group
                                                 : num_heads_ + num_kv_heads_ + group;
  return stored_head * head_dim_ + d;
}

absl::StatusOr<std::vector<GgufView>> PresentGgufTensors(absl::Span<const GgufTensor> tensors,
                                                         const GgufFamily& family,
                                                         const GgufHeads& heads) {
  return Presenter(tensors, family, heads).Run();
}

}  // namespace inkling
