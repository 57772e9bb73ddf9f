// One block of random bytes is used again and again at a shifting start: matmuls take equally long
// whatever the numbers are, and no memory or cache can tell repeated bytes from others.

#include "examples/programs/fabricated_model.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/casts.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "src/format/model_reader.h"
#include "src/format/model_writer.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

constexpr int64_t kWriteBytes = int64_t{4} << 20;

TokenizerData ByteTokenizer(int32_t vocab_size) {
  TokenizerData tokenizer;
  tokenizer.kind = TokenizerKind::kByteLevelBpe;
  tokenizer.piece_offsets.push_back(0);
  for (int32_t id = 0; id < vocab_size; ++id) {
    if (id < 256) tokenizer.piece_bytes.push_back(static_cast<char>(id));
    tokenizer.piece_offsets.push_back(static_cast<uint32_t>(tokenizer.piece_bytes.size()));
    tokenizer.piece_types.push_back(
        static_cast<uint8_t>(id < 256 ? PieceType::kNormal : PieceType::kUnused));
  }
  tokenizer.word_splits = {{WordSplit::kSpacedWords, 0}};
  return tokenizer;
}

// Bytes of a linear congruential generator's high half (Knuth's multiplier).
class ByteSource {
 public:
  ByteSource() : bytes_(static_cast<size_t>(2 * kWriteBytes)) {
    uint64_t state = 1;
    for (std::byte& byte : bytes_) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::byte>(state >> 56);
    }
  }

  // At most kWriteBytes.
  absl::Span<const std::byte> Next(size_t size) {
    start_ = (start_ + 4099) % static_cast<size_t>(kWriteBytes);
    return absl::MakeConstSpan(bytes_).subspan(start_, size);
  }

 private:
  std::vector<std::byte> bytes_;
  size_t start_ = 0;
};

// The scale with which the sum of `columns` such weights with inputs of order one is of order
// one. Uniform integers in [-n, n] have the variance n^2 / 3.
float ScaleOf(TensorType type, int64_t columns) {
  const float largest = type.element == ElementType::kInt8Channel ? 127.0f : 8.0f;
  return std::sqrt(3.0f / static_cast<float>(columns)) / largest;
}

std::vector<std::byte> Scales(TensorType type, int64_t rows, int64_t columns) {
  const float scale = ScaleOf(type, columns);
  std::vector<std::byte> bytes;
  if (type.element == ElementType::kInt4Block) {
    const auto half = static_cast<uint16_t>(absl::bit_cast<uint32_t>(scale) >> 16);  // bf16
    bytes.resize(static_cast<size_t>(rows * (columns / type.block_size)) * sizeof(half));
    for (size_t at = 0; at < bytes.size(); at += sizeof(half)) {
      std::memcpy(&bytes[at], &half, sizeof(half));
    }
    return bytes;
  }
  bytes.resize(static_cast<size_t>(rows) * sizeof(scale));
  for (size_t at = 0; at < bytes.size(); at += sizeof(scale)) {
    std::memcpy(&bytes[at], &scale, sizeof(scale));
  }
  return bytes;
}

absl::Status WriteQuantized(ModelWriter& writer, size_t index, TensorType type,
                            ByteSource& source) {
  const TensorInfo& tensor = writer.tensors()[index];
  ABSL_ASSIGN_OR_RETURN(const int64_t row_bytes, ValueBytes(type, 1, tensor.columns));
  const int64_t rows_at_once = std::max<int64_t>(1, kWriteBytes / row_bytes);
  std::vector<std::byte> long_row;
  for (int64_t row = 0; row < tensor.rows; row += rows_at_once) {
    const int64_t rows = std::min(rows_at_once, tensor.rows - row);
    absl::Span<const std::byte> values;
    if (row_bytes <= kWriteBytes) {
      values = source.Next(static_cast<size_t>(rows * row_bytes));
    } else {
      long_row.resize(static_cast<size_t>(row_bytes));
      values = long_row;
    }
    ABSL_RETURN_IF_ERROR(writer.WriteRows(index, row, values, Scales(type, rows, tensor.columns)));
  }
  return absl::OkStatus();
}

// Matrices alternate small values; norm weights are 1 and biases 0.
absl::Status WriteFloats(ModelWriter& writer, size_t index) {
  const TensorInfo& tensor = writer.tensors()[index];
  const bool matrix = !tensor.is_vector && tensor.role != TensorRole::kNorm;
  const bool ones = tensor.role == TensorRole::kNorm && tensor.name.ends_with(".weight");
  std::vector<float> row(static_cast<size_t>(tensor.columns), ones ? 1.0f : 0.0f);
  if (matrix) {
    const float value = 1.0f / std::sqrt(static_cast<float>(tensor.columns));
    for (size_t i = 0; i < row.size(); ++i) row[i] = i * i % 7 < 3 ? -value : value;
  }
  const absl::Span<const std::byte> bytes(reinterpret_cast<const std::byte*>(row.data()),
                                          row.size() * sizeof(float));
  for (int64_t i = 0; i < tensor.rows; ++i) {
    ABSL_RETURN_IF_ERROR(writer.WriteRows(index, i, bytes, {}));
  }
  return absl::OkStatus();
}

TensorType TypeOf(const TensorInfo& tensor, const FabricatedTypes& types) {
  switch (tensor.role) {
    case TensorRole::kEmbedding:
    case TensorRole::kHead:
      return types.vocabulary;
    case TensorRole::kLinear:
      return TypeFits(types.linear, tensor.columns) ? types.linear
                                                    : TensorType{ElementType::kInt8Channel, 0};
    case TensorRole::kBias:
    case TensorRole::kNorm:
      break;
  }
  return {};
}

absl::Status CheckType(TensorType type) {
  if (type.element != ElementType::kF16 && type.element != ElementType::kBf16) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a model of type ", TensorTypeName(type),
                   " can't be fabricated; expected f32, int8 or int4"));
}

}  // namespace

absl::Status WriteFabricatedModel(const std::string& path, const ModelConfig& config,
                                  const FabricatedTypes& types) {
  ABSL_RETURN_IF_ERROR(ValidateModelConfig(config));
  ABSL_RETURN_IF_ERROR(CheckType(types.linear));
  ABSL_RETURN_IF_ERROR(CheckType(types.vocabulary));
  ModelMetadata metadata;
  metadata.config = config;
  metadata.tokenizer = ByteTokenizer(config.vocab_size);
  metadata.prompt_template.name = "made up";
  metadata.prompt_template.user = {"<user>", "\n"};
  metadata.prompt_template.model = {"<model>", "\n"};
  metadata.prompt_template.generation_prompt = "<model>";
  metadata.provenance = {.source = "fabricated", .generator = "inkling", .recipe = ""};
  std::vector<TensorType> tensor_types;
  for (const TensorInfo& tensor : TensorList(config)) {
    tensor_types.push_back(TypeOf(tensor, types));
  }
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<ModelWriter> writer,
                        ModelWriter::Create(path, metadata, tensor_types));
  ByteSource source;
  for (size_t i = 0; i < tensor_types.size(); ++i) {
    ABSL_RETURN_IF_ERROR(tensor_types[i].element == ElementType::kF32
                             ? WriteFloats(*writer, i)
                             : WriteQuantized(*writer, i, tensor_types[i], source));
  }
  return writer->Finish();
}

}  // namespace inkling
