// Magic bytes, the names inside a few containers, and what two kinds of failed downloads look like.

#include "src/format/foreign_file.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/format/container.h"

namespace inkling {
namespace {

using Use = ForeignFile::Use;

// Formats that begin with bytes of their own.
struct Magic {
  absl::string_view bytes;
  size_t offset;
  const char* name;
  Use use;
  const char* advice;
};

constexpr Magic kMagics[] = {
    {"GGUF", 0, "a GGUF file", Use::kConvert, ""},
    {"lmgg", 0, "a GGML file, older than GGUF", Use::kOther,
     "only GGUF is read: look for a GGUF file of this model"},
    {"fmgg", 0, "a GGML file, older than GGUF", Use::kOther,
     "only GGUF is read: look for a GGUF file of this model"},
    {"tjgg", 0, "a GGJT file, older than GGUF", Use::kOther,
     "only GGUF is read: look for a GGUF file of this model"},
    {"LITERTLM", 0, "a .litertlm bundle", Use::kOther,
     "the graphs of operators inside aren't read: convert the checkpoint it was made from"},
    {"24ka", 0, "an ak42 file (.bin of a later version)", Use::kOther, "only version 0 is read"},
    {"INKLPACK", 0, "packed weights that a cache folder keeps", Use::kOther,
     "give the model file, and this file's folder as the cache folder"},
    {"\x89HDF\r\n\x1a\n", 0, "an HDF5 file (Keras)", Use::kOther, "that format isn't read"},
    {"\x93NUMPY", 0, "a NumPy array", Use::kOther, ""},
    {"ET1", 4, "an ExecuTorch program", Use::kOther, "that format isn't read"},
    {"\x1f\x8b", 0, "a gzip archive", Use::kOther, "unpack it first"},
    {"BZh", 0, "a bzip2 archive", Use::kOther, "unpack it first"},
    {"7z\xBC\xAF\x27\x1C", 0, "a 7z archive", Use::kOther, "unpack it first"},
    {absl::string_view("\xFD"
                       "7zXZ\0",
                       6),
     0, "an xz archive", Use::kOther, "unpack it first"},
    {"\x28\xB5\x2F\xFD", 0, "a zstd archive", Use::kOther, "unpack it first"},
    {"ustar", 257, "a tar archive", Use::kOther, "unpack it first"},
};

uint64_t LittleEndian(absl::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = bytes.size(); i > 0; --i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return number;
}

// A length that fits, and the JSON object that it is the length of.
bool IsSafetensors(absl::string_view start, int64_t size) {
  if (start.size() < 10 || start[8] != '{') return false;
  const uint64_t length = LittleEndian(start.substr(0, 8));
  return length >= 2 && length <= static_cast<uint64_t>(size) - 8;
}

// Seven sizes of a model, as far as they can be true.
bool IsPlainFloats(absl::string_view start, int64_t size) {
  if (start.size() < 28) return false;
  int64_t fields[7];
  for (size_t i = 0; i < 7; ++i) {
    fields[i] = static_cast<int32_t>(LittleEndian(start.substr(4 * i, 4)));
  }
  fields[5] = fields[5] < 0 ? -fields[5] : fields[5];
  const auto& [dim, hidden, layers, heads, kv_heads, vocabulary, length] = fields;
  const bool sane = dim >= 8 && dim <= 65536 && hidden >= 8 && hidden <= 262144 && layers >= 1 &&
                    layers <= 512 && heads >= 1 && heads <= dim && kv_heads >= 1 &&
                    kv_heads <= heads && dim % heads == 0 && vocabulary >= 2 &&
                    vocabulary <= 1 << 20 && length >= 1 && length <= 1 << 20;
  return sane && size > 4 * vocabulary * dim;
}

// A zip archive by its first entry; padding may stand in front of it.
ForeignFile RecognizeZip(absl::string_view start) {
  const size_t at = absl::StartsWith(start, "PK\x03\x04") ? 0 : 4;
  constexpr size_t kNameOffset = 30;
  absl::string_view name;
  if (start.size() > at + kNameOffset) {
    name = start.substr(at + kNameOffset, LittleEndian(start.substr(at + 26, 2)));
  }
  if (absl::EndsWith(name, "data.pkl") || absl::EndsWith(name, "/.format_version")) {
    return {"a PyTorch checkpoint", Use::kConvertFolder, ""};
  }
  if (absl::EndsWith(name, ".npy")) return {"a NumPy archive", Use::kOther, ""};
  if (absl::StartsWith(name, "TF_LITE") || absl::StartsWith(name, "TOKENIZER") ||
      absl::StartsWith(name, "METADATA") || absl::EndsWith(name, ".tflite")) {
    return {"a MediaPipe bundle (.task)", Use::kConvert,
            ", where it holds MediaPipe's own LLM file and no graph of operators"};
  }
  return {"a zip archive", Use::kOther, "unpack it, if a checkpoint is inside"};
}

bool BeginsWithTag(absl::string_view start) {
  absl::ConsumePrefix(&start, "\xEF\xBB\xBF");
  start = absl::StripLeadingAsciiWhitespace(start);
  const std::string beginning = absl::AsciiStrToLower(start.substr(0, 16));
  for (const char* tag : {"<!doctype html", "<html", "<head", "<?xml"}) {
    if (absl::StartsWith(beginning, tag)) return true;
  }
  return false;
}

// Files that are text: what a download gave instead of the model, or a part of a checkpoint.
ForeignFile RecognizeText(absl::string_view start) {
  if (absl::StartsWith(start, "version https://git-lfs")) {
    return {"a Git LFS pointer to the file, not the file itself", Use::kOther,
            "`git lfs pull` in its folder fetches it"};
  }
  if (BeginsWithTag(start)) {
    return {"a web page", Use::kOther,
            "the download gave it instead of the file: perhaps the address is another, or one "
            "must be signed in"};
  }
  if (absl::StartsWith(start, "{\"") || absl::StartsWith(start, "{\n") ||
      absl::StartsWith(start, "{\r\n")) {
    return {"a JSON file", Use::kOther,
            "of a checkpoint, give the folder: `inkling-convert FOLDER model.tflite`"};
  }
  const absl::string_view beginning = start.substr(0, 512);
  const bool is_text =
      start.size() >= 64 && std::all_of(beginning.begin(), beginning.end(), [](unsigned char c) {
        return c >= 0x80 || absl::ascii_isprint(c) || absl::ascii_isspace(c);
      });
  if (is_text) return {"a text file", Use::kOther, ""};
  return {};
}

// Pickles, and ONNX's protobuf: a version, then the producer's name.
ForeignFile RecognizeByStructure(absl::string_view start, int64_t size) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(start[i]); };
  if (start.size() > 2 && byte(0) == 0x80 && byte(1) >= 2 && byte(1) <= 5) {
    return {"a pickle (PyTorch before 1.6)", Use::kOther,
            "that layout isn't read: load it with torch and save it again, or as safetensors"};
  }
  if (start.size() > 12 && byte(0) == 0x08 && byte(1) <= 32 && byte(2) == 0x12 && byte(3) < 64) {
    const absl::string_view producer = start.substr(4, byte(3));
    if (!producer.empty() && std::all_of(producer.begin(), producer.end(),
                                         [](unsigned char c) { return absl::ascii_isprint(c); })) {
      return {"an ONNX graph", Use::kOther, "graphs of operators aren't read"};
    }
  }
  if (byte(0) == 0x0A && absl::StrContains(start.substr(0, 64), "<unk>")) {
    return {"a SentencePiece vocabulary", Use::kOther,
            "it belongs beside a checkpoint, or to `inkling-convert --tokenizer`"};
  }
  if (std::all_of(start.begin(), start.end(), [](char c) { return c == 0; })) {
    return {"nothing but zero bytes", Use::kOther, "perhaps its download was interrupted"};
  }
  if (IsPlainFloats(start, size)) return {"a .bin checkpoint of plain floats", Use::kConvert, ""};
  return {};
}

bool IsTflite(absl::string_view start) {
  return absl::StartsWith(start.substr(std::min<size_t>(4, start.size())), "TFL3");
}

}  // namespace

bool IsWebPage(absl::string_view start) { return BeginsWithTag(start); }

bool IsModelFile(absl::string_view start) {
  return IsTflite(start) && absl::StrContains(start, kMetadataEntry);
}

ForeignFile RecognizeForeignFile(absl::string_view start, int64_t size) {
  if (start.empty()) return {"an empty file", Use::kOther, ""};
  if (IsTflite(start)) {
    if (absl::StrContains(start, kMetadataEntry)) return {};
    if (absl::StrContains(start, ".w_prime_")) {
      return {"a LoRA adapter of MediaPipe", Use::kOther,
              "`inkling-convert --lora FILE OUT --base=MODEL` makes an adapter file of it"};
    }
    if (absl::StrContains(start, "odml.infra.proto.LlmParameters")) {
      return {"an LLM file of MediaPipe", Use::kConvert, ""};
    }
    return {"a TensorFlow Lite graph", Use::kOther,
            "graphs of operators aren't read: convert the checkpoint it was made from"};
  }
  for (const Magic& magic : kMagics) {
    if (start.size() > magic.offset && absl::StartsWith(start.substr(magic.offset), magic.bytes)) {
      return {magic.name, magic.use, magic.advice};
    }
  }
  if (absl::StartsWith(start, "PK\x03\x04") ||
      (start.size() > 8 && absl::StartsWith(start.substr(4), "PK\x03\x04"))) {
    return RecognizeZip(start);
  }
  if (IsSafetensors(start, size)) return {"a safetensors file", Use::kConvertFolder, ""};
  ForeignFile text = RecognizeText(start);
  return text.name.empty() ? RecognizeByStructure(start, size) : text;
}

std::string DescribeForeignFile(const ForeignFile& file, absl::string_view path) {
  if (file.name.empty()) return "";
  switch (file.use) {
    case Use::kConvert:
      return absl::StrCat("found ", file.name, "; `inkling-convert ", path,
                          " model.tflite` makes a model file of it", file.advice);
    case Use::kConvertFolder:
      return absl::StrCat("found ", file.name, "; `inkling-convert ", path,
                          " model.tflite` makes a model file of it and of config.json and the "
                          "tokenizer beside it");
    case Use::kOther:
      break;
  }
  return absl::StrCat("found ", file.name, file.advice.empty() ? "" : "; ", file.advice);
}

}  // namespace inkling
