// A walk along the names, then an index read and checked, then a look at what was left lying.

#include "converter/checkpoints/hugging_face/weight_files.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "converter/files/json_text.h"

namespace inkling {
namespace {

using nlohmann::json;

constexpr size_t kMaxNamesInNote = 3;

struct KindNames {
  WeightKind kind;
  absl::string_view title;
  absl::string_view stem;
  absl::string_view suffix;
};
constexpr KindNames kKinds[] = {
    {WeightKind::kSafetensors, "safetensors", "model", ".safetensors"},
    {WeightKind::kPytorch, "PyTorch", "pytorch_model", ".bin"},
};

// As transformers' _add_variant: before the last dot of the name.
std::string WholeName(const KindNames& kind, absl::string_view variant) {
  return absl::StrCat(kind.stem, variant.empty() ? "" : ".", variant, kind.suffix);
}
std::string IndexName(const KindNames& kind, absl::string_view variant) {
  return absl::StrCat(kind.stem, kind.suffix, ".index", variant.empty() ? "" : ".", variant,
                      ".json");
}

bool IsFile(const std::string& folder, absl::string_view name) {
  std::error_code error;
  return std::filesystem::is_regular_file(absl::StrCat(folder, "/", name), error);
}

// Names of the files in `folder`, sorted.
std::vector<std::string> FileNames(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code unreadable;
    if (it->is_regular_file(unreadable)) names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// "-00001-of-00002" taken off the end of `stem`.
bool ConsumeShardNumber(absl::string_view& stem) {
  constexpr size_t kLength = 15;
  if (stem.size() < kLength) return false;
  const absl::string_view end = stem.substr(stem.size() - kLength);
  const auto digits = [](absl::string_view text) {
    return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  };
  if (end[0] != '-' || end.substr(6, 4) != "-of-" || !digits(end.substr(1, 5)) ||
      !digits(end.substr(10))) {
    return false;
  }
  stem.remove_suffix(kLength);
  return true;
}

// What a file's name says, if it is one of the names that transformers gives to weights.
struct NameParts {
  explicit NameParts(absl::string_view name) {
    for (const KindNames& kind : kKinds) {
      absl::string_view rest = name;
      if (!absl::ConsumePrefix(&rest, kind.stem)) continue;
      absl::string_view middle = rest;
      if (absl::ConsumePrefix(&middle, absl::StrCat(kind.suffix, ".index")) &&
          absl::ConsumeSuffix(&middle, ".json")) {
        is_index = true;
      } else if (absl::ConsumeSuffix(&rest, kind.suffix)) {
        middle = rest;
        is_shard = ConsumeShardNumber(middle);
      } else {
        continue;
      }
      if (!middle.empty() && (middle[0] != '.' || middle.size() == 1)) {
        is_index = is_shard = false;
        continue;
      }
      is_known = true;
      variant = std::string(absl::StripPrefix(middle, "."));
      return;
    }
  }
  bool is_known = false;
  bool is_index = false;
  bool is_shard = false;
  std::string variant;
};

// The variants whose whole files or indexes lie in the folder.
std::vector<std::string> VariantsIn(absl::Span<const std::string> names) {
  std::set<std::string> variants;
  for (const std::string& name : names) {
    const NameParts parts(name);
    if (parts.is_known && !parts.is_shard && !parts.variant.empty()) {
      variants.insert(parts.variant);
    }
  }
  return std::vector<std::string>(variants.begin(), variants.end());
}

// A name that an index or a config gives may not lead out of the folder.
bool StaysInFolder(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." && !absl::StrContains(name, '/') &&
         !absl::StrContains(name, '\\') && !absl::StrContains(name, '\0');
}

// The shards that the index names, each once.
absl::StatusOr<std::vector<std::string>> ShardNames(const json& index, const std::string& path) {
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object() || map->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": weight_map: expected an object that names files"));
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": weight_map[\"", tensor,
                                                     "\"]: expected a file name, found ",
                                                     JsonTypeName(file)));
    }
    const std::string& name = file.get_ref<const std::string&>();
    if (!StaysInFolder(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": weight_map[\"", tensor,
                       "\"]: expected a file in this folder, found \"", name, "\""));
    }
    names.insert(name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

absl::StatusOr<WeightFiles> ReadIndex(const std::string& folder, WeightKind kind,
                                      const std::string& name) {
  const std::string path = absl::StrCat(folder, "/", name);
  ABSL_ASSIGN_OR_RETURN(const json index, ReadJsonFile(path));
  WeightFiles files;
  files.kind = kind;
  files.index = name;
  ABSL_ASSIGN_OR_RETURN(files.names, ShardNames(index, path));
  for (const std::string& shard : files.names) {
    if (IsFile(folder, shard)) continue;
    return absl::NotFoundError(absl::StrCat(folder, "/", shard, ": no such file, and ", name,
                                            " says that it holds tensors"));
  }
  files.weight_map = index["weight_map"];
  return files;
}

WeightFiles OneFile(WeightKind kind, const std::string& name) {
  WeightFiles files;
  files.kind = kind;
  files.names = {name};
  return files;
}

// The file that config.json names; transformers takes safetensors only.
absl::StatusOr<WeightFiles> ReadNamedByConfig(const std::string& folder, const std::string& name) {
  const bool is_index = absl::EndsWith(name, ".safetensors.index.json");
  if (!StaysInFolder(name) || (!is_index && !absl::EndsWith(name, ".safetensors"))) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder,
                     "/config.json: transformers_weights: expected a .safetensors file in this "
                     "folder or the index of its shards, found \"",
                     name, "\""));
  }
  if (!IsFile(folder, name)) {
    return absl::NotFoundError(absl::StrCat(
        folder, "/", name, ": no such file, and config.json's transformers_weights names it"));
  }
  if (is_index) return ReadIndex(folder, WeightKind::kSafetensors, name);
  return OneFile(WeightKind::kSafetensors, name);
}

// Why none of the names that were looked for is there.
absl::Status NoWeights(const std::string& folder, const std::string& variant,
                       absl::Span<const std::string> names) {
  const std::string expected =
      absl::StrCat(folder, ": expected ", WholeName(kKinds[0], variant), ", ",
                   WholeName(kKinds[1], variant), ", or the index of their shards");
  const std::vector<std::string> variants = VariantsIn(names);
  if (!variants.empty()) {
    return absl::NotFoundError(absl::StrCat(
        expected, ", found weights of the ", variants.size() == 1 ? "variant " : "variants ",
        absl::StrJoin(variants, ", "), " only, which --variant=", variants[0], " asks for"));
  }
  if (!variant.empty()) {
    return absl::NotFoundError(absl::StrCat(expected, ", as --variant=", variant,
                                            " asks for; found no weights of any variant"));
  }
  if (std::find(names.begin(), names.end(), "adapter_config.json") != names.end()) {
    return absl::NotFoundError(absl::StrCat(
        expected,
        ", found a LoRA adapter (adapter_config.json): convert the model that it belongs "
        "to, and the adapter with --lora and --base=MODEL, or merge the two with PEFT"));
  }
  for (const absl::string_view suffix :
       {".pth", ".pt", ".ckpt", ".onnx", ".msgpack", ".h5", ".bin"}) {
    for (const std::string& name : names) {
      if (!absl::EndsWith(name, suffix) || name == "tokenizer.bin") continue;
      return absl::UnimplementedError(
          absl::StrCat(expected, ", found ", name,
                       ", which is in another format or under a name that isn't known"));
    }
  }
  return absl::NotFoundError(absl::StrCat(expected, ", found none of them"));
}

// A file with a name of its own may be something else, so it counts last.
absl::StatusOr<WeightFiles> FindLoneFile(const std::string& folder,
                                         absl::Span<const std::string> names) {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    const NameParts parts(name);
    const bool is_variant = parts.is_known && !parts.variant.empty();
    if (absl::EndsWith(name, kKinds[0].suffix) && !is_variant) found.push_back(name);
  }
  if (found.size() == 1) return OneFile(WeightKind::kSafetensors, found[0]);
  if (found.empty()) return NoWeights(folder, "", names);
  return absl::InvalidArgumentError(absl::StrCat(
      folder, ": ", found.size(), " ", kKinds[0].title, " files (", found[0], ", ", found[1],
      ", ...) but no ", IndexName(kKinds[0], ""), " that says how they belong together"));
}

absl::StatusOr<WeightFiles> Find(const std::string& folder, const std::string& variant,
                                 const std::string& named_by_config,
                                 absl::Span<const std::string> names) {
  if (!named_by_config.empty()) return ReadNamedByConfig(folder, named_by_config);
  for (const KindNames& kind : kKinds) {
    const std::string whole = WholeName(kind, variant);
    if (IsFile(folder, whole)) return OneFile(kind.kind, whole);
    const std::string index = IndexName(kind, variant);
    if (IsFile(folder, index)) return ReadIndex(folder, kind.kind, index);
  }
  if (!variant.empty()) return NoWeights(folder, variant, names);
  return FindLoneFile(folder, names);
}

// The weight files in the folder that `files` leaves out.
void NoteOthers(absl::Span<const std::string> names, WeightFiles& files) {
  std::vector<std::string> others;
  for (const std::string& name : names) {
    const bool is_read = name == files.index || std::find(files.names.begin(), files.names.end(),
                                                          name) != files.names.end();
    const bool holds_weights = NameParts(name).is_known || absl::EndsWith(name, kKinds[0].suffix);
    if (!is_read && holds_weights) others.push_back(name);
    if (name == "adapter_config.json") {
      files.notes.push_back(
          "a LoRA adapter lies beside the weights (adapter_config.json) and isn't applied to them");
    }
  }
  if (others.empty()) return;
  const size_t count = others.size();
  others.resize(std::min(count, kMaxNamesInNote));
  files.notes.insert(
      files.notes.begin(),
      absl::StrCat("not read: ", absl::StrJoin(others, ", "),
                   count > others.size() ? absl::StrCat(" and ", count - others.size(), " more")
                                         : std::string(),
                   "; the weights are those of ",
                   files.index.empty() ? files.names[0] : files.index));
}

}  // namespace

absl::StatusOr<WeightFiles> FindWeightFiles(const std::string& folder, const std::string& variant,
                                            const std::string& named_by_config) {
  if (!variant.empty() && !StaysInFolder(variant)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "variant: expected a part of a file name, such as fp16, found \"", variant, "\""));
  }
  const std::vector<std::string> names = FileNames(folder);
  ABSL_ASSIGN_OR_RETURN(WeightFiles files, Find(folder, variant, named_by_config, names));
  NoteOthers(names, files);
  return files;
}

bool IsPartOfSeveral(absl::string_view name) {
  return NameParts(name).is_shard && !absl::StrContains(name, "-of-00001");
}

bool HasWeightFiles(const std::string& folder) {
  for (const std::string& name : FileNames(folder)) {
    const NameParts parts(name);
    if (parts.is_known && parts.variant.empty() && !parts.is_shard) return true;
    if (absl::EndsWith(name, kKinds[0].suffix) && (!parts.is_known || parts.is_shard)) return true;
  }
  return false;
}

}  // namespace inkling
