// mmap and munmap; WebAssembly has no pages to map, so there it is memory of malloc.
//
// Emscripten's mmap would read files, too, but into address 0 when there is no memory left, and
// 2 GiB at most.

#include "src/format/mapped_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace inkling {

#if defined(__EMSCRIPTEN__)

void UnmapPages::operator()(std::byte* pages) const { std::free(pages); }

MappedPages MapFreshPages(size_t bytes, PageAccess) {
  constexpr size_t kPageBytes = 65536;
  const size_t rounded = (bytes + kPageBytes - 1) & ~(kPageBytes - 1);
  void* pages = rounded < bytes ? nullptr : std::aligned_alloc(kPageBytes, rounded);
  if (pages == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  return MappedPages(static_cast<std::byte*>(std::memset(pages, 0, rounded)), {bytes});
}

void PopulatePages(std::byte*, size_t) {}

MappedPages MapFilePages(int fd, int64_t offset, size_t bytes) {
  constexpr size_t kReadBytes = size_t{64} << 20;  // node refuses to read 2 GiB at once
  MappedPages pages = MapFreshPages(bytes, PageAccess::kReadWrite);
  for (size_t done = 0; pages != nullptr && done < bytes;) {
    const ssize_t count = pread(fd, pages.get() + done, std::min(bytes - done, kReadBytes),
                                offset + static_cast<int64_t>(done));
    if (count <= 0) {
      const int error = count < 0 ? errno : EIO;  // the file has become shorter
      pages.reset();
      errno = error;
      break;
    }
    done += static_cast<size_t>(count);
  }
  return pages;
}

#else

namespace {

MappedPages Map(size_t bytes, int protection, int flags, int fd, int64_t offset) {
  void* pages = mmap(nullptr, bytes, protection, flags, fd, static_cast<off_t>(offset));
  return MappedPages(pages == MAP_FAILED ? nullptr : static_cast<std::byte*>(pages), {bytes});
}

}  // namespace

void UnmapPages::operator()(std::byte* pages) const { munmap(pages, bytes); }

MappedPages MapFreshPages(size_t bytes, PageAccess access) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_NORESERVE
  flags |= MAP_NORESERVE;
#endif
  return Map(bytes, access == PageAccess::kNone ? PROT_NONE : PROT_READ | PROT_WRITE, flags, -1, 0);
}

void PopulatePages(std::byte* begin, size_t bytes) {
#if defined(__linux__)
  constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, which older headers lack
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t first = reinterpret_cast<uintptr_t>(begin) / page * page;
  const uintptr_t size = reinterpret_cast<uintptr_t>(begin) + bytes - first;
  (void)madvise(reinterpret_cast<void*>(first), size, kPopulateWrite);
#else
  static_cast<void>(begin);
  static_cast<void>(bytes);
#endif
}

MappedPages MapFilePages(int fd, int64_t offset, size_t bytes) {
  return Map(bytes, PROT_READ, MAP_SHARED, fd, offset);
}

#endif

void ReleaseInnerPages(absl::Span<std::byte> bytes) {
#if !defined(__EMSCRIPTEN__)
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t first = (begin + page - 1) / page * page;
  const uintptr_t last = (begin + bytes.size()) / page * page;
  if (first < last) (void)madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
#else
  static_cast<void>(bytes);
#endif
}

void ReleaseWholePages(absl::Span<const std::byte> bytes, int64_t offset, int64_t length) {
  const int64_t size = static_cast<int64_t>(bytes.size());
  if (offset < 0 || length <= 0 || offset >= size) return;
#if !defined(__EMSCRIPTEN__)
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(bytes.data());
  const bool to_end = length >= size - offset;
  const uintptr_t first = (begin + static_cast<uintptr_t>(offset) + page - 1) / page * page;
  const uintptr_t end = begin + static_cast<uintptr_t>(to_end ? size : offset + length);
  // The mapping's last page has nothing else on it.
  const uintptr_t last = to_end ? end : end / page * page;
  // Advice only: a refusal changes nothing but memory use.
  if (first < last) (void)madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
#endif
}

}  // namespace inkling
