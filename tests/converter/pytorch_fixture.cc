// Written from what torch.save 1.13 was seen to write; tests/golden/torch_saved has the real thing.

#include "tests/converter/pytorch_fixture.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace inkling {
namespace {

// `size` bytes, little-endian; more than 8 are filled with zeros.
void Append(std::string& bytes, uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
}

uint32_t Crc32(const std::string& bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

// The pickle's opcodes, with the memo that CPython's pickler keeps: every global and text is
// written once and then recalled.
class PickleWriter {
 public:
  void Op(const std::string& opcode) { bytes_ += opcode; }
  void Remember() {
    if (next_ < 256) {
      bytes_ += 'q';
      Append(bytes_, next_, 1);
    } else {
      bytes_ += 'r';
      Append(bytes_, next_, 4);
    }
    ++next_;
  }
  void Global(const std::string& module, const std::string& name) {
    if (Recall("global " + module + name)) return;
    bytes_ += "c" + module + "\n" + name + "\n";
    Remember();
  }
  void Text(const std::string& text) {
    if (Recall("text " + text)) return;
    bytes_ += 'X';
    Append(bytes_, text.size(), 4);
    bytes_ += text;
    Remember();
  }
  void Integer(int64_t value) {
    if (value >= 0 && value < 256) {
      bytes_ += 'K';
      Append(bytes_, static_cast<uint64_t>(value), 1);
    } else if (value >= 0 && value < 65536) {
      bytes_ += 'M';
      Append(bytes_, static_cast<uint64_t>(value), 2);
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
      bytes_ += 'J';
      Append(bytes_, static_cast<uint64_t>(value), 4);
    } else {
      bytes_ += "\x8A\x08";
      Append(bytes_, static_cast<uint64_t>(value), 8);
    }
  }
  void Integers(const std::vector<int64_t>& values) {
    if (values.empty()) return Op(")");
    if (values.size() > 3) Op("(");
    for (const int64_t value : values) Integer(value);
    Op(values.size() == 1   ? "\x85"
       : values.size() == 2 ? "\x86"
       : values.size() == 3 ? "\x87"
                            : "t");
    Remember();
  }
  void OrderedDict() {
    Global("collections", "OrderedDict");
    Op(")R");
    Remember();
  }
  std::string Take() { return std::move(bytes_); }

 private:
  bool Recall(const std::string& what) {
    const auto [found, added] = memo_.try_emplace(what, next_);
    if (added) return false;
    bytes_ += found->second < 256 ? 'h' : 'j';
    Append(bytes_, found->second, found->second < 256 ? 1 : 4);
    return true;
  }

  std::string bytes_ = "\x80\x02";
  std::map<std::string, uint32_t> memo_;
  uint32_t next_ = 0;
};

}  // namespace

namespace {

// The tuple (storage, offset, sizes, strides, requires_grad, hooks).
void WriteTensorArguments(const PickledTensor& tensor, PickleWriter& pickle) {
  pickle.Op("((");
  pickle.Text("storage");
  pickle.Global("torch", tensor.storage_type);
  pickle.Text(tensor.storage);
  pickle.Text("cpu");
  pickle.Integer(tensor.storage_size);
  pickle.Op("t");
  pickle.Remember();
  pickle.Op("Q");
  pickle.Integer(tensor.offset);
  pickle.Integers(tensor.shape);
  pickle.Integers(tensor.strides);
  pickle.Op("\x89");
  pickle.OrderedDict();
  pickle.Op("t");
  pickle.Remember();
}

// {"tag": "ours", "sizes": [1.5, None, torch.device("cpu")]}
void WriteAttributes(PickleWriter& pickle) {
  pickle.Op("}");
  pickle.Remember();
  pickle.Op("(");
  pickle.Text("tag");
  pickle.Text("ours");
  pickle.Text("sizes");
  pickle.Op("](G");
  pickle.Op(std::string("\x3F\xF8\0\0\0\0\0\0N", 9));
  pickle.Global("torch", "device");
  pickle.Text("cpu");
  pickle.Op("\x85Reu");
}

void WriteTensor(const PickledTensor& tensor, PickleWriter& pickle) {
  const bool is_parameter = tensor.wrapper == TensorWrapper::kParameter ||
                            tensor.wrapper == TensorWrapper::kParameterWithState;
  if (is_parameter) {
    pickle.Global("torch._utils", tensor.wrapper == TensorWrapper::kParameter
                                      ? "_rebuild_parameter"
                                      : "_rebuild_parameter_with_state");
    pickle.Op("(");
  }
  if (tensor.wrapper == TensorWrapper::kType || tensor.wrapper == TensorWrapper::kParameterType) {
    pickle.Global("torch._tensor", "_rebuild_from_type_v2");
    pickle.Op("(");
    pickle.Global("torch._utils", "_rebuild_tensor_v2");
    if (tensor.wrapper == TensorWrapper::kType) pickle.Global("torch", "Tensor");
    if (tensor.wrapper == TensorWrapper::kParameterType) {
      pickle.Global("torch.nn.parameter", "Parameter");
    }
    WriteTensorArguments(tensor, pickle);
    WriteAttributes(pickle);
    pickle.Op("t");
    pickle.Remember();
  } else {
    pickle.Global("torch._utils", "_rebuild_tensor_v2");
    WriteTensorArguments(tensor, pickle);
  }
  pickle.Op("R");
  pickle.Remember();
  if (!is_parameter) return;
  pickle.Op("\x88");
  pickle.OrderedDict();
  if (tensor.wrapper == TensorWrapper::kParameterWithState) WriteAttributes(pickle);
  pickle.Op("t");
  pickle.Remember();
  pickle.Op("R");
  pickle.Remember();
}

}  // namespace

std::string StateDictPickle(const std::vector<PickledTensor>& tensors) {
  PickleWriter pickle;
  pickle.OrderedDict();
  pickle.Op("(");
  for (const PickledTensor& tensor : tensors) {
    pickle.Text(tensor.name);
    WriteTensor(tensor, pickle);
  }
  // The attribute _metadata that torch.nn.Module.state_dict adds.
  pickle.Op("u}");
  pickle.Remember();
  pickle.Text("_metadata");
  pickle.OrderedDict();
  pickle.Text("");
  pickle.Op("}");
  pickle.Remember();
  pickle.Text("version");
  pickle.Integer(1);
  pickle.Op("sssb.");
  return pickle.Take();
}

namespace {

// A part with its header, its data at a multiple of 64 bytes, and the descriptor behind it.
void AppendPart(const ZipPart& part, std::string& file) {
  Append(file, 0x04034B50, 4);
  Append(file, 0, 2);
  Append(file, part.flags, 2);
  Append(file, part.method, 2);
  Append(file, 0, 16);  // time, date, checksum, sizes
  Append(file, part.name.size(), 2);
  const size_t data = file.size() + 2 + part.name.size() + 4;
  const size_t padding = (64 - data % 64) % 64;
  Append(file, 4 + padding, 2);
  file += part.name + "FB";
  Append(file, padding, 2);
  file += std::string(padding, 'Z') + part.bytes;
  Append(file, 0x08074B50, 4);
  Append(file, Crc32(part.bytes), 4);
  Append(file, part.bytes.size(), 4);
  Append(file, part.bytes.size(), 4);
}

void AppendDirectoryEntry(const ZipPart& part, uint64_t local, bool only_zip64,
                          std::string& directory) {
  Append(directory, 0x02014B50, 4);
  Append(directory, 0, 4);
  Append(directory, part.flags, 2);
  Append(directory, part.method, 2);
  Append(directory, 0, 4);
  Append(directory, Crc32(part.bytes), 4);
  Append(directory, only_zip64 ? 0xFFFFFFFF : part.bytes.size(), 4);
  Append(directory, only_zip64 ? 0xFFFFFFFF : part.bytes.size(), 4);
  Append(directory, part.name.size(), 2);
  Append(directory, only_zip64 ? 28 : 0, 2);
  Append(directory, 0, 10);
  Append(directory, only_zip64 ? 0xFFFFFFFF : local, 4);
  directory += part.name;
  if (!only_zip64) return;
  Append(directory, 1, 2);
  Append(directory, 24, 2);
  Append(directory, part.bytes.size(), 8);
  Append(directory, part.bytes.size(), 8);
  Append(directory, local, 8);
}

// The records that say where the directory begins and how long it is.
void AppendEnd(uint64_t begin, size_t directory_size, size_t count, bool only_zip64,
               std::string& file) {
  const uint64_t end64 = begin + directory_size;
  Append(file, 0x06064B50, 4);
  Append(file, 44, 8);
  Append(file, 0x032D001E, 4);
  Append(file, 0, 8);
  Append(file, count, 8);
  Append(file, count, 8);
  Append(file, directory_size, 8);
  Append(file, begin, 8);
  Append(file, 0x07064B50, 4);
  Append(file, 0, 4);
  Append(file, end64, 8);
  Append(file, 1, 4);
  Append(file, 0x06054B50, 4);
  Append(file, 0, 4);
  Append(file, only_zip64 ? 0xFFFF : count, 2);
  Append(file, only_zip64 ? 0xFFFF : count, 2);
  Append(file, only_zip64 ? 0xFFFFFFFF : directory_size, 4);
  Append(file, only_zip64 ? 0xFFFFFFFF : begin, 4);
  Append(file, 0, 2);
}

}  // namespace

std::string ZipBytes(const std::vector<ZipPart>& parts, bool only_zip64, uint64_t start) {
  std::string file;
  std::string directory;
  for (const ZipPart& part : parts) {
    AppendDirectoryEntry(part, start + file.size(), only_zip64, directory);
    AppendPart(part, file);
  }
  const uint64_t begin = start + file.size();
  file += directory;
  AppendEnd(begin, directory.size(), parts.size(), only_zip64, file);
  return file;
}

std::vector<ZipPart> ArchiveParts(const std::string& pickle, const std::vector<Storage>& storages) {
  std::vector<ZipPart> parts = {{"archive/data.pkl", pickle}};
  for (const Storage& storage : storages) {
    parts.push_back({"archive/data/" + storage.key, storage.bytes});
  }
  parts.push_back({"archive/version", "3\n"});
  return parts;
}

std::string PytorchBytes(const std::vector<FixtureTensor>& tensors) {
  static const std::map<std::string, std::string> kTypes = {
      {"F32", "FloatStorage"}, {"F16", "HalfStorage"}, {"BF16", "BFloat16Storage"}};
  std::vector<PickledTensor> pickled;
  std::vector<Storage> storages;
  for (const FixtureTensor& tensor : tensors) {
    PickledTensor entry;
    entry.name = tensor.name;
    entry.storage_type = kTypes.at(tensor.dtype);
    entry.storage = absl::StrCat(storages.size());
    entry.storage_size = static_cast<int64_t>(tensor.values.size());
    entry.shape = tensor.shape;
    int64_t stride = 1;
    for (size_t i = tensor.shape.size(); i > 0; --i) {
      entry.strides.insert(entry.strides.begin(), stride);
      stride *= tensor.shape[i - 1];
    }
    storages.push_back({entry.storage, ValueBytesOf(tensor)});
    pickled.push_back(std::move(entry));
  }
  return ZipBytes(ArchiveParts(StateDictPickle(pickled), storages));
}

}  // namespace inkling
