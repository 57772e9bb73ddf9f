// The pickle reader: values come out as they went in, and everything that a dict of tensors doesn't
// need is refused by name, without being executed.

#include "converter/checkpoints/pytorch/pickle_tree.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;
using Kind = PickleNode::Kind;

const std::vector<absl::string_view> kGlobals = {kOrderedDict, "torch.FloatStorage"};

// A pickle may hold zeros.
template <size_t n>
std::string Bytes(const char (&literal)[n]) {
  return std::string(literal, n - 1);
}

absl::StatusOr<PickleTree> Read(const std::string& opcodes) {
  static std::string* pickle = new std::string;  // the tree refers to it
  *pickle = "\x80\x02" + opcodes;
  return ReadPickle(*pickle, kGlobals);
}

int64_t Integer(const std::string& opcodes) {
  const absl::StatusOr<PickleTree> tree = Read(opcodes + ".");
  EXPECT_OK(tree);
  EXPECT_EQ((*tree)[tree->root].kind, Kind::kInteger);
  return (*tree)[tree->root].integer;
}

TEST(PickleTreeTest, Integers) {
  EXPECT_EQ(Integer("K\xFF"), 255);
  EXPECT_EQ(Integer("M\x01\xFF"), 0xFF01);
  EXPECT_EQ(Integer("J\xFE\xFF\xFF\xFF"), -2);
  EXPECT_EQ(Integer("J\xFF\xFF\xFF\x7F"), 0x7FFFFFFF);
  EXPECT_EQ(Integer(Bytes("\x8A\0")), 0);
  EXPECT_EQ(Integer("\x8A\x01\xFF"), -1);
  EXPECT_EQ(Integer(Bytes("\x8A\x02\xFF\0")), 255);
  EXPECT_EQ(Integer(Bytes("\x8A\x05\0\0\0\0\x02")), int64_t{1} << 33);
  EXPECT_EQ(Integer(Bytes("\x8A\x08\0\0\0\0\0\0\0\x80")), std::numeric_limits<int64_t>::min());
}

TEST(PickleTreeTest, ContainersMemoAndCalls) {
  // {"a": (None, True, 1.0), "b": OrderedDict(), "c": [7, 7], "d": FloatStorage(7)}, with a memo.
  ASSERT_OK_AND_ASSIGN(
      const PickleTree tree,
      Read(Bytes("}q\0(X\1\0\0\0aN\x88G\0\0\0\0\0\0\0\0\x87X\1\0\0\0bccollections\nOrderedDict\n)R}"
                 "bX\1\0\0\0c](K\7r\0\1\0\0j\0\1\0\0eX\1\0\0\0dctorch\nFloatStorage\nj\0\1\0\0\x85R"
                 "u.")));
  const PickleNode& root = tree[tree.root];
  ASSERT_EQ(root.kind, Kind::kDictionary);
  ASSERT_EQ(root.parts.size(), 8);
  EXPECT_EQ(tree[root.parts[0]].text, "a");
  const PickleNode& tuple = tree[root.parts[1]];
  ASSERT_EQ(tuple.kind, Kind::kTuple);
  ASSERT_EQ(tuple.parts.size(), 3);
  EXPECT_EQ(tree[tuple.parts[0]].kind, Kind::kNone);
  EXPECT_EQ(tree[tuple.parts[1]].integer, 1);
  EXPECT_EQ(tree[tuple.parts[2]].kind, Kind::kReal);
  EXPECT_EQ(tree[root.parts[3]].kind, Kind::kDictionary);
  const PickleNode& list = tree[root.parts[5]];
  ASSERT_EQ(list.parts.size(), 2);
  EXPECT_EQ(list.parts[0], list.parts[1]);
  const PickleNode& call = tree[root.parts[7]];
  ASSERT_EQ(call.kind, Kind::kCall);
  EXPECT_EQ(tree[call.parts[0]].text, "torch.FloatStorage");
  EXPECT_EQ(tree[tree[call.parts[1]].parts[0]].integer, 7);
}

TEST(PickleTreeTest, ForeignGlobalsAreRefusedByName) {
  // os.system("touch /tmp/executed"), as an attacker would write it.
  EXPECT_THAT(
      Read(Bytes("cos\nsystem\nX\5\0\0\0touch\x85R.")),
      MatchesStatus(StatusCode::kUnimplemented, {"byte 2", "os.system", "nothing is executed"}));
  EXPECT_THAT(Read("c__builtin__\neval\n."),
              MatchesStatus(StatusCode::kUnimplemented, {"__builtin__.eval"}));
  EXPECT_THAT(Read("ctorch\nFloatStorage.__class__\n."), MatchesStatus(StatusCode::kUnimplemented));
  EXPECT_THAT(Read("c" + std::string(10000, 'x') + "\n."),
              MatchesStatus(StatusCode::kInvalidArgument, {"a name of more than"}));
}

TEST(PickleTreeTest, ForeignOpcodesAreRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"i", "INST"},
      {"o", "OBJ"},
      {"\x81", "NEWOBJ"},
      {"\x92", "NEWOBJ_EX"},
      {"\x93", "STACK_GLOBAL"},
      {"\x82", "EXT1"},
      {"P", "PERSID"},
      {"0", "POP"},
      {"2", "DUP"},
      {"\x95", "FRAME"},
      {"\x8B", "LONG4"},
      {"\xFF", "no opcode"},
  };
  for (const auto& [opcode, name] : cases) {
    EXPECT_THAT(Read("N" + opcode + "."),
                MatchesStatus(StatusCode::kUnimplemented, {"byte 3", name}));
  }
  EXPECT_THAT(ReadPickle("\x80\x04N.", kGlobals),
              MatchesStatus(StatusCode::kUnimplemented, {"protocol 2", "found 4"}));
  // Every opcode there could be, with nothing on the stack.
  for (int opcode = 0; opcode < 256; ++opcode) {
    if (opcode == '.') continue;
    EXPECT_FALSE(Read(std::string(1, static_cast<char>(opcode))).ok()) << opcode;
  }
}

TEST(PickleTreeTest, DamageIsAnError) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "1 bytes wanted, 0 left"},
      {".", "the stack is empty"},
      {"NN.", "left on the stack"},
      {"(N.", "left on the stack"},
      {"N.N", "1 bytes after the end"},
      {"X\xFF\xFF\xFF\xFFhi", "4294967295 bytes wanted"},
      {"X\1", "4 bytes wanted"},
      {"K", "1 bytes wanted"},
      {"\x8A\xFF" + std::string(255, 'x'), "an integer of 255 bytes"},
      {"h\7", "the memo has no entry 7"},
      {"q\1", "nothing to put"},
      {"t", "no mark"},
      {"u", "no mark"},
      {"N(\x85", "the stack is empty"},  // what lies below a mark can't be popped
      {"](NNu", "a dictionary"},
      {"}(NNe", "a list"},
      {"}(Nu", "a key without a value"},
      {"NNs", "the stack is empty"},
      {"N)R", "a call of a global"},
      {"ccollections\nOrderedDict\nNR", "a call of a global"},
      {"ccollections\nOrderedDict\nN\x85R", "made with arguments"},
      {"N}b", "attributes"},
      {"}Nb", "attributes"},
      {"cno newline", "a name of more"},
  };
  for (const auto& [opcodes, message] : cases) {
    EXPECT_THAT(Read(opcodes), MatchesStatus(StatusCode::kInvalidArgument, {message})) << opcodes;
  }
}

// What would grow without bound in Python costs no more here than its own bytes.
TEST(PickleTreeTest, BombsCostTheirOwnLength) {
  std::string nested(1 << 20, ']');
  for (size_t i = 1; i < (1 << 20); ++i) nested += 'a';
  EXPECT_OK(Read(nested + "."));
  EXPECT_OK(Read("N" + std::string(1 << 20, '\x85') + "."));

  // Each tuple holds the last one ten times: 10^40 leaves if it were unfolded.
  std::string doubling = Bytes("Nq\0");
  for (int level = 0; level < 40; ++level) {
    doubling += "(";
    for (int i = 0; i < 10; ++i) doubling += Bytes("h\0");
    doubling += Bytes("tq\0");
  }
  EXPECT_OK(Read(doubling + std::string(40, '\x86') + "."));

  // A list that contains itself.
  EXPECT_OK(Read(Bytes("]q\0h\0a.")));
  EXPECT_THAT(Read(std::string(5 << 20, 'N')),
              MatchesStatus(StatusCode::kInvalidArgument, {"more than 4194304 values"}));
}

}  // namespace
}  // namespace inkling
