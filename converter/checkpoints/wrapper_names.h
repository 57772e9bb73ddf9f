// Names that training tools leave around and beside a model's tensors: prefixes of the modules that
// wrapped it, heads of other tasks, low-rank factors that were never merged.

#ifndef INKLING_CONVERTER_CHECKPOINTS_WRAPPER_NAMES_H_
#define INKLING_CONVERTER_CHECKPOINTS_WRAPPER_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/checkpoints/checkpoint.h"

namespace inkling {

// Takes the prefixes of wrapping modules ("_orig_mod.", "module.", "pretrained_model.",
// "base_model.model.", also several of them) off, if all tensors have them but those of other
// heads, which lie beside a wrapped model. Returns what was taken off; `name_in_file` keeps the
// names as they were. Error: InvalidArgument if two tensors had the same name then.
absl::StatusOr<std::string> TakeOffWrapperPrefixes(std::vector<SourceTensor>& tensors);

// The part by which `name` is known as a tensor of a head that scores or classifies, as trainers of
// reward models add it ("v_head.", "score."); empty for other names.
absl::string_view OtherHead(absl::string_view name);

// Error: Unimplemented for a checkpoint that has the factors of LoRA beside weights, or without
// them, with what to do.
absl::Status RefuseUnmergedAdapters(const Checkpoint& checkpoint);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_WRAPPER_NAMES_H_
