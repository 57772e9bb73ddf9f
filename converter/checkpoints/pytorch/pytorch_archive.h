// The contents of a file that torch.save wrote: which tensors of a state dict lie where.
//
// The Hugging Face reader opens pytorch_model.bin and its shards with it. The file is a ZIP archive
// of stored entries: NAME/data.pkl is a pickle of a dict from names to tensors, each a view
// (offset, sizes, strides) of a storage; NAME/data/KEY holds the numbers of storage KEY. Nothing in
// the pickle is executed.

#ifndef INKLING_CONVERTER_CHECKPOINTS_PYTORCH_PYTORCH_ARCHIVE_H_
#define INKLING_CONVERTER_CHECKPOINTS_PYTORCH_PYTORCH_ARCHIVE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "converter/files/input_file.h"
#include "converter/files/source_tensor.h"

namespace inkling {

// True if `file` begins as one of torch.save's formats does: a ZIP archive, or the pickle of
// versions before 1.6 (which ReadPytorchArchive refuses with advice).
bool LooksLikePytorch(const InputFile& file);

// Reads the directory and the pickle of `file`; entries come in the dict's order. Dtypes are
// spelled as safetensors spells them. Tensors may share a storage (tied weights); rows may have
// gaps between them, numbers of a row may not. Errors name the file: those of ReadZipDirectory and
// ReadPickle; InvalidArgument for a view that reaches beyond its storage, and for other
// contradictions; Unimplemented for a dict of other things than tensors, and for other strides.
absl::StatusOr<std::vector<WeightEntry>> ReadPytorchArchive(const InputFile& file);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_PYTORCH_PYTORCH_ARCHIVE_H_
