// Files beyond 4 GiB: offsets of more than 32 bits in the reader and the writer. The files are
// holes, not data.

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/format/model_metadata.h"
#include "src/format/model_reader.h"
#include "src/format/model_writer.h"
#include "src/format/stored_tensors.h"
#include "tests/format/model_parts.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

constexpr int64_t kFourGiB = int64_t{1} << 32;

// The embedding alone, [1048640, 1024] in f32, takes more than 4 GiB.
ModelConfig LargeConfig() {
  ModelConfig config = TinyConfig();
  config.vocab_size = (1 << 20) + 64;
  config.hidden_dim = 1024;
  config.tied_head = true;
  return config;
}

ModelMetadata LargeMetadata() {
  ModelMetadata metadata = TinyMetadata(TinyConfig());
  metadata.config = LargeConfig();
  metadata.model_id = std::string(32, '0');
  return metadata;
}

absl::StatusOr<FileLayout> LargeLayout() {
  const std::vector<TensorInfo> tensors = TensorList(LargeConfig());
  return LayOutFile(tensors, std::vector<TensorType>(tensors.size()),
                    static_cast<int64_t>(EncodeMetadata(LargeMetadata()).size()));
}

std::vector<std::byte> Pattern(size_t count) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return bytes;
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~Descriptor() { close(fd_); }
  int get() const { return fd_; }

 private:
  int fd_;
};

TEST(LargeFileTest, TensorsBeyondFourGiBAreRead) {
  if (sizeof(void*) == 4) GTEST_SKIP() << "4 GiB don't fit into a 32-bit address space";
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const FileLayout layout, LargeLayout());
  ASSERT_GT(layout.tensors[0].values.size, kFourGiB);
  const std::string head = AssembleHead(layout.container, EncodeMetadata(LargeMetadata()));
  const std::vector<std::byte> pattern = Pattern(4096);
  const Extent& last = layout.tensors.back().values;
  {
    const Descriptor file(dir.File("m"), O_RDWR | O_CREAT);
    if (ftruncate(file.get(), layout.file_bytes) != 0)
      GTEST_SKIP() << "this disk has no room for a sparse file of 4 GiB";
    ASSERT_EQ(pwrite(file.get(), head.data(), head.size(), 0), static_cast<ssize_t>(head.size()));
    ASSERT_EQ(pwrite(file.get(), pattern.data(), 4096, last.offset), 4096);
    ASSERT_EQ(pwrite(file.get(), pattern.data(), 4096, layout.tensors[0].values.end() - 4096),
              4096);
  }
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader, ModelReader::Open(dir.File("m")));
  EXPECT_GT(reader->file_bytes(), kFourGiB);
  const TensorView& norm = reader->tensors().back();
  EXPECT_EQ(norm.info.name, "final_norm.weight");
  EXPECT_EQ(std::memcmp(norm.values, pattern.data(), 4096), 0);
  const TensorView& embedding = reader->tensors().front();
  EXPECT_EQ(std::memcmp(embedding.values + embedding.value_bytes - 4096, pattern.data(), 4096), 0);
  reader->ReleasePages(embedding);
}

TEST(LargeFileTest, RowsBeyondFourGiBAreWrittenToTheirPlaces) {
  const TempDir dir;
  struct statvfs disk;
  ASSERT_EQ(statvfs(dir.path().c_str(), &disk), 0);
  if (uint64_t{disk.f_bavail} * disk.f_frsize < static_cast<uint64_t>(2 * kFourGiB)) {
    GTEST_SKIP() << "this disk has less than 8 GiB free";
  }
  ASSERT_OK_AND_ASSIGN(const FileLayout layout, LargeLayout());
  const std::vector<TensorType> types(layout.tensors.size());
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelWriter> writer,
                       ModelWriter::Create(dir.File("m"), LargeMetadata(), types));
  const std::vector<std::byte> pattern = Pattern(4096);
  ASSERT_OK(writer->WriteRows(types.size() - 1, 0, pattern, {}));
  const Descriptor file(dir.File("m.partial"), O_RDONLY);
  std::vector<std::byte> found(4096);
  const Extent& last = layout.tensors.back().values;
  ASSERT_GT(last.offset, kFourGiB);
  ASSERT_EQ(pread(file.get(), found.data(), 4096, last.offset), 4096);
  EXPECT_EQ(found, pattern);
  EXPECT_EQ(lseek(file.get(), 0, SEEK_END), layout.file_bytes);
}

}  // namespace
}  // namespace inkling
