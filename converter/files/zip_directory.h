// The central directory of a ZIP archive: which entries lie where in the file.
//
// The PyTorch reader opens archives with it. Only stored (uncompressed) entries are read, so that
// their bytes can be taken from the file at any offset; archives and entries over 4 GiB (zip64) are
// fine.

#ifndef INKLING_CONVERTER_FILES_ZIP_DIRECTORY_H_
#define INKLING_CONVERTER_FILES_ZIP_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/files/input_file.h"

namespace inkling {

struct ZipEntry {
  std::string name;
  int64_t offset = 0;  // of its first byte, in the file
  int64_t bytes = 0;
};

// Entries in the directory's order, each inside the file. Errors (all name the file): DataLoss for
// a file without the directory that ends every archive (a download that stopped); InvalidArgument
// for damage, a name twice, or a directory of more than 64 MiB; Unimplemented for an entry that is
// compressed or encrypted, and for an archive in several parts.
absl::StatusOr<std::vector<ZipEntry>> ReadZipDirectory(const InputFile& file);

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_ZIP_DIRECTORY_H_
