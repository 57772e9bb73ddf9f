// Verifies the flatbuffer with TFLite's own layout (src/format/tflite.fbs), then every extent it
// claims.

#include "converter/checkpoints/mediapipe/mediapipe_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "converter/files/checked_size.h"
#include "flatbuffers/flatbuffers.h"
#include "src/format/container.h"

namespace inkling {
namespace {

constexpr absl::string_view kParametersEntry = "odml.infra.proto.LlmParameters";
constexpr absl::string_view kTokenizerEntry = "spm_vocab_model";
constexpr absl::string_view kBackendEntry = "backend";
constexpr absl::string_view kModelTypeEntry = "odml.infra.LlmModelType";
constexpr absl::string_view kLoraRankEntry = "lora_rank";
constexpr absl::string_view kLoraTensor = ".w_prime_";

constexpr size_t kIdentifierEnd = 8;
constexpr uint64_t kMaxParameterBytes = uint64_t{1} << 20;
constexpr uint64_t kMaxTokenizerBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxBackendBytes = 16;
constexpr flatbuffers::uoffset_t kMaxNameBytes = 512;
constexpr flatbuffers::uoffset_t kMaxRank = 8;

// TFLite's number; the schema names only what model files have.
constexpr auto kWireInt32 = static_cast<wire::TensorType>(2);

// The types that files for one of the backends have.
struct TypeRow {
  wire::TensorType wire;
  MediapipeTensor::Type type;
  int64_t bits;
  bool for_cpu;
};
constexpr TypeRow kTypes[] = {
    {wire::TensorType::FLOAT32, MediapipeTensor::Type::kF32, 32, true},
    {wire::TensorType::INT8, MediapipeTensor::Type::kInt8, 8, true},
    {wire::TensorType::INT4, MediapipeTensor::Type::kInt4, 4, true},
    {wire::TensorType::FLOAT16, MediapipeTensor::Type::kF16, 16, false},
    {kWireInt32, MediapipeTensor::Type::kInt32, 32, false},
};

const TypeRow* FindType(wire::TensorType type, MediapipeBackend backend) {
  for (const TypeRow& row : kTypes) {
    if (row.wire == type && (row.for_cpu || backend == MediapipeBackend::kGpu)) return &row;
  }
  return nullptr;
}

absl::StatusOr<std::vector<std::byte>> ReadBytes(const InputFile& file, uint64_t offset,
                                                 uint64_t size) {
  std::vector<std::byte> bytes(static_cast<size_t>(size));
  ABSL_RETURN_IF_ERROR(file.ReadAt(static_cast<int64_t>(offset), absl::MakeSpan(bytes)));
  return bytes;
}

enum class MediapipeContent : uint8_t { kModel, kAdapter };

class FileReader {
 public:
  FileReader(const InputFile& file, MediapipeContent content) : file_(file), content_(content) {}

  absl::StatusOr<MediapipeFile> Read() {
    ABSL_RETURN_IF_ERROR(Verify());
    ABSL_RETURN_IF_ERROR(CheckKind());
    MediapipeFile result;
    ABSL_ASSIGN_OR_RETURN(result.backend, ReadBackend());
    backend_ = result.backend;
    ABSL_ASSIGN_OR_RETURN(result.parameters, ReadEntry(kParametersEntry, kMaxParameterBytes));
    if (FindEntry(kTokenizerEntry) != nullptr) {
      ABSL_ASSIGN_OR_RETURN(result.tokenizer, ReadEntry(kTokenizerEntry, kMaxTokenizerBytes));
    }
    const wire::Metadata* type = FindEntry(kModelTypeEntry);
    if (type == nullptr) return Invalid(kModelTypeEntry, "expected the type of model, found none");
    result.model_type = type->buffer();
    if (const wire::Metadata* rank = FindEntry(kLoraRankEntry)) result.lora_rank = rank->buffer();
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
    if (wire::VerifyModelBuffer(verifier)) {
      model_ = wire::GetModel(bytes_.data());
      return absl::OkStatus();
    }
    if (ClaimsOperators()) return Graph();
    return Invalid("TensorFlow Lite file",
                   absl::StrCat("expected one flatbuffer in the first ", bytes_.size(),
                                " bytes, as in MediaPipe's hand-written LLM files, found a damaged "
                                "one, or a graph with its weights inside"));
  }

  // Whether the root table of a flatbuffer that can't be verified, because it goes on behind what
  // was read, names operators.
  bool ClaimsOperators() const {
    const auto number = [this](size_t at, size_t size) {
      uint64_t value = 0;
      if (at > bytes_.size() || size > bytes_.size() - at) return value;
      std::memcpy(&value, bytes_.data() + at, size);
      return value;
    };
    const size_t root = number(0, 4);
    const size_t fields = root - static_cast<size_t>(number(root, 4));
    constexpr size_t kOperatorCodes = wire::Model::VT_OPERATOR_CODES;
    if (root == 0 || fields > bytes_.size() || number(fields, 2) <= kOperatorCodes) return false;
    const size_t field = number(fields + kOperatorCodes, 2);
    if (field == 0) return false;
    const size_t list = root + field;
    return number(list + number(list, 4), 4) != 0;
  }

  absl::Status Graph() const {
    return absl::UnimplementedError(
        absl::StrCat(file_.path(),
                     ": a TensorFlow Lite graph of operators, which isn't read: expected a "
                     "MediaPipe LLM file, whose metadata has an entry ",
                     kParametersEntry, "; convert the checkpoint that it was made from"));
  }

  absl::Status CheckKind() const {
    if (FindEntry(kMetadataEntry) != nullptr) {
      return Invalid("Inkling model file", "it is converted already");
    }
    if (FindEntry(kLoraEntry) != nullptr) {
      return Invalid("LoRA adapter of Inkling's", "it is converted already");
    }
    const wire::Metadata* rank = FindEntry(kLoraRankEntry);
    if (content_ == MediapipeContent::kModel && rank != nullptr && rank->buffer() != 0) {
      return Adapter(absl::StrCat("rank ", rank->buffer()));
    }
    if (FindEntry(kParametersEntry) == nullptr || model_->buffers() == nullptr) return Graph();
    return absl::OkStatus();
  }

  absl::Status Adapter(absl::string_view detail) const {
    return absl::UnimplementedError(absl::StrCat(
        file_.path(), ": a LoRA adapter in MediaPipe's form (", detail,
        "), expected a model: convert the model that it belongs to, and the adapter with --lora "
        "and --base=MODEL"));
  }

  absl::Status NoAdapter(const std::string& tensor) const {
    return absl::InvalidArgumentError(absl::StrCat(
        file_.path(), ": tensor \"", tensor, "\": expected an adapter, with tensors ...",
        kLoraTensor, "left and ...", kLoraTensor,
        "right only, found a MediaPipe LLM file; without --lora it is converted as a model"));
  }

  absl::StatusOr<MediapipeBackend> ReadBackend() const {
    if (FindEntry(kBackendEntry) == nullptr) {
      return Invalid(kBackendEntry, "expected the word cpu or gpu, found nothing");
    }
    ABSL_ASSIGN_OR_RETURN(const std::string backend, ReadEntry(kBackendEntry, kMaxBackendBytes));
    if (backend == "cpu") return MediapipeBackend::kCpu;
    if (backend == "gpu") return MediapipeBackend::kGpu;
    return absl::UnimplementedError(absl::StrCat(file_.path(),
                                                 ": a MediaPipe LLM file for the backend \"",
                                                 backend, "\": expected one for cpu or gpu"));
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
    const bool is_adapter = absl::StrContains(tensor.name, kLoraTensor);
    if (is_adapter && content_ == MediapipeContent::kModel) {
      return Adapter(absl::StrCat("tensor \"", tensor.name, "\""));
    }
    if (!is_adapter && content_ == MediapipeContent::kAdapter) return NoAdapter(tensor.name);
    const std::string where = absl::StrCat("tensor \"", tensor.name, "\"");
    if (table.shape() == nullptr || table.shape()->size() > kMaxRank ||
        std::any_of(table.shape()->begin(), table.shape()->end(),
                    [](int32_t n) { return n < 1; })) {
      return Invalid(where, absl::StrCat("expected a shape of at most ", kMaxRank,
                                         " sizes above 0, found another"));
    }
    tensor.shape.assign(table.shape()->begin(), table.shape()->end());
    const TypeRow* row = FindType(table.type(), backend_);
    if (row == nullptr) {
      return absl::UnimplementedError(absl::StrCat(file_.path(), ": ", where,
                                                   ": expected type FLOAT32, INT8 or INT4, found ",
                                                   static_cast<int>(table.type())));
    }
    tensor.type = row->type;
    ABSL_ASSIGN_OR_RETURN(tensor.bytes, NeededBytes(tensor, row->bits, where));
    ABSL_ASSIGN_OR_RETURN(const Extent extent, FindBuffer(table.buffer(), where));
    if (extent.size != tensor.bytes) {
      return Invalid(where, absl::StrCat("shape [", absl::StrJoin(tensor.shape, ", "), "] needs ",
                                         tensor.bytes, " bytes, found ", extent.size));
    }
    tensor.offset = extent.offset;
    return tensor;
  }

  // What a shape means in bytes.
  absl::StatusOr<int64_t> NeededBytes(const MediapipeTensor& tensor, int64_t bits,
                                      absl::string_view where) const {
    int64_t needed = 0;
    if (!CheckedMultiply(bits, tensor.shape, needed)) {
      return Invalid(where, "shape: the number of values overflows 63 bits");
    }
    if (backend_ == MediapipeBackend::kGpu) {
      if (tensor.shape.size() == 1) return tensor.shape[0];
      return Invalid(where, "expected one size, that of its bytes, as files for gpu have");
    }
    if (bits == 4 && (tensor.shape.empty() || tensor.shape.back() % 2 != 0)) {
      return Invalid(where, "expected an even number of columns for int4");
    }
    return needed / 8;
  }

  const InputFile& file_;
  const MediapipeContent content_;
  std::vector<std::byte> bytes_;  // operator new aligns it as flatbuffers want
  const wire::Model* model_ = nullptr;
  MediapipeBackend backend_ = MediapipeBackend::kCpu;
};

}  // namespace

bool LooksLikeTflite(const InputFile& file) {
  if (file.size() < static_cast<int64_t>(kIdentifierEnd)) return false;
  std::byte start[kIdentifierEnd] = {};
  return file.ReadAt(0, absl::MakeSpan(start)).ok() &&
         flatbuffers::BufferHasIdentifier(start, wire::ModelIdentifier());
}

absl::StatusOr<MediapipeFile> ReadMediapipeFile(const InputFile& file) {
  return FileReader(file, MediapipeContent::kModel).Read();
}

absl::StatusOr<MediapipeFile> ReadMediapipeAdapterFile(const InputFile& file) {
  return FileReader(file, MediapipeContent::kAdapter).Read();
}

}  // namespace inkling
