// Turns the pickled tree of a state dict into places in the file, with every claim checked against
// the archive's directory.
//
// Source of the form: torch/_utils.py (_rebuild_tensor_v2, _rebuild_parameter and its like),
// torch/_tensor.py (_rebuild_from_type_v2) and torch/serialization.py (persistent ids).

#include "converter/checkpoints/pytorch/pytorch_archive.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "converter/checkpoints/pytorch/pickle_tree.h"
#include "converter/files/checked_size.h"
#include "converter/files/source_numbers.h"
#include "converter/files/zip_directory.h"

namespace inkling {
namespace {

using Kind = PickleNode::Kind;

constexpr absl::string_view kZipStart("PK\x03\x04", 4);
// A protocol 2 pickle of the number 0x1950A86A20F9469CFC6C, which began the format before ZIP.
constexpr absl::string_view kLegacyStart("\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19",
                                         14);

constexpr int64_t kTarMagicOffset = 257;

// About 300 bytes a tensor.
constexpr int64_t kMaxPickleBytes = int64_t{64} << 20;
constexpr size_t kMaxDimensions = 8;

constexpr absl::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr absl::string_view kRebuildParameter = "torch._utils._rebuild_parameter";
constexpr absl::string_view kRebuildParameterWithState =
    "torch._utils._rebuild_parameter_with_state";
constexpr absl::string_view kRebuildFromType = "torch._tensor._rebuild_from_type_v2";

// A parameter of a tensor of a type, each with attributes.
constexpr int kMaxWrappers = 4;

// Types that are plain tensors, whatever attributes they carry.
constexpr absl::string_view kTensorTypes[] = {"torch.Tensor", "torch.nn.parameter.Parameter",
                                              "torch.nn.parameter.Buffer"};

// What attributes of tensors are made of. Nothing is done with them.
constexpr absl::string_view kAttributeGlobals[] = {
    "torch.device",          "torch.Size",         "torch.float64",         "torch.float32",
    "torch.float16",         "torch.bfloat16",     "torch.int64",           "torch.int32",
    "torch.int16",           "torch.int8",         "torch.uint8",           "torch.bool",
    "_codecs.encode",        "__builtin__.set",    "__builtin__.frozenset", "__builtin__.complex",
    "__builtin__.bytearray", "collections.Counter"};

struct StorageType {
  absl::string_view global;
  absl::string_view dtype;
};
constexpr StorageType kStorageTypes[] = {
    {"torch.FloatStorage", "F32"},  {"torch.HalfStorage", "F16"}, {"torch.BFloat16Storage", "BF16"},
    {"torch.DoubleStorage", "F64"}, {"torch.LongStorage", "I64"}, {"torch.IntStorage", "I32"},
    {"torch.ShortStorage", "I16"},  {"torch.CharStorage", "I8"},  {"torch.ByteStorage", "U8"},
    {"torch.BoolStorage", "BOOL"},
};

std::vector<absl::string_view> KnownGlobals() {
  std::vector<absl::string_view> globals = {kOrderedDict, kRebuildTensor, kRebuildParameter,
                                            kRebuildParameterWithState, kRebuildFromType};
  for (const StorageType& type : kStorageTypes) globals.push_back(type.global);
  globals.insert(globals.end(), std::begin(kTensorTypes), std::end(kTensorTypes));
  globals.insert(globals.end(), std::begin(kAttributeGlobals), std::end(kAttributeGlobals));
  return globals;
}

absl::Status Damaged(absl::string_view what) { return absl::InvalidArgumentError(what); }

// A view of a storage, in numbers.
struct View {
  std::string storage;
  absl::string_view dtype;
  int64_t storage_size = 0;
  int64_t offset = 0;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

// Reads the nodes of one tensor.
class ViewReader {
 public:
  explicit ViewReader(const PickleTree& tree) : tree_(tree) {}

  absl::StatusOr<View> Read(const PickleNode& value) const {
    ABSL_ASSIGN_OR_RETURN(Call call, AsCall(value));
    for (int i = 0; i < kMaxWrappers && call.function != kRebuildTensor; ++i) {
      ABSL_ASSIGN_OR_RETURN(call, Unwrap(call));
    }
    return ReadTensor(call);
  }

 private:
  struct Call {
    absl::string_view function;
    const std::vector<uint32_t>* arguments;
  };

  static absl::string_view KindName(const PickleNode& node) {
    switch (node.kind) {
      case Kind::kDictionary:
        return "a dict; if the tensors are in there, save that one with torch.save";
      case Kind::kList:
      case Kind::kTuple:
        return "a list";
      default:
        return "another value";
    }
  }

  absl::StatusOr<Call> AsCall(const PickleNode& node) const {
    if (node.kind == Kind::kCall)
      return Call{tree_[node.parts[0]].text, &tree_[node.parts[1]].parts};
    return absl::UnimplementedError(absl::StrCat("expected a tensor, found ", KindName(node)));
  }

  // The call that makes the tensor inside of one that adds something to it.
  absl::StatusOr<Call> Unwrap(const Call& call) const {
    const std::vector<uint32_t>& arguments = *call.arguments;
    // (data, requires_grad, hooks[, state])
    if (call.function == kRebuildParameter || call.function == kRebuildParameterWithState) {
      if (arguments.empty()) return Damaged("a parameter without its tensor");
      return AsCall(tree_[arguments[0]]);
    }
    // (function, type, its arguments, state)
    if (call.function == kRebuildFromType) {
      if (arguments.size() != 4 || tree_[arguments[0]].kind != Kind::kGlobal ||
          tree_[arguments[2]].kind != Kind::kTuple) {
        return Damaged("expected (function, type, arguments, state) for a tensor with attributes");
      }
      const PickleNode& type = tree_[arguments[1]];
      if (std::find(std::begin(kTensorTypes), std::end(kTensorTypes), type.text) ==
          std::end(kTensorTypes)) {
        return absl::UnimplementedError(
            absl::StrCat("a tensor of type ", type.text, ", expected torch.Tensor"));
      }
      return Call{tree_[arguments[0]].text, &tree_[arguments[2]].parts};
    }
    return absl::UnimplementedError(
        absl::StrCat("expected a tensor, found a call of ", call.function));
  }

  // (storage, offset, sizes, strides, requires_grad, hooks[, metadata])
  absl::StatusOr<View> ReadTensor(const Call& call) const {
    if (call.function != kRebuildTensor) {
      return absl::UnimplementedError("expected a tensor, found too many wrappers of one");
    }
    const std::vector<uint32_t>& arguments = *call.arguments;
    if (arguments.size() < 6 || arguments.size() > 7) {
      return Damaged(absl::StrCat("a tensor made of ", arguments.size(), " values, expected 6"));
    }
    // Metadata would say that the numbers are to be negated or conjugated when read.
    if (arguments.size() == 7 && tree_[arguments[6]].kind != Kind::kNone &&
        !tree_[arguments[6]].parts.empty()) {
      return absl::UnimplementedError("a tensor with metadata (negated or conjugated lazily)");
    }
    View view;
    ABSL_RETURN_IF_ERROR(ReadStorage(tree_[arguments[0]], view));
    ABSL_ASSIGN_OR_RETURN(view.offset, Count(tree_[arguments[1]], "storage offset"));
    ABSL_ASSIGN_OR_RETURN(view.shape, Counts(tree_[arguments[2]], "sizes"));
    ABSL_ASSIGN_OR_RETURN(view.strides, Counts(tree_[arguments[3]], "strides"));
    if (view.shape.size() != view.strides.size()) {
      return Damaged(
          absl::StrCat(view.shape.size(), " sizes, but ", view.strides.size(), " strides"));
    }
    return view;
  }

  // The persistent id ('storage', type, key, location, number of elements).
  absl::Status ReadStorage(const PickleNode& reference, View& view) const {
    if (reference.kind != Kind::kReference) return Damaged("expected a storage");
    const PickleNode& id = tree_[reference.parts[0]];
    if (id.kind != Kind::kTuple || id.parts.size() != 5 || tree_[id.parts[0]].text != "storage" ||
        tree_[id.parts[1]].kind != Kind::kGlobal || tree_[id.parts[2]].kind != Kind::kText) {
      return Damaged("expected ('storage', type, key, location, size) as a storage's id");
    }
    const PickleNode& type = tree_[id.parts[1]];
    for (const StorageType& known : kStorageTypes) {
      if (known.global == type.text) view.dtype = known.dtype;
    }
    if (view.dtype.empty()) return Damaged(absl::StrCat(type.text, " is no type of storage"));
    view.storage = std::string(tree_[id.parts[2]].text);
    ABSL_ASSIGN_OR_RETURN(view.storage_size, Count(tree_[id.parts[4]], "storage size"));
    return absl::OkStatus();
  }

  static absl::StatusOr<int64_t> Count(const PickleNode& node, absl::string_view what) {
    if (node.kind == Kind::kInteger && node.integer >= 0) return node.integer;
    return Damaged(absl::StrCat(
        what, ": expected an integer of 0 or more, found ",
        node.kind == Kind::kInteger ? absl::StrCat(node.integer) : std::string("something else")));
  }

  absl::StatusOr<std::vector<int64_t>> Counts(const PickleNode& node,
                                              absl::string_view what) const {
    if (node.kind != Kind::kTuple || node.parts.size() > kMaxDimensions) {
      return Damaged(absl::StrCat(what, ": expected a tuple of at most ", kMaxDimensions));
    }
    std::vector<int64_t> counts;
    for (const uint32_t part : node.parts) {
      ABSL_ASSIGN_OR_RETURN(const int64_t count, Count(tree_[part], what));
      counts.push_back(count);
    }
    return counts;
  }

  const PickleTree& tree_;
};

// The largest index that `view` reads, counted in its storage; false on overflow. No size is 0.
bool LastIndex(const View& view, int64_t& last) {
  last = view.offset;
  for (size_t i = 0; i < view.shape.size(); ++i) {
    int64_t reach = 0;
    if (!CheckedMultiply(view.shape[i] - 1, view.strides[i], reach)) return false;
    if (!CheckedSum(last, reach, last)) return false;
  }
  return true;
}

// Whether the numbers of a row (all dimensions but the first) lie next to each other.
bool RowsAreDense(const View& view) {
  int64_t expected = 1;
  for (size_t i = view.shape.size(); i > 1; --i) {
    if (view.shape[i - 1] != 1 && view.strides[i - 1] != expected) return false;
    expected *= view.shape[i - 1];
  }
  return true;
}

// Checks `view` against its storage's entry and says where it lies.
absl::StatusOr<WeightEntry> Place(const View& view, const ZipEntry& storage) {
  const int64_t size = DtypeBytes(view.dtype);
  int64_t storage_bytes = 0;
  if (!CheckedMultiply(view.storage_size, size, storage_bytes) || storage_bytes != storage.bytes) {
    return Damaged(absl::StrCat("storage ", view.storage, ": ", view.storage_size,
                                " numbers of type ", view.dtype, " don't take the ", storage.bytes,
                                " bytes of its entry"));
  }
  WeightEntry entry;
  entry.tensor.dtype = std::string(view.dtype);
  entry.tensor.shape = view.shape;
  // The numbers of an expanded view (stride 0) may be more than its storage holds.
  if (!CheckedMultiply(size, view.shape, entry.tensor.bytes)) {
    return Damaged("sizes: the number of values overflows 63 bits");
  }
  if (entry.tensor.bytes > 0) {
    int64_t last = 0;
    if (!LastIndex(view, last) || last >= view.storage_size) {
      return Damaged(absl::StrCat("sizes [", absl::StrJoin(view.shape, ", "), "], strides [",
                                  absl::StrJoin(view.strides, ", "), "] at ", view.offset,
                                  " reach beyond the ", view.storage_size, " numbers of storage ",
                                  view.storage));
    }
    if (!RowsAreDense(view)) {
      return absl::UnimplementedError(
          absl::StrCat("sizes [", absl::StrJoin(view.shape, ", "), "], strides [",
                       absl::StrJoin(view.strides, ", "),
                       "]: expected rows without gaps (a transposed view? save it again after "
                       ".contiguous())"));
    }
    entry.offset = storage.offset + view.offset * size;
    // A stride may be anything where there is one row.
    if (!view.shape.empty() && view.shape[0] > 1) entry.row_stride = view.strides[0] * size;
  }
  return entry;
}

class ArchiveReader {
 public:
  explicit ArchiveReader(const InputFile& file) : file_(file) {}

  absl::StatusOr<std::vector<WeightEntry>> Read() {
    ABSL_ASSIGN_OR_RETURN(std::vector<ZipEntry> entries, ReadZipDirectory(file_));
    ABSL_RETURN_IF_ERROR(FindPickle(std::move(entries)));
    ABSL_RETURN_IF_ERROR(CheckByteOrder());
    ABSL_ASSIGN_OR_RETURN(const std::string pickle, ReadEntry("data.pkl", kMaxPickleBytes));
    const std::vector<absl::string_view> globals = KnownGlobals();
    absl::StatusOr<PickleTree> tree = ReadPickle(pickle, globals);
    if (!tree.ok()) return InFile(tree.status(), "data.pkl");
    return ReadStateDict(*tree);
  }

 private:
  absl::Status InFile(const absl::Status& status, absl::string_view what) const {
    return absl::Status(status.code(),
                        absl::StrCat(file_.path(), ": ", what, ": ", status.message()));
  }

  // Entries by their names in the archive's one folder, which is named after the file.
  absl::Status FindPickle(std::vector<ZipEntry> entries) {
    std::vector<std::string> folders;
    for (const ZipEntry& entry : entries) {
      absl::string_view folder = entry.name;
      if (absl::ConsumeSuffix(&folder, "data.pkl") && absl::EndsWith(folder, "/") &&
          folder.find('/') == folder.size() - 1) {
        folders.emplace_back(folder);
      }
    }
    if (folders.size() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_.path(),
                       ": a ZIP archive, expected one that torch.save wrote, with one "
                       "NAME/data.pkl; found ",
                       folders.size()));
    }
    for (ZipEntry& entry : entries) {
      absl::string_view name = entry.name;
      if (absl::ConsumePrefix(&name, folders[0])) entries_[std::string(name)] = std::move(entry);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadEntry(absl::string_view name, int64_t max_bytes) const {
    const ZipEntry& entry = entries_.at(name);
    if (entry.bytes > max_bytes) {
      return InFile(
          Damaged(absl::StrCat("expected at most ", max_bytes, " bytes, found ", entry.bytes)),
          name);
    }
    std::string text(static_cast<size_t>(entry.bytes), '\0');
    ABSL_RETURN_IF_ERROR(file_.ReadAt(
        entry.offset, absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size())));
    return text;
  }

  // Written since torch 2; before, everything was little-endian.
  absl::Status CheckByteOrder() const {
    if (!entries_.contains("byteorder")) return absl::OkStatus();
    ABSL_ASSIGN_OR_RETURN(const std::string order, ReadEntry("byteorder", 16));
    if (order == "little") return absl::OkStatus();
    return InFile(absl::UnimplementedError(absl::StrCat("expected little, found \"", order, "\"")),
                  "byteorder");
  }

  absl::StatusOr<std::vector<WeightEntry>> ReadStateDict(const PickleTree& tree) const {
    const PickleNode& root = tree[tree.root];
    if (root.kind != Kind::kDictionary) {
      return InFile(absl::UnimplementedError("expected a dict of tensors, found another value"),
                    "data.pkl");
    }
    const ViewReader views(tree);
    std::vector<WeightEntry> entries;
    absl::flat_hash_map<absl::string_view, bool> seen;
    for (size_t i = 0; i + 1 < root.parts.size(); i += 2) {
      const PickleNode& key = tree[root.parts[i]];
      if (key.kind != Kind::kText) {
        return InFile(Damaged("expected names as the dict's keys"), "data.pkl");
      }
      const std::string what = absl::StrCat("tensor \"", key.text, "\"");
      if (!seen.try_emplace(key.text, true).second) return InFile(Damaged("is there twice"), what);
      absl::StatusOr<WeightEntry> entry = ReadTensor(views, tree[root.parts[i + 1]]);
      if (!entry.ok()) return InFile(entry.status(), what);
      entry->tensor.name = std::string(key.text);
      entry->tensor.file = file_.path();
      entries.push_back(*std::move(entry));
    }
    return entries;
  }

  absl::StatusOr<WeightEntry> ReadTensor(const ViewReader& views, const PickleNode& value) const {
    ABSL_ASSIGN_OR_RETURN(const View view, views.Read(value));
    const auto storage = entries_.find(absl::StrCat("data/", view.storage));
    if (storage == entries_.end()) {
      return Damaged(absl::StrCat("the archive has no entry data/", view.storage));
    }
    return Place(view, storage->second);
  }

  const InputFile& file_;
  absl::flat_hash_map<std::string, ZipEntry> entries_;
};

bool HasAt(const InputFile& file, int64_t offset, absl::string_view expected) {
  if (file.size() < offset + static_cast<int64_t>(expected.size())) return false;
  std::string found(expected.size(), '\0');
  return file.ReadAt(offset,
                     absl::MakeSpan(reinterpret_cast<std::byte*>(found.data()), found.size()))
             .ok() &&
         found == expected;
}

bool StartsWith(const InputFile& file, absl::string_view expected) {
  return HasAt(file, 0, expected);
}

// The form before 1.6, and the tape archive that came before that.
bool IsLegacy(const InputFile& file) {
  return StartsWith(file, kLegacyStart) || HasAt(file, kTarMagicOffset, "ustar");
}

}  // namespace

bool LooksLikePytorch(const InputFile& file) {
  return StartsWith(file, kZipStart) || StartsWith(file, kLegacyStart);
}

absl::StatusOr<std::vector<WeightEntry>> ReadPytorchArchive(const InputFile& file) {
  if (IsLegacy(file)) {
    return absl::UnimplementedError(absl::StrCat(
        file.path(),
        ": saved by PyTorch before 1.6, in a format that isn't read here; load it with PyTorch and "
        "save it again: torch.save(torch.load(FILE, map_location=\"cpu\"), FILE)"));
  }
  if (!StartsWith(file, kZipStart)) {
    return absl::InvalidArgumentError(absl::StrCat(
        file.path(), ": expected a file that torch.save wrote (a ZIP archive), found ",
        StartsWith(file, "\x80") ? "a pickle alone; load it with Python and save it with torch.save"
                                 : "something else"));
  }
  return ArchiveReader(file).Read();
}

}  // namespace inkling
