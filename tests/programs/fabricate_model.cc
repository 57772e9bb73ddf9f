// fabricate_model FILE: writes a model of about 1 GB with arbitrary int8 weights, for the test of
// peak memory.
//
// Prints what such a model may use as JSON, as the library estimates it: packed_bound (bytes of
// packed weights), scratch and kv_bytes_per_position. Its text means nothing.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"
#include "src/format/model_writer.h"
#include "src/format/tensor_list.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

constexpr int64_t kRowsAtOnce = 256;

ModelConfig LargeConfig() {
  ModelConfig config = TinyConfig();
  config.vocab_size = 32000;
  config.hidden_dim = 2048;
  config.num_layers = 20;
  config.context_length = 2048;
  config.num_heads = 16;
  config.num_kv_heads = 4;
  config.head_dim = 128;
  config.rotary_dim = 128;
  config.rope_tables = {RopeTable(128, 10000)};
  config.attention_scale = 0.088388f;
  config.feed_forward_dim = 5632;
  config.tied_head = true;
  config.layers.assign(20, LayerConfig());
  return config;
}

// Values in [-127, 127] and one scale for every row that keeps activations of order one.
absl::Status WriteMatrix(ModelWriter& writer, size_t index, const TensorInfo& tensor,
                         uint64_t& state) {
  std::vector<std::byte> values(static_cast<size_t>(kRowsAtOnce * tensor.columns));
  std::vector<float> scales(static_cast<size_t>(kRowsAtOnce), 0.3f / 127.0f / 45.0f);
  for (int64_t first = 0; first < tensor.rows; first += kRowsAtOnce) {
    const size_t rows = static_cast<size_t>(std::min(kRowsAtOnce, tensor.rows - first));
    for (std::byte& value : values) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      value = static_cast<std::byte>(static_cast<int8_t>(static_cast<int>(state >> 56) % 127 - 63));
    }
    absl::Status status = writer.WriteRows(
        index, first,
        absl::MakeConstSpan(values).subspan(0, rows * static_cast<size_t>(tensor.columns)),
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(scales.data()),
                            rows * sizeof(float)));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status WriteVector(ModelWriter& writer, size_t index, const TensorInfo& tensor) {
  const std::vector<float> ones(static_cast<size_t>(tensor.rows * tensor.columns), 1.0f);
  return writer.WriteRows(index, 0,
                          absl::MakeConstSpan(reinterpret_cast<const std::byte*>(ones.data()),
                                              ones.size() * sizeof(float)),
                          {});
}

absl::Status Write(const std::string& path) {
  const ModelMetadata metadata = TinyMetadata(LargeConfig());
  std::vector<TensorType> types;
  for (const TensorInfo& tensor : TensorList(metadata.config)) {
    types.push_back(tensor.is_vector || tensor.role == TensorRole::kNorm
                        ? TensorType()
                        : TensorType{ElementType::kInt8Channel, 0});
  }
  absl::StatusOr<std::unique_ptr<ModelWriter>> writer = ModelWriter::Create(path, metadata, types);
  if (!writer.ok()) return writer.status();
  uint64_t state = 1;
  for (size_t i = 0; i < types.size(); ++i) {
    const TensorInfo& tensor = (*writer)->tensors()[i];
    absl::Status status = types[i].element == ElementType::kF32
                              ? WriteVector(**writer, i, tensor)
                              : WriteMatrix(**writer, i, tensor, state);
    if (!status.ok()) return status;
  }
  return (*writer)->Finish();
}

absl::Status Run(const std::string& path) {
  absl::Status written = Write(path);
  if (!written.ok()) return written;
  SessionOptions session;
  session.context_length = 1024;
  absl::StatusOr<MemoryEstimate> estimate = LlmModel::EstimateMemory(path, {}, session);
  if (!estimate.ok()) return estimate.status();
  std::printf("{\"packed_bound\": %lld, \"scratch\": %lld, \"kv_bytes_per_position\": %lld}\n",
              static_cast<long long>(estimate->packed_weights),
              static_cast<long long>(estimate->scratch),
              static_cast<long long>(estimate->kv_cache / 1024));
  return absl::OkStatus();
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fabricate_model FILE\n");
    return 2;
  }
  const absl::Status status = inkling::Run(argv[1]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "fabricate_model: %s\n", std::string(status.message()).c_str());
  return 1;
}
