// EncodeContainer: the TFLite flatbuffer around a list of tensors. container_decoding.cc mirrors
// it.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "flatbuffers/flatbuffers.h"
#include "src/format/container.h"

namespace inkling {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr int64_t kInt4ZeroPoint = 8;

Offset<wire::QuantizationParameters> Quantization(FlatBufferBuilder& builder,
                                                  const ContainerTensor& tensor) {
  if (tensor.scale_tensor < 0) return 0;
  const auto details = wire::CreateBlockwiseQuantization(builder, tensor.scale_tensor,
                                                         /*zero_points=*/-1, tensor.block_size);
  const int64_t zero_point = tensor.type == wire::TensorType::INT4 ? kInt4ZeroPoint : 0;
  const auto zero_points = builder.CreateVector(&zero_point, 1);
  wire::QuantizationParametersBuilder out(builder);
  out.add_zero_point(zero_points);
  out.add_details_type(wire::QuantizationDetails::BlockwiseQuantization);
  out.add_details(details.Union());
  return out.Finish();
}

Offset<wire::Tensor> Encode(FlatBufferBuilder& builder, const ContainerTensor& tensor,
                            uint32_t buffer) {
  const auto shape = builder.CreateVector(tensor.shape);
  const auto name = builder.CreateString(tensor.name);
  const auto quantization = Quantization(builder, tensor);
  wire::TensorBuilder out(builder);
  out.add_shape(shape);
  out.add_type(tensor.type);
  out.add_buffer(buffer);
  out.add_name(name);
  if (!quantization.IsNull()) out.add_quantization(quantization);
  out.add_has_rank(true);
  return out.Finish();
}

Offset<wire::Buffer> Encode(FlatBufferBuilder& builder, const Extent& extent) {
  return wire::CreateBuffer(builder, 0, static_cast<uint64_t>(extent.offset),
                            static_cast<uint64_t>(extent.size));
}

Offset<wire::Metadata> Encode(FlatBufferBuilder& builder, const char* name, uint32_t buffer) {
  const auto text = builder.CreateString(name);
  return wire::CreateMetadata(builder, text, buffer);
}

}  // namespace

std::vector<std::byte> EncodeContainer(const Container& container) {
  FlatBufferBuilder builder;
  std::vector<Offset<wire::Buffer>> buffers = {wire::CreateBuffer(builder),
                                               Encode(builder, container.metadata),
                                               Encode(builder, container.checksum)};
  std::vector<Offset<wire::Tensor>> tensors;
  for (const ContainerTensor& tensor : container.tensors) {
    tensors.push_back(Encode(builder, tensor, static_cast<uint32_t>(buffers.size())));
    buffers.push_back(Encode(builder, tensor.extent));
  }
  // TFLite's readers want these vectors to exist.
  const auto tensor_vector = builder.CreateVector(tensors);
  const auto inputs = builder.CreateVector(std::vector<int32_t>());
  const auto outputs = builder.CreateVector(std::vector<int32_t>());
  const auto operators = builder.CreateVector(std::vector<Offset<wire::Operator>>());
  const auto graph_name = builder.CreateString("weights");
  const auto graph =
      wire::CreateSubGraph(builder, tensor_vector, inputs, outputs, operators, graph_name);
  const auto subgraphs = builder.CreateVector(&graph, 1);
  const auto operator_codes = builder.CreateVector(std::vector<Offset<wire::OperatorCode>>());
  const auto description = builder.CreateString("Inkling language model");
  const auto buffer_vector = builder.CreateVector(buffers);
  const std::vector<Offset<wire::Metadata>> entries = {Encode(builder, container.metadata_entry, 1),
                                                       Encode(builder, kChecksumEntry, 2)};
  const auto metadata = builder.CreateVector(entries);
  wire::FinishModelBuffer(
      builder, wire::CreateModel(builder, kTfliteVersion, operator_codes, subgraphs, description,
                                 buffer_vector, /*metadata_buffer=*/0, metadata));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return std::vector<std::byte>(bytes, bytes + builder.GetSize());
}

}  // namespace inkling
