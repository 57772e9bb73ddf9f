// Python pickles, without the archive around them.

#include <cstdint>

#include "absl/status/statusor.h"
#include "converter/checkpoints/pytorch/pickle_tree.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  static constexpr absl::string_view kGlobals[] = {
      kOrderedDict,         "torch._utils._rebuild_tensor_v2",
      "torch.FloatStorage", "torch._tensor._rebuild_from_type_v2",
      "torch.Tensor",       "torch._utils._rebuild_parameter_with_state",
      "torch.device",       "torch.BFloat16Storage"};
  const absl::StatusOr<PickleTree> tree = ReadPickle(bytes, kGlobals);
  if (!tree.ok()) return false;
  Expect(tree->root < tree->nodes.size(), "a root that exists");
  for (const PickleNode& node : tree->nodes) {
    for (uint32_t part : node.parts) Expect(part < tree->nodes.size(), "parts that exist");
  }
  return true;
}

}  // namespace inkling
