// Which files of a Hugging Face folder hold the model's weights, in the order in which transformers
// 5 looks for them (_get_resolved_checkpoint_files in modeling_utils.py): model.safetensors, the
// index of its shards, pytorch_model.bin, the index of its shards; each with the variant's name in
// it if a variant is asked for, and only then.
//
// The Hugging Face reader opens what is found here. What lies beside it and isn't read is noted.

#ifndef INKLING_CONVERTER_CHECKPOINTS_HUGGING_FACE_WEIGHT_FILES_H_
#define INKLING_CONVERTER_CHECKPOINTS_HUGGING_FACE_WEIGHT_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace inkling {

enum class WeightKind : uint8_t { kSafetensors, kPytorch };

struct WeightFiles {
  WeightKind kind = WeightKind::kSafetensors;
  std::vector<std::string> names;  // in the folder
  std::string index;               // the index that lists them; empty: one file without an index
  nlohmann::json weight_map;       // the index's object: a tensor's name and its file
  std::vector<std::string> notes = {};  // weight files that aren't read, for people
};

// The weights of `folder`. `variant` ("fp16") is a part of file names, model.fp16.safetensors;
// empty: the files without one. `named_by_config` is config.json's transformers_weights, which
// names the file itself; empty: it has none. Where no name that transformers knows is there, one
// other .safetensors file that is no variant will do. Errors: NotFound (no weights, those of other
// variants only, or a shard that the index names), InvalidArgument (an index that isn't one,
// several files without an index), Unimplemented for a folder with only another format's weights.
absl::StatusOr<WeightFiles> FindWeightFiles(const std::string& folder, const std::string& variant,
                                            const std::string& named_by_config);

// True for the name of a file that holds a part of a model ("model-00001-of-00002.safetensors").
bool IsPartOfSeveral(absl::string_view name);

// True if `folder` has a file that FindWeightFiles takes without a variant, or may take.
bool HasWeightFiles(const std::string& folder);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_HUGGING_FACE_WEIGHT_FILES_H_
