// A model from a path, a part of an open file, memory, or whatever the app reads
// (open_from_anywhere.md).
//
// usage: guide_open_from_anywhere MODEL.tflite

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "inkling/model_source.h"

namespace {

using ModelOrError = absl::StatusOr<std::shared_ptr<const inkling::LlmModel>>;

// [snippet progress]
ModelOrError OpenWithProgress(const inkling::ModelSource& source) {
  inkling::ModelOptions options;
  options.progress = [](const inkling::LoadProgress& progress) {
    if (progress.done_bytes == progress.total_bytes) std::cout << "100 %\n";
    return true;  // false gives up: Open then returns Cancelled
  };
  return inkling::LlmModel::Open(source, options);
}
// [/snippet]

// [snippet descriptor]
// `length` bytes of an open file, as AAsset_openFileDescriptor gives them on Android.
ModelOrError OpenAsset(int descriptor, int64_t offset, int64_t length) {
  auto model = OpenWithProgress(inkling::ModelSource::FromDescriptor(descriptor, offset, length));
  close(descriptor);  // not needed any more
  return model;
}
// [/snippet]

// [snippet reader]
// A function that the app writes: it decrypts, unpacks, or reads another process's memory.
ModelOrError OpenWithReader(std::ifstream& file, int64_t size) {
  auto read = [&file](int64_t offset, absl::Span<std::byte> bytes) -> absl::Status {
    file.seekg(offset);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return file ? absl::OkStatus() : absl::DataLossError("the file is shorter than it was");
  };
  return OpenWithProgress(inkling::ModelSource::FromReader(read, size));
}
// [/snippet]

// [snippet memory]
// `bytes` must stay as they are until the model and its sessions are gone.
ModelOrError OpenMemory(const std::vector<char>& bytes) {
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  return OpenWithProgress(inkling::ModelSource::FromMemory({begin, bytes.size()}));
}
// [/snippet]

absl::Status Answer(ModelOrError model, const char* from) {
  if (!model.ok()) return model.status();
  auto session = inkling::LlmSession::Create(*std::move(model));
  if (!session.ok()) return session.status();
  auto answer = (*session)->Chat("What is two plus two?");
  if (!answer.ok()) return answer.status();
  std::cout << from << ": " << answer->text << "\n";
  return absl::OkStatus();
}

absl::Status Run(const std::string& path) {
  absl::Status status = Answer(OpenWithProgress(inkling::ModelSource::FromPath(path)), "path");
  if (!status.ok()) return status;
  status = Answer(OpenAsset(open(path.c_str(), O_RDONLY), 0, -1), "descriptor");
  if (!status.ok()) return status;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const int64_t size = file.tellg();
  status = Answer(OpenWithReader(file, size), "reader");
  if (!status.ok()) return status;
  std::vector<char> bytes(static_cast<size_t>(size));
  file.seekg(0);
  file.read(bytes.data(), size);
  return Answer(OpenMemory(bytes), "memory");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: guide_open_from_anywhere MODEL.tflite\n", 2;
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
