// Verifies the flatbuffer with TFLite's own layout (src/format/tflite.fbs), then every extent it
// claims.

#include "converter/mediapipe_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "converter/checked_size.h"
#include "flatbuffers/flatbuffers.h"
#include "src/format/container.h"

namespace inkling {
namespace {

constexpr absl::string_view kParametersEntry = "odml.infra.proto.LlmParameters";
constexpr absl::string_view kTokenizerEntry = "spm_vocab_model";
constexpr absl::string_view kBackendEntry = "backend";
constexpr absl::string_view kModelTypeEntry = "odml.infra.LlmModelType";

constexpr size_t kIdentifierEnd = 8;
constexpr uint64_t kMaxParameterBytes = uint64_t{1} << 20;
constexpr uint64_t kMaxTokenizerBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxBackendBytes = 16;
constexpr flatbuffers::uoffset_t kMaxNameBytes = 512;
constexpr flatbuffers::uoffset_t kMaxRank = 8;

absl::StatusOr<std::vector<std::byte>> ReadBytes(const InputFile& file, uint64_t offset,
                                                 uint64_t size) {
  std::vector<std::byte> bytes(static_cast<size_t>(size));
  ABSL_RETURN_IF_ERROR(file.ReadAt(static_cast<int64_t>(offset), absl::MakeSpan(bytes)));
  return bytes;
}

class FileReader {
 public:
  explicit FileReader(const InputFile& file) : file_(file) {}

  absl::StatusOr<MediapipeFile> Read() {
    ABSL_RETURN_IF_ERROR(Verify());
    ABSL_RETURN_IF_ERROR(CheckKind());
    MediapipeFile result;
    ABSL_ASSIGN_OR_RETURN(result.parameters, ReadEntry(kParametersEntry, kMaxParameterBytes));
    if (FindEntry(kTokenizerEntry) != nullptr) {
      ABSL_ASSIGN_OR_RETURN(result.tokenizer, ReadEntry(kTokenizerEntry, kMaxTokenizerBytes));
    }
    const wire::Metadata* type = FindEntry(kModelTypeEntry);
    if (type == nullptr) return Invalid(kModelTypeEntry, "expected the type of model, found none");
    result.model_type = type->buffer();
    ABSL_RETURN_IF_ERROR(ReadTensors(result.tensors));
    return result;
  }

 private:
  absl::Status Invalid(absl::string_view where, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_.path(), ": ", where, ": ", what));
  }

  absl::Status Verify() {
    const int64_t size = std::min(file_.size(), kMaxContainerBytes);
    ABSL_ASSIGN_OR_RETURN(bytes_, ReadBytes(file_, 0, static_cast<uint64_t>(size)));
    flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size());
    if (!wire::VerifyModelBuffer(verifier)) {
      return Invalid(
          "TensorFlow Lite file",
          absl::StrCat("expected one flatbuffer in the first ", bytes_.size(),
                       " bytes, as in MediaPipe's hand-written LLM files, found a damaged "
                       "one, or a graph with its weights inside"));
    }
    model_ = wire::GetModel(bytes_.data());
    return absl::OkStatus();
  }

  absl::Status CheckKind() const {
    if (FindEntry(kMetadataEntry) != nullptr) {
      return Invalid("Inkling model file", "it is converted already");
    }
    if (FindEntry(kParametersEntry) == nullptr || model_->buffers() == nullptr) {
      return absl::UnimplementedError(absl::StrCat(
          file_.path(),
          ": a TensorFlow Lite model, expected a MediaPipe LLM file, whose metadata has "
          "an entry ",
          kParametersEntry, "; convert the checkpoint that it was made from"));
    }
    if (FindEntry(kBackendEntry) == nullptr) {
      return Invalid(kBackendEntry, "expected the word cpu, found nothing");
    }
    ABSL_ASSIGN_OR_RETURN(const std::string backend, ReadEntry(kBackendEntry, kMaxBackendBytes));
    if (backend == "cpu") return absl::OkStatus();
    return absl::UnimplementedError(
        absl::StrCat(file_.path(), ": a MediaPipe LLM file for the backend \"", backend,
                     "\", whose layout isn't published: expected one for cpu"));
  }

  // Null if there is none.
  const wire::Metadata* FindEntry(absl::string_view name) const {
    if (model_->metadata() == nullptr) return nullptr;
    for (const wire::Metadata* entry : *model_->metadata()) {
      if (entry->name() != nullptr && entry->name()->string_view() == name) return entry;
    }
    return nullptr;
  }

  // The extent of buffer `index`, inside the file.
  absl::StatusOr<Extent> FindBuffer(uint32_t index, absl::string_view user) const {
    if (index >= model_->buffers()->size()) {
      return Invalid(user, absl::StrCat("expected a buffer below ", model_->buffers()->size(),
                                        ", found ", index));
    }
    const wire::Buffer& buffer = *model_->buffers()->Get(index);
    const uint64_t file_bytes = static_cast<uint64_t>(file_.size());
    if (buffer.offset() > file_bytes || buffer.size() > file_bytes - buffer.offset()) {
      return Invalid(user, absl::StrCat("expected bytes inside the file's ", file_bytes, ", found ",
                                        buffer.size(), " bytes at ", buffer.offset()));
    }
    return Extent{static_cast<int64_t>(buffer.offset()), static_cast<int64_t>(buffer.size())};
  }

  absl::StatusOr<std::string> ReadEntry(absl::string_view name, uint64_t max_bytes) const {
    ABSL_ASSIGN_OR_RETURN(const Extent extent, FindBuffer(FindEntry(name)->buffer(), name));
    if (static_cast<uint64_t>(extent.size) > max_bytes) {
      return Invalid(name,
                     absl::StrCat("expected at most ", max_bytes, " bytes, found ", extent.size));
    }
    ABSL_ASSIGN_OR_RETURN(
        const std::vector<std::byte> bytes,
        ReadBytes(file_, static_cast<uint64_t>(extent.offset), static_cast<uint64_t>(extent.size)));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  absl::Status ReadTensors(std::vector<MediapipeTensor>& tensors) const {
    if (model_->subgraphs() == nullptr || model_->subgraphs()->size() != 1 ||
        model_->subgraphs()->Get(0)->tensors() == nullptr) {
      return Invalid("subgraphs", "expected one, with tensors");
    }
    absl::flat_hash_set<std::string> names;
    for (const wire::Tensor* table : *model_->subgraphs()->Get(0)->tensors()) {
      if (table->name() == nullptr || table->name()->size() > kMaxNameBytes) {
        return Invalid("tensors", absl::StrCat("expected names of at most ", kMaxNameBytes,
                                               " bytes, found another"));
      }
      ABSL_ASSIGN_OR_RETURN(MediapipeTensor tensor, ReadTensor(*table));
      if (!names.insert(tensor.name).second) {
        return Invalid(absl::StrCat("tensor \"", tensor.name, "\""), "it is there twice");
      }
      tensors.push_back(std::move(tensor));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<MediapipeTensor> ReadTensor(const wire::Tensor& table) const {
    MediapipeTensor tensor;
    tensor.name = table.name()->str();
    const std::string where = absl::StrCat("tensor \"", tensor.name, "\"");
    if (table.shape() == nullptr || table.shape()->size() > kMaxRank ||
        std::any_of(table.shape()->begin(), table.shape()->end(),
                    [](int32_t n) { return n < 1; })) {
      return Invalid(where, absl::StrCat("expected a shape of at most ", kMaxRank,
                                         " sizes above 0, found another"));
    }
    tensor.shape.assign(table.shape()->begin(), table.shape()->end());
    int64_t count = 0;
    if (!CheckedProduct(4, tensor.shape, count)) {
      return Invalid(where, "shape: the product of the sizes overflows 63 bits");
    }
    count /= 4;
    switch (table.type()) {
      case wire::TensorType::FLOAT32:
        tensor.type = MediapipeTensor::Type::kF32;
        tensor.bytes = 4 * count;
        break;
      case wire::TensorType::INT8:
        tensor.type = MediapipeTensor::Type::kInt8;
        tensor.bytes = count;
        break;
      case wire::TensorType::INT4:
        tensor.type = MediapipeTensor::Type::kInt4;
        tensor.bytes = count / 2;
        if (tensor.shape.empty() || tensor.shape.back() % 2 != 0) {
          return Invalid(where, "expected an even number of columns for int4");
        }
        break;
      default:
        return absl::UnimplementedError(
            absl::StrCat(file_.path(), ": ", where, ": expected type FLOAT32, INT8 or INT4, found ",
                         static_cast<int>(table.type())));
    }
    ABSL_ASSIGN_OR_RETURN(const Extent extent, FindBuffer(table.buffer(), where));
    if (extent.size != tensor.bytes) {
      return Invalid(where, absl::StrCat("shape [", absl::StrJoin(tensor.shape, ", "), "] needs ",
                                         tensor.bytes, " bytes, found ", extent.size));
    }
    tensor.offset = extent.offset;
    return tensor;
  }

  const InputFile& file_;
  std::vector<std::byte> bytes_;  // operator new aligns it as flatbuffers want
  const wire::Model* model_ = nullptr;
};

}  // namespace

bool LooksLikeTflite(const InputFile& file) {
  if (file.size() < static_cast<int64_t>(kIdentifierEnd)) return false;
  std::byte start[kIdentifierEnd] = {};
  return file.ReadAt(0, absl::MakeSpan(start)).ok() &&
         flatbuffers::BufferHasIdentifier(start, wire::ModelIdentifier());
}

absl::StatusOr<MediapipeFile> ReadMediapipeFile(const InputFile& file) {
  return FileReader(file).Read();
}

}  // namespace inkling
