// Gives a fuzz target every file of the folders on the command line, and damaged forms of each: the
// corpus as an ordinary test, for builds without libFuzzer.
//
// The damage is the same in every run: bits flipped, bytes overwritten, pieces cut out or doubled.
// A corpus of which the parser accepts nothing tests next to nothing, and fails.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes);

}  // namespace inkling

namespace {

constexpr int kDamagedForms = 60;
constexpr size_t kLargestToDamage = size_t{64} << 10;  // larger ones take too long as a test

bool Run(const std::string& bytes) {
  // A copy of exactly this size, so that AddressSanitizer sees the first byte read behind it.
  const std::vector<char> copy(bytes.begin(), bytes.end());
  return inkling::FuzzOne(absl::string_view(copy.data(), copy.size()));
}

std::string Damaged(std::string bytes, std::minstd_rand& random) {
  for (uint32_t i = random() % 4 + 1; i > 0 && !bytes.empty(); --i) {
    const size_t at = random() % bytes.size();
    const size_t length = std::min<size_t>(random() % 16 + 1, bytes.size() - at);
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 1:
        bytes[at] = static_cast<char>(random() % 256);
        break;
      case 2:
        bytes.replace(at, length, length, '\xff');
        break;
      case 3:
        bytes.erase(at, length);
        break;
      default:
        bytes.insert(at, bytes.substr(at, length));
        break;
    }
  }
  return bytes;
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  int num_files = 0;
  int num_accepted = 0;
  std::minstd_rand random(1);
  (void)Run("");
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      std::cerr << argv[0] << ": " << argv[i] << " is no folder\n";
      return 2;
    }
    for (const std::string& path : FilesIn(argv[i])) {
      std::ifstream file(path, std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(file), {});
      std::cout << path << ", " << bytes.size() << " bytes" << std::endl;  // before it can crash
      num_accepted += Run(bytes) ? 1 : 0;
      ++num_files;
      if (bytes.size() > kLargestToDamage) continue;
      for (int form = 0; form < kDamagedForms; ++form) (void)Run(Damaged(bytes, random));
    }
  }
  std::cout << num_files << " files, " << num_accepted << " accepted as they are\n";
  return num_accepted > 0 ? 0 : 1;
}
