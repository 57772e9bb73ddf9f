// What every fuzz target here is made of: one function that takes any bytes and must come back.
//
// A target includes this once and defines FuzzOne(). Built with Clang and INKLING_FUZZER=ON,
// libFuzzer searches for bytes that break it (tests/run.sh --fuzz); in every other build
// replay_main.cc gives it the corpus, as an ordinary test. A finding becomes a file in
// corpus/<target>/ in the same commit as its mend.

#ifndef INKLING_TESTS_FUZZ_FUZZ_TARGET_H_
#define INKLING_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <system_error>

#include "absl/strings/string_view.h"

#if defined(_WIN32)
#include <process.h>
#else
#include <unistd.h>
#endif

namespace inkling {

// Reads `bytes` with the parser under test and uses what comes out of it. Returns for any input:
// true if the parser accepted it.
bool FuzzOne(absl::string_view bytes);

// Ends the process, which libFuzzer and ctest count as a finding, unless `condition` holds.
inline void Expect(bool condition, const char* what) {
  if (condition) return;
  std::cerr << "expected: " << what << "\n";
  std::abort();
}

// A file of this process that holds the latest input, for parsers that open paths.
class FuzzFile {
 public:
  explicit FuzzFile(absl::string_view bytes) {
    static const Name name;
    path_ = name.path;
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    Expect(file.good(), "room for a temporary file");
  }

  const std::string& path() const { return path_; }

 private:
  // One name for all inputs, removed when the process ends.
  struct Name {
    Name()
        : path((std::filesystem::temp_directory_path() / ("inkling_fuzz." + Number())).string()) {}
    ~Name() {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
    static std::string Number() {
#if defined(_WIN32)
      return std::to_string(_getpid());
#else
      return std::to_string(getpid());
#endif
    }
    const std::string path;
  };

  std::string path_;
};

}  // namespace inkling

// What libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)inkling::FuzzOne(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}

#endif  // INKLING_TESTS_FUZZ_FUZZ_TARGET_H_
