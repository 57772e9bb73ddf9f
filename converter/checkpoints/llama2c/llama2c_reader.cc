// The fixed order of tensors in a llama2.c file, walked once to place every tensor.

#include "converter/checkpoints/llama2c/llama2c_reader.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/files/source_numbers.h"

namespace inkling {
namespace {

constexpr int64_t kHeaderBytes = 28;
constexpr int64_t kFloatBytes = 4;

struct Header {
  int32_t dim;
  int32_t hidden_dim;
  int32_t num_layers;
  int32_t num_heads;
  int32_t num_kv_heads;
  int32_t vocab_size;  // negative: the classifier has its own weights
  int32_t seq_len;
};
static_assert(sizeof(Header) == kHeaderBytes);

// Bounds that keep all sizes multiplied below 2^63 and that no real model comes near.
bool IsSane(const Header& header) {
  const auto within = [](int64_t value, int64_t limit) { return value > 0 && value <= limit; };
  return within(header.dim, 1 << 20) && within(header.hidden_dim, 1 << 20) &&
         within(header.num_layers, 1 << 10) && within(header.num_heads, 1 << 12) &&
         within(header.num_kv_heads, header.num_heads) &&
         header.num_heads % header.num_kv_heads == 0 && header.dim % header.num_heads == 0 &&
         (header.dim / header.num_heads) % 2 == 0 && header.vocab_size != 0 &&
         within(header.vocab_size < 0 ? -int64_t{header.vocab_size} : header.vocab_size, 1 << 22) &&
         within(header.seq_len, 1 << 24);
}

absl::StatusOr<Header> ReadHeader(const InputFile& file) {
  Header header = {};
  ABSL_RETURN_IF_ERROR(
      file.ReadAt(0, absl::MakeSpan(reinterpret_cast<std::byte*>(&header), sizeof(header))));
  return header;
}

}  // namespace

// Walks the file's order and collects tensors, places and the position behind the last one.
struct Llama2cCheckpoint::Layout {
  explicit Layout(const Header& header, std::string path)
      : layers(header.num_layers), file(std::move(path)) {
    const int64_t dim = header.dim;
    const int64_t hidden_dim = header.hidden_dim;
    const int64_t head_dim = dim / header.num_heads;
    const int64_t key_dim = header.num_kv_heads * head_dim;
    const int64_t vocab_size =
        header.vocab_size < 0 ? -int64_t{header.vocab_size} : header.vocab_size;
    Add("model.embed_tokens.weight", {vocab_size, dim});
    AddPerLayer("input_layernorm", {dim});
    AddPerLayer("self_attn.q_proj", {dim, dim}, head_dim);
    AddPerLayer("self_attn.k_proj", {key_dim, dim}, head_dim);
    AddPerLayer("self_attn.v_proj", {key_dim, dim});
    AddPerLayer("self_attn.o_proj", {dim, dim});
    AddPerLayer("post_attention_layernorm", {dim});
    AddPerLayer("mlp.gate_proj", {hidden_dim, dim});
    AddPerLayer("mlp.down_proj", {dim, hidden_dim});
    AddPerLayer("mlp.up_proj", {hidden_dim, dim});
    Add("model.norm.weight", {dim});
    // Tables of cosines and sines that old versions read and new ones skip.
    end += 2 * header.seq_len * (head_dim / 2) * kFloatBytes;
    if (header.vocab_size < 0) Add("lm_head.weight", {vocab_size, dim});
  }

  void Add(std::string name, std::vector<int64_t> shape, int64_t head_dim = 0) {
    int64_t bytes = kFloatBytes;
    for (const int64_t size : shape) bytes *= size;
    tensors.push_back({std::move(name), "F32", std::move(shape), file, bytes});
    places.push_back({end, head_dim});
    end += bytes;
  }

  void AddPerLayer(absl::string_view name, const std::vector<int64_t>& shape,
                   int64_t head_dim = 0) {
    for (int64_t layer = 0; layer < layers; ++layer) {
      Add(absl::StrCat("model.layers.", layer, ".", name, ".weight"), shape, head_dim);
    }
  }

  int64_t layers;
  std::string file;
  int64_t end = kHeaderBytes;
  std::vector<SourceTensor> tensors;
  std::vector<Place> places;
};

bool Llama2cCheckpoint::Recognizes(const InputFile& file) {
  if (file.size() < kHeaderBytes) return false;
  absl::StatusOr<Header> header = ReadHeader(file);
  if (!header.ok() || !IsSane(*header)) return false;
  return Layout(*header, file.path()).end == file.size();
}

absl::StatusOr<std::unique_ptr<Checkpoint>> Llama2cCheckpoint::Create(InputFile file) {
  ABSL_ASSIGN_OR_RETURN(Header header, ReadHeader(file));
  std::unique_ptr<Llama2cCheckpoint> checkpoint(new Llama2cCheckpoint(std::move(file)));
  Layout layout(header, checkpoint->file_.path());
  checkpoint->tensors_ = std::move(layout.tensors);
  checkpoint->places_ = std::move(layout.places);
  checkpoint->vocab_size_ = checkpoint->tensors_[0].shape[0];
  // Epsilon and rotary base are constants in llama2.c; ids 1 and 2 are its beginning and end.
  checkpoint->config_ = {{"architectures", {"LlamaForCausalLM"}},
                         {"model_type", "llama"},
                         {"hidden_act", "silu"},
                         {"hidden_size", header.dim},
                         {"intermediate_size", header.hidden_dim},
                         {"num_hidden_layers", header.num_layers},
                         {"num_attention_heads", header.num_heads},
                         {"num_key_value_heads", header.num_kv_heads},
                         {"vocab_size", checkpoint->vocab_size_},
                         {"max_position_embeddings", header.seq_len},
                         {"rms_norm_eps", 1e-5},
                         {"rope_theta", 10000.0},
                         {"tie_word_embeddings", header.vocab_size > 0},
                         {"bos_token_id", 1},
                         {"eos_token_id", 2}};
  return checkpoint;
}

const FieldSpelling* Llama2cCheckpoint::Spelling() const {
  // As llama2.c's struct Config calls the numbers of the header.
  static const FieldSpelling& spelling =
      *new FieldSpelling{.keys = {{"hidden_size", "dim"},
                                  {"intermediate_size", "hidden_dim"},
                                  {"num_hidden_layers", "n_layers"},
                                  {"num_attention_heads", "n_heads"},
                                  {"num_key_value_heads", "n_kv_heads"},
                                  {"max_position_embeddings", "seq_len"}},
                         .types = {}};
  return &spelling;
}

absl::StatusOr<ImportedTokenizer> Llama2cCheckpoint::ImportTokenizer(
    const std::string& vocabulary_path) const {
  if (!vocabulary_path.empty()) return ImportTokenizerFile(vocabulary_path);
  std::filesystem::path folder = std::filesystem::path(file_.path()).parent_path();
  if (folder.empty()) folder = ".";
  for (const std::string& name :
       {std::string("tokenizer.bin"), absl::StrCat("tok", vocab_size_, ".bin")}) {
    std::error_code error;
    if (std::filesystem::exists(folder / name, error)) {
      return ImportTokenizerFile((folder / name).string());
    }
  }
  return absl::NotFoundError(
      absl::StrCat("no tokenizer lies next to ", file_.path(),
                   ": expected tokenizer.bin there, or a tokenizer file given by name"));
}

absl::StatusOr<std::vector<float>> Llama2cCheckpoint::ReadRows(size_t index, int64_t first_row,
                                                               int64_t num_rows) const {
  const SourceTensor& tensor = tensors_[index];
  const int64_t rows = tensor.shape[0];
  if (first_row < 0 || num_rows < 0 || first_row > rows || num_rows > rows - first_row) {
    return absl::OutOfRangeError(absl::StrCat(tensor.name, ": rows ", first_row, " to ",
                                              first_row + num_rows, " of ", rows));
  }
  const Place& place = places_[index];
  const int64_t row_bytes = tensor.bytes / rows;
  std::vector<std::byte> bytes(static_cast<size_t>(num_rows * row_bytes));
  if (place.head_dim == 0) {
    ABSL_RETURN_IF_ERROR(file_.ReadAt(place.offset + first_row * row_bytes, absl::MakeSpan(bytes)));
    return ConvertToFloat(bytes, tensor.dtype);
  }
  for (int64_t i = 0; i < num_rows; ++i) {
    // Row d of a head is the first (d < half) or second number of pair d % half.
    const int64_t half = place.head_dim / 2;
    const int64_t head = (first_row + i) / place.head_dim;
    const int64_t d = (first_row + i) % place.head_dim;
    const int64_t stored_row = head * place.head_dim + 2 * (d % half) + d / half;
    ABSL_RETURN_IF_ERROR(file_.ReadAt(place.offset + stored_row * row_bytes,
                                      absl::MakeSpan(bytes).subspan(i * row_bytes, row_bytes)));
  }
  return ConvertToFloat(bytes, tensor.dtype);
}

}  // namespace inkling
