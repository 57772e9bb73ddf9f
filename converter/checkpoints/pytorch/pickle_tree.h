// PickleTree: what a Python pickle says, as inert data.
//
// A pickle is a program that can call anything; this reader calls nothing. It knows the opcodes
// that torch.save writes and the globals that its caller lists, notes a call as a node, and refuses
// everything else. The PyTorch reader uses it.

#ifndef INKLING_CONVERTER_CHECKPOINTS_PYTORCH_PICKLE_TREE_H_
#define INKLING_CONVERTER_CHECKPOINTS_PYTORCH_PICKLE_TREE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace inkling {

struct PickleNode {
  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInteger,
    kReal,  // its value isn't kept
    kText,
    kTuple,
    kList,
    kDictionary,  // a dict or a collections.OrderedDict
    kGlobal,
    kReference,  // a persistent id: something that lies outside the pickle
    kCall,
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;          // kBool, kInteger
  absl::string_view text = {};  // kText; kGlobal: "module.name"
  std::vector<uint32_t> parts =
      {};  // node numbers. kTuple, kList: items; kDictionary: key, value, key,
           // ...; kReference: the id; kCall: function, arguments
};

// Nodes refer to each other by number. A node may be part of several and even of itself, so walk
// with a bound.
struct PickleTree {
  std::vector<PickleNode> nodes;
  uint32_t root = 0;

  const PickleNode& operator[](uint32_t number) const { return nodes[number]; }
};

// The name of the one global that is understood here: called without arguments it is an empty
// kDictionary.
inline constexpr absl::string_view kOrderedDict = "collections.OrderedDict";

// Reads all of `pickle`, which outlives the result, as do the names in `globals`. Errors, all with
// the byte: Unimplemented for an opcode or a global that isn't known, by name; InvalidArgument for
// damage (a stack that runs empty, an unknown memo entry, a length beyond the end, bytes after the
// end) and for more than 4 million values.
absl::StatusOr<PickleTree> ReadPickle(absl::string_view pickle,
                                      absl::Span<const absl::string_view> globals);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_PYTORCH_PICKLE_TREE_H_
