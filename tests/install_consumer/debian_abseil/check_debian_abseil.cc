// An app with a library that uses Debian's abseil of 2022, linked statically. It shares no source
// file with Inkling's headers.

#include <string>

#include "absl/base/config.h"
#include "absl/container/flat_hash_map.h"
#include "absl/debugging/symbolize.h"
#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"

extern "C" int CheckOwnLibrary() {
  if (ABSL_LTS_RELEASE_VERSION != 20220623) return 1;
  absl::flat_hash_map<std::string, int> map = {{"one", 1}};
  const absl::Status status = absl::NotFoundError(absl::StrCat("no ", map["one"]));
  if (status.ToString() != "NOT_FOUND: no 1") return 2;
  absl::Mutex mutex;
  const absl::MutexLock lock(&mutex);
  absl::Cord cord("left");
  cord.Append(std::string(4096, 'r'));
  if (cord.size() != 4100 || absl::StrFormat("%.3f", 0.5) != "0.500") return 3;
  char name[64];
  absl::Symbolize(reinterpret_cast<void*>(&CheckOwnLibrary), name, sizeof(name));
  return 0;
}
