// The pickle machine: a stack of nodes, a memo, and marks that begin tuples and lists.
//
// Every opcode that makes a node costs a byte of the pickle and nothing is copied or walked in
// depth, so time and memory grow with the pickle's length whatever it says. Opcodes: CPython's
// pickletools.py; those known here are what torch.save (protocol 2) writes for a dict of tensors.

#include "converter/checkpoints/pytorch/pickle_tree.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace inkling {
namespace {

using Kind = PickleNode::Kind;

constexpr size_t kMaxNodes = size_t{4} << 20;
constexpr size_t kMaxNameBytes = 256;

// Names of opcodes that are refused, for messages.
struct OpcodeName {
  uint8_t opcode;
  absl::string_view name;
};
constexpr OpcodeName kRefused[] = {
    {'0', "POP"},
    {'1', "POP_MARK"},
    {'2', "DUP"},
    {'B', "BINBYTES"},
    {'C', "SHORT_BINBYTES"},
    {'F', "FLOAT"},
    {'I', "INT"},
    {'L', "LONG"},
    {'P', "PERSID"},
    {'S', "STRING"},
    {'T', "BINSTRING"},
    {'U', "SHORT_BINSTRING"},
    {'V', "UNICODE"},
    {'d', "DICT"},
    {'g', "GET"},
    {'i', "INST"},
    {'l', "LIST"},
    {'o', "OBJ"},
    {'p', "PUT"},
    {0x81, "NEWOBJ"},
    {0x82, "EXT1"},
    {0x83, "EXT2"},
    {0x84, "EXT4"},
    {0x8B, "LONG4"},
    {0x8C, "SHORT_BINUNICODE"},
    {0x8D, "BINUNICODE8"},
    {0x8E, "BINBYTES8"},
    {0x8F, "EMPTY_SET"},
    {0x90, "ADDITEMS"},
    {0x91, "FROZENSET"},
    {0x92, "NEWOBJ_EX"},
    {0x93, "STACK_GLOBAL"},
    {0x94, "MEMOIZE"},
    {0x95, "FRAME"},
    {0x96, "BYTEARRAY8"},
    {0x97, "NEXT_BUFFER"},
    {0x98, "READONLY_BUFFER"},
};

class PickleMachine {
 public:
  PickleMachine(absl::string_view pickle, absl::Span<const absl::string_view> globals)
      : pickle_(pickle), globals_(globals) {}

  absl::StatusOr<PickleTree> Run() {
    while (true) {
      opcode_at_ = position_;
      ABSL_ASSIGN_OR_RETURN(const uint64_t opcode, TakeNumber(1));
      if (opcode == '.') break;
      ABSL_RETURN_IF_ERROR(Step(static_cast<uint8_t>(opcode)));
    }
    ABSL_ASSIGN_OR_RETURN(tree_.root, Pop());
    if (!stack_.empty() || !marks_.empty()) return Damaged("values left on the stack at the end");
    if (position_ != pickle_.size()) {
      return Damaged(absl::StrCat(pickle_.size() - position_, " bytes after the end"));
    }
    return std::move(tree_);
  }

 private:
  absl::Status Damaged(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("pickle, byte ", opcode_at_, ": ", what));
  }

  absl::Status Step(uint8_t opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        return CheckProtocol();
      case 'c':  // GLOBAL
        return PushGlobal();
      case '(':  // MARK
        marks_.push_back(stack_.size());
        return absl::OkStatus();
      case ')':  // EMPTY_TUPLE
        return Push({.kind = Kind::kTuple});
      case ']':  // EMPTY_LIST
        return Push({.kind = Kind::kList});
      case '}':  // EMPTY_DICT
        return Push({.kind = Kind::kDictionary});
      case 't': {  // TUPLE
        ABSL_ASSIGN_OR_RETURN(std::vector<uint32_t> items, PopToMark());
        return Push({.kind = Kind::kTuple, .parts = std::move(items)});
      }
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        return PushTuple(opcode - 0x84);
      case 'a':  // APPEND
        return Extend(Kind::kList, 1);
      case 's':  // SETITEM
        return Extend(Kind::kDictionary, 2);
      case 'e':  // APPENDS
        return ExtendFromMark(Kind::kList);
      case 'u':  // SETITEMS
        return ExtendFromMark(Kind::kDictionary);
      case 'b':  // BUILD
        return SetAttributes();
      case 'R':  // REDUCE
        return PushCall();
      case 'Q': {  // BINPERSID
        ABSL_ASSIGN_OR_RETURN(const uint32_t id, Pop());
        return Push({.kind = Kind::kReference, .parts = {id}});
      }
      case 'q':  // BINPUT
        return Remember(1);
      case 'r':  // LONG_BINPUT
        return Remember(4);
      case 'h':  // BINGET
        return Recall(1);
      case 'j':  // LONG_BINGET
        return Recall(4);
      default:
        return PushScalar(opcode);
    }
  }

  absl::Status PushScalar(uint8_t opcode) {
    switch (opcode) {
      case 'N':
        return Push({.kind = Kind::kNone});
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        return Push({.kind = Kind::kBool, .integer = opcode == 0x88});
      case 'K':  // BININT1
        return PushInteger(1);
      case 'M':  // BININT2
        return PushInteger(2);
      case 'J':  // BININT
        return PushInteger(4);
      case 0x8A:  // LONG1
        return PushLong();
      case 'G': {  // BINFLOAT
        ABSL_RETURN_IF_ERROR(TakeText(8).status());
        return Push({.kind = Kind::kReal});
      }
      case 'X': {  // BINUNICODE
        ABSL_ASSIGN_OR_RETURN(const uint64_t bytes, TakeNumber(4));
        ABSL_ASSIGN_OR_RETURN(const absl::string_view text, TakeText(bytes));
        return Push({.kind = Kind::kText, .text = text});
      }
      default:
        return Refuse(opcode);
    }
  }

  absl::Status Refuse(uint8_t opcode) const {
    absl::string_view name = "no opcode of any protocol";
    for (const OpcodeName& known : kRefused) {
      if (known.opcode == opcode) name = known.name;
    }
    return absl::UnimplementedError(
        absl::StrFormat("pickle, byte %d: opcode 0x%02X (%s) is refused: a state dict of tensors, "
                        "as torch.save writes it, has none",
                        opcode_at_, opcode, name));
  }

  absl::Status CheckProtocol() {
    ABSL_ASSIGN_OR_RETURN(const uint64_t protocol, TakeNumber(1));
    if (protocol == 2) return absl::OkStatus();
    return absl::UnimplementedError(
        absl::StrCat("pickle, byte ", opcode_at_,
                     ": expected protocol 2, which torch.save writes, found ", protocol));
  }

  // Reading.

  absl::StatusOr<absl::string_view> TakeText(uint64_t bytes) {
    if (bytes > pickle_.size() - position_) {
      return Damaged(absl::StrCat(bytes, " bytes wanted, ", pickle_.size() - position_, " left"));
    }
    const absl::string_view text = pickle_.substr(position_, static_cast<size_t>(bytes));
    position_ += text.size();
    return text;
  }

  absl::StatusOr<uint64_t> TakeNumber(size_t bytes) {
    ABSL_ASSIGN_OR_RETURN(const absl::string_view text, TakeText(bytes));
    uint64_t value = 0;
    for (size_t i = bytes; i > 0; --i) value = value << 8 | static_cast<unsigned char>(text[i - 1]);
    return value;
  }

  absl::StatusOr<absl::string_view> TakeLine() {
    const size_t end = pickle_.substr(position_, kMaxNameBytes + 1).find('\n');
    if (end == absl::string_view::npos) {
      return Damaged(absl::StrCat("a name of more than ", kMaxNameBytes, " bytes"));
    }
    ABSL_ASSIGN_OR_RETURN(const absl::string_view line, TakeText(end + 1));
    return line.substr(0, end);
  }

  // The stack. What lies below the last mark can't be popped.

  absl::Status Push(PickleNode node) {
    if (tree_.nodes.size() == kMaxNodes) {
      return Damaged(absl::StrCat("more than ", kMaxNodes, " values"));
    }
    stack_.push_back(static_cast<uint32_t>(tree_.nodes.size()));
    tree_.nodes.push_back(std::move(node));
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> Pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) return Damaged("the stack is empty");
    const uint32_t top = stack_.back();
    stack_.pop_back();
    return top;
  }

  absl::StatusOr<std::vector<uint32_t>> PopToMark() {
    if (marks_.empty()) return Damaged("no mark on the stack");
    std::vector<uint32_t> items(stack_.begin() + static_cast<ptrdiff_t>(marks_.back()),
                                stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }

  absl::StatusOr<std::vector<uint32_t>> PopMany(size_t count) {
    std::vector<uint32_t> items(count);
    for (size_t i = count; i > 0; --i) {
      ABSL_ASSIGN_OR_RETURN(items[i - 1], Pop());
    }
    return items;
  }

  // Values.

  absl::Status PushInteger(size_t bytes) {
    ABSL_ASSIGN_OR_RETURN(const uint64_t value, TakeNumber(bytes));
    const int64_t integer = bytes == 4 ? static_cast<int32_t>(static_cast<uint32_t>(value))
                                       : static_cast<int64_t>(value);
    return Push({.kind = Kind::kInteger, .integer = integer});
  }

  // A two's complement number of any length; sizes need at most 8 bytes.
  absl::Status PushLong() {
    ABSL_ASSIGN_OR_RETURN(const uint64_t bytes, TakeNumber(1));
    if (bytes > 8) return Damaged(absl::StrCat("an integer of ", bytes, " bytes"));
    ABSL_ASSIGN_OR_RETURN(uint64_t value, TakeNumber(static_cast<size_t>(bytes)));
    const bool negative = bytes > 0 && (value >> (8 * bytes - 1) & 1) != 0;
    if (negative && bytes < 8) value |= ~uint64_t{0} << (8 * bytes);
    return Push({.kind = Kind::kInteger, .integer = static_cast<int64_t>(value)});
  }

  absl::Status PushGlobal() {
    ABSL_ASSIGN_OR_RETURN(const absl::string_view module, TakeLine());
    ABSL_ASSIGN_OR_RETURN(const absl::string_view name, TakeLine());
    const std::string full = absl::StrCat(module, ".", name);
    const auto known = std::find(globals_.begin(), globals_.end(), full);
    if (known == globals_.end()) {
      return absl::UnimplementedError(
          absl::StrCat("pickle, byte ", opcode_at_, ": the global ", full,
                       " is refused: a state dict of tensors has none, and nothing is executed"));
    }
    return Push({.kind = Kind::kGlobal, .text = *known});
  }

  absl::Status PushTuple(size_t count) {
    ABSL_ASSIGN_OR_RETURN(std::vector<uint32_t> items, PopMany(count));
    return Push({.kind = Kind::kTuple, .parts = std::move(items)});
  }

  absl::Status PushCall() {
    ABSL_ASSIGN_OR_RETURN(const uint32_t arguments, Pop());
    ABSL_ASSIGN_OR_RETURN(const uint32_t function, Pop());
    if (tree_[function].kind != Kind::kGlobal || tree_[arguments].kind != Kind::kTuple) {
      return Damaged("expected a call of a global with a tuple of arguments");
    }
    if (tree_[function].text == kOrderedDict) {
      if (!tree_[arguments].parts.empty()) return Damaged("an OrderedDict made with arguments");
      return Push({.kind = Kind::kDictionary});
    }
    return Push({.kind = Kind::kCall, .parts = {function, arguments}});
  }

  // Containers.

  absl::Status Append(Kind kind, absl::Span<const uint32_t> items) {
    ABSL_ASSIGN_OR_RETURN(const uint32_t container, Pop());
    if (tree_[container].kind != kind) {
      return Damaged(kind == Kind::kList ? "expected a list to add to"
                                         : "expected a dictionary to add to");
    }
    if (kind == Kind::kDictionary && items.size() % 2 != 0) return Damaged("a key without a value");
    std::vector<uint32_t>& parts = tree_.nodes[container].parts;
    parts.insert(parts.end(), items.begin(), items.end());
    stack_.push_back(container);
    return absl::OkStatus();
  }

  absl::Status Extend(Kind kind, size_t count) {
    ABSL_ASSIGN_OR_RETURN(const std::vector<uint32_t> items, PopMany(count));
    return Append(kind, items);
  }

  absl::Status ExtendFromMark(Kind kind) {
    ABSL_ASSIGN_OR_RETURN(const std::vector<uint32_t> items, PopToMark());
    return Append(kind, items);
  }

  // Attributes of a dictionary (torch's state dicts carry `_metadata`) mean nothing here.
  absl::Status SetAttributes() {
    ABSL_ASSIGN_OR_RETURN(const uint32_t attributes, Pop());
    ABSL_ASSIGN_OR_RETURN(const uint32_t object, Pop());
    if (tree_[attributes].kind != Kind::kDictionary || tree_[object].kind != Kind::kDictionary) {
      return Damaged("attributes are set on something other than a dictionary");
    }
    stack_.push_back(object);
    return absl::OkStatus();
  }

  // The memo.

  absl::Status Remember(size_t bytes) {
    ABSL_ASSIGN_OR_RETURN(const uint64_t key, TakeNumber(bytes));
    if (stack_.empty()) return Damaged("nothing to put into the memo");
    memo_[key] = stack_.back();
    return absl::OkStatus();
  }

  absl::Status Recall(size_t bytes) {
    ABSL_ASSIGN_OR_RETURN(const uint64_t key, TakeNumber(bytes));
    const auto found = memo_.find(key);
    if (found == memo_.end()) return Damaged(absl::StrCat("the memo has no entry ", key));
    stack_.push_back(found->second);
    return absl::OkStatus();
  }

  absl::string_view pickle_;
  absl::Span<const absl::string_view> globals_;
  size_t position_ = 0;
  size_t opcode_at_ = 0;
  PickleTree tree_;
  std::vector<uint32_t> stack_;
  std::vector<size_t> marks_;
  absl::flat_hash_map<uint64_t, uint32_t> memo_;
};

}  // namespace

absl::StatusOr<PickleTree> ReadPickle(absl::string_view pickle,
                                      absl::Span<const absl::string_view> globals) {
  return PickleMachine(pickle, globals).Run();
}

}  // namespace inkling
