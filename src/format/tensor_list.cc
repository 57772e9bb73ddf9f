// The walk over a config that names and shapes every tensor. Order here is order in the file.

#include "src/format/tensor_list.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

class ListBuilder {
 public:
  explicit ListBuilder(const ModelConfig& config) : config_(config) {}

  std::vector<TensorInfo> Build() {
    Matrix("embedding.weight", TensorRole::kEmbedding, config_.vocab_size, config_.hidden_dim);
    for (layer_ = 0; layer_ < config_.num_layers; ++layer_) {
      prefix_ = absl::StrCat("layers.", layer_, ".");
      Attention();
      FeedForward();
    }
    layer_ = -1;
    prefix_.clear();
    Norm("final_norm");
    if (!config_.tied_head) {
      Matrix("head.weight", TensorRole::kHead, config_.vocab_size, config_.hidden_dim);
    }
    if (config_.head_bias) Vector("head.bias", TensorRole::kBias, config_.vocab_size);
    return std::move(list_);
  }

 private:
  void Attention() {
    const int64_t head_dim = config_.head_dim;
    const int64_t query_dim = config_.num_heads * head_dim;
    const int64_t key_dim = config_.num_kv_heads * head_dim;
    const bool input_bias = config_.query_key_value_bias;
    Norm("attention_norm");
    Linear("attention.q", query_dim, config_.hidden_dim, input_bias);
    Linear("attention.k", key_dim, config_.hidden_dim, input_bias);
    Linear("attention.v", key_dim, config_.hidden_dim, input_bias);
    Linear("attention.output", config_.hidden_dim, query_dim, config_.attention_output_bias);
    switch (config_.query_key_norm) {
      case QueryKeyNorm::kNone:
        break;
      case QueryKeyNorm::kShared:
        Vector("attention.q_norm.weight", TensorRole::kNorm, head_dim);
        Vector("attention.k_norm.weight", TensorRole::kNorm, head_dim);
        break;
      case QueryKeyNorm::kPerHead:
        Matrix("attention.q_norm.weight", TensorRole::kNorm, config_.num_heads, head_dim);
        Matrix("attention.k_norm.weight", TensorRole::kNorm, config_.num_kv_heads, head_dim);
        break;
    }
    if (config_.post_norms) Norm("attention_post_norm");
  }

  void FeedForward() {
    const bool bias = config_.feed_forward_bias;
    if (config_.residual != ResidualKind::kParallelSharedNorm) Norm("feed_forward_norm");
    if (config_.feed_forward == FeedForwardKind::kGated) {
      Linear("feed_forward.gate", config_.feed_forward_dim, config_.hidden_dim, bias);
    }
    Linear("feed_forward.up", config_.feed_forward_dim, config_.hidden_dim, bias);
    Linear("feed_forward.down", config_.hidden_dim, config_.feed_forward_dim, bias);
    if (config_.post_norms) Norm("feed_forward_post_norm");
  }

  void Norm(const char* name) {
    Vector(absl::StrCat(name, ".weight"), TensorRole::kNorm, config_.hidden_dim);
    if (config_.norm_has_bias) {
      Vector(absl::StrCat(name, ".bias"), TensorRole::kNorm, config_.hidden_dim);
    }
  }

  // `bias` is a fact of the config, not a mode of the function.
  void Linear(const char* name, int64_t rows, int64_t columns, bool bias) {
    Matrix(absl::StrCat(name, ".weight"), TensorRole::kLinear, rows, columns);
    if (bias) Vector(absl::StrCat(name, ".bias"), TensorRole::kBias, rows);
  }

  void Matrix(const std::string& name, TensorRole role, int64_t rows, int64_t columns) {
    list_.push_back(
        {absl::StrCat(prefix_, name), role, layer_, rows, columns, /*is_vector=*/false});
  }

  void Vector(const std::string& name, TensorRole role, int64_t length) {
    list_.push_back({absl::StrCat(prefix_, name), role, layer_, 1, length, /*is_vector=*/true});
  }

  const ModelConfig& config_;
  std::vector<TensorInfo> list_;
  std::string prefix_;
  int32_t layer_ = -1;
};

}  // namespace

std::vector<TensorInfo> TensorList(const ModelConfig& config) {
  return ListBuilder(config).Build();
}

bool TypeAllowed(TensorRole role, TensorType type) {
  switch (role) {
    case TensorRole::kNorm:
    case TensorRole::kBias:
      return type == TensorType{ElementType::kF32, 0};
    case TensorRole::kEmbedding:
    case TensorRole::kHead:
    case TensorRole::kLinear:
      return TypeFits(type, /*columns=*/0);
  }
  return false;
}

}  // namespace inkling
