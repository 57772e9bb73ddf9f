// Files as torch.save lays them out, written by the tests: the pickle of a state dict, and the ZIP
// archive around it. Tests damage them on the way.

#ifndef INKLING_TESTS_CONVERTER_PYTORCH_FIXTURE_H_
#define INKLING_TESTS_CONVERTER_PYTORCH_FIXTURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/converter/checkpoint_fixture.h"

namespace inkling {

// One file of an archive.
struct ZipPart {
  std::string name;
  std::string bytes;
  uint16_t method = 0;      // 8 says that it is compressed
  uint16_t flags = 0x0808;  // sizes behind the data; UTF-8 names
};

// A ZIP archive as PyTorch writes it: sizes behind the data, data aligned to 64 bytes, a zip64
// record in any case. `only_zip64` puts every number into the zip64 fields, as in a file over 4
// GiB; `start` is where in a file the archive will stand, if not at its beginning.
std::string ZipBytes(const std::vector<ZipPart>& parts, bool only_zip64 = false,
                     uint64_t start = 0);

// What torch.save writes around a tensor.
enum class TensorWrapper : uint8_t {
  kNone,
  kType,                // a tensor with attributes
  kParameter,           // a torch.nn.Parameter
  kParameterWithState,  // a parameter with attributes
  kParameterType,       // attributes and a parameter's type
};

// A tensor as a state dict's pickle describes it.
struct PickledTensor {
  std::string name;
  std::string storage_type;  // "FloatStorage"
  std::string storage;       // its key
  int64_t storage_size = 0;
  int64_t offset = 0;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  TensorWrapper wrapper = TensorWrapper::kNone;
};

// The pickle of an OrderedDict of tensors, opcode for opcode as torch.save writes it.
std::string StateDictPickle(const std::vector<PickledTensor>& tensors);

// The parts of an archive around `pickle`: "archive/data.pkl", the storages as "archive/data/KEY",
// and "archive/version".
struct Storage {
  std::string key;
  std::string bytes;
};
std::vector<ZipPart> ArchiveParts(const std::string& pickle, const std::vector<Storage>& storages);

// A whole pytorch_model.bin with these tensors, one storage for each.
std::string PytorchBytes(const std::vector<FixtureTensor>& tensors);

}  // namespace inkling

#endif  // INKLING_TESTS_CONVERTER_PYTORCH_FIXTURE_H_
