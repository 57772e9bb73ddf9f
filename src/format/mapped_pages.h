// MappedPages: owns whole pages of memory, a file's or fresh ones, and gives them back.
//
// MappedFile and AddressSpace live in it, so that mapping and unmapping stand in one place.

#ifndef INKLING_SRC_FORMAT_MAPPED_PAGES_H_
#define INKLING_SRC_FORMAT_MAPPED_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/types/span.h"

namespace inkling {

struct UnmapPages {
  size_t bytes = 0;
  void operator()(std::byte* pages) const;
};
using MappedPages = std::unique_ptr<std::byte[], UnmapPages>;

enum class PageAccess { kNone, kReadWrite };

// Fresh pages, zero and resident only from when they are touched. Null with errno set where the
// system has none, or where `bytes` is 0.
MappedPages MapFreshPages(size_t bytes, PageAccess access);

// Makes fresh pages resident all at once, for somebody who will write all of them: half the time of
// a fault for each. Nothing where the system can't.
void PopulatePages(std::byte* begin, size_t bytes);

// `bytes` bytes behind `offset`, a multiple of a page, of the file at the descriptor `fd`,
// read-only; at least a page's alignment. Null with errno set.
MappedPages MapFilePages(int fd, int64_t offset, size_t bytes);

// Lets the system drop the pages that lie inside fresh or allocated memory with all of their bytes;
// where it does so, they are 0 when they are touched again.
void ReleaseInnerPages(absl::Span<std::byte> bytes);

// Lets the system drop the whole pages inside [offset, offset + length) of a mapping of `bytes`;
// the mapping's last page counts as whole. A file's are read again when touched, fresh ones are 0
// then.
void ReleaseWholePages(absl::Span<const std::byte> bytes, int64_t offset, int64_t length);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_MAPPED_PAGES_H_
